/** Transactions that are built anew when something came between. No I/O. */
import { ConflictError, NotConnectedError, TransactionError, UncertainError } from './errors.ts';

export interface RetryOptions {
  /** Attempts in all. Default 5. */
  readonly attempts?: number;
  /**
   * What `build` adds does no harm if it is done twice, because it reads the rows first and they show it, or because it says what shall be and not what
   * shall be added. Then an attempt whose outcome is not known is made again; without this it rejects. Rows of a cluster may show it late, so for what must
   * never be there twice the database needs an index, or the transaction a `verify`.
   */
  readonly repeatable?: boolean;
}

export interface Attempts<T> {
  /** A new transaction, on rows that are those of a server. */
  begin(): Promise<T>;
  /** Gives the rows time to show what an attempt was refused for. */
  settle(): Promise<void>;
}

/** See {@link Replica.retry}. */
export async function retry<T extends { commit(): Promise<unknown> }, R>(
  { begin, settle }: Attempts<T>,
  build: (transaction: T) => R,
  { attempts = 5, repeatable = false }: RetryOptions,
): Promise<{ readonly transaction: T; readonly value: R }> {
  let uncertain: UncertainError | undefined;
  for (let attempt = 1; ; attempt++) {
    const transaction = await begin().catch((error: unknown) => fail(error, uncertain));
    const value = build(transaction);
    try {
      await transaction.commit();
      return { transaction, value };
    } catch (error) {
      if (error instanceof UncertainError) uncertain = error;
      if (attempt >= attempts || !mayFollow(error, uncertain, repeatable)) fail(error, uncertain);
      if (error instanceof TransactionError) await settle();
    }
  }
}

function mayFollow(error: unknown, uncertain: UncertainError | undefined, repeatable: boolean): boolean {
  if (error instanceof NotConnectedError || error instanceof ConflictError) return true;
  // What an attempt before has done may be why this one is refused.
  return repeatable && uncertain !== undefined && (error === uncertain || error instanceof TransactionError);
}

/** The last error, unless an attempt before it may have been committed all the same. */
function fail(error: unknown, uncertain: UncertainError | undefined): never {
  if (uncertain === undefined || error === uncertain) throw error;
  const last = error instanceof Error ? error.message : String(error);
  throw new UncertainError(`${uncertain.message}; then: ${last}`, { cause: error });
}
