/** Executes one transaction against the tables in memory (RFC 7047 section 4.1.3). Nothing here waits: it is done, has failed, or must be tried again. */
import { OvsdbError } from '@weft/ovsdb/error';
import { type Json, jsonText } from '@weft/ovsdb/json';
import type { Uuid } from '@weft/ovsdb/uuid';
import { Journal, type TableChange } from './changes.ts';
import { complete } from './integrity.ts';
import type { MemoryTable } from './memory-table.ts';
import { type Access, NamedUuids, type OperationContext } from './operation/context.ts';
import { abort, assertLock, comment, commit } from './operation/control.ts';
import { deleteRows } from './operation/delete.ts';
import { insert } from './operation/insert.ts';
import { Members } from './operation/members.ts';
import { mutate } from './operation/mutate.ts';
import type { ResultText } from './operation/result.ts';
import { select } from './operation/select.ts';
import { update } from './operation/update.ts';
import { MustWait, wait } from './operation/wait.ts';
import type { References } from './references.ts';

export interface TransactionEnvironment {
  readonly tables: ReadonlyMap<string, MemoryTable>;
  readonly references: References;
  readonly newUuid: () => Uuid;
}

export interface TransactionOptions {
  readonly access?: Access | undefined;
  readonly ownsLock: (lock: string) => boolean;
  /** False: a `wait` that would have to wait is an error. */
  readonly mayWait?: boolean;
  /** Only `select`, `wait` and the like: why nothing may be written, in words that go on after "operation not allowed". */
  readonly readOnly?: string | undefined;
  /** As in `OperationContext`. */
  readonly replicates?: boolean | undefined;
  /** It is only tried: all is undone when it has succeeded, too. */
  readonly trial?: boolean | undefined;
}

export type Outcome =
  | {
      readonly kind: 'done';
      /** RFC 7047 `<operation-result>`s. */
      readonly results: readonly ResultText[];
      /** In memory already; empty if the transaction failed. */
      readonly changes: readonly TableChange[];
      readonly durable: boolean;
      readonly comments: readonly string[];
    }
  | { readonly kind: 'wait'; readonly timeoutMs: number | undefined };

/** A failed transaction has undone what it did when this returns. `elapsedMs`: milliseconds since it was first tried. */
export function execute(
  environment: TransactionEnvironment,
  operations: readonly Json[],
  options: TransactionOptions,
  elapsedMs: number,
): Outcome {
  const journal = new Journal();
  const context: OperationContext = {
    tables: environment.tables,
    journal,
    named: new NamedUuids(environment.newUuid),
    access: options.access,
    readOnly: options.readOnly,
    replicates: options.replicates === true,
    newUuid: environment.newUuid,
    ownsLock: options.ownsLock,
    elapsedMs,
  };
  const count = operations.length;
  const results: ResultText[] = [];
  for (let i = 0; i < count; i++) results.push('null');
  const comments: string[] = [];
  let durable = false;
  let done = 0;
  try {
    for (; done < count; done++) {
      const members = new Members(operations[done]!, done + 1, count);
      const op = members.id('op');
      switch (op) {
        case 'insert':
          results[done] = insert(context, members);
          break;
        case 'select':
          results[done] = select(context, members);
          break;
        case 'update':
          results[done] = update(context, members);
          break;
        case 'mutate':
          results[done] = mutate(context, members);
          break;
        case 'delete':
          results[done] = deleteRows(context, members);
          break;
        case 'wait':
          results[done] = wait(context, members);
          break;
        case 'commit':
          durable = commit(context, members) || durable;
          results[done] = '{}';
          break;
        case 'abort':
          abort(members);
          break;
        case 'comment':
          comments.push(comment(members));
          results[done] = '{}';
          break;
        case 'assert':
          assertLock(context, members);
          results[done] = '{}';
          break;
        default:
          throw members.fail(`No operation "${op}"`);
      }
    }
    if (!journal.isEmpty) complete(journal, environment.references);
    if (options.trial) {
      journal.undo();
      return { kind: 'done', results, changes: [], durable: false, comments };
    }
  } catch (error) {
    journal.undo();
    const waits = error instanceof MustWait;
    if (waits && options.mayWait !== false) return { kind: 'wait', timeoutMs: error.timeoutMs };
    const failure = waits
      ? new OvsdbError('not supported', 'triggers not supported')
      : error instanceof OvsdbError
        ? error
        : new OvsdbError('internal error', error instanceof Error ? error.message : String(error), { cause: error });
    // The failed operation has the error for its result and the rest null; an error of the commit comes after all results.
    results[done] = jsonText(failure.toJson());
    return { kind: 'done', results, changes: [], durable, comments };
  }
  return { kind: 'done', results, changes: journal.changes(), durable, comments };
}
