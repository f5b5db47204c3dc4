/** A word that names nothing, and the names that there are. */
export interface Mistyped {
  readonly word: string;
  readonly known: readonly string[];
}

/**
 * A command cannot be done: the message goes to the log, and to standard error after the program's name; the exit status is 1, and nothing is committed.
 * An empty message has been said already.
 */
export class CtlError extends Error {
  override name = 'CtlError';
  /** A person is told which of the known words may have been meant. */
  readonly mistyped: Mistyped | undefined;

  constructor(message: string, { mistyped, ...options }: ErrorOptions & { readonly mistyped?: Mistyped } = {}) {
    super(message, options);
    this.mistyped = mistyped;
  }
}

/** The command line itself is wrong: the message goes to standard error alone. */
export class UsageError extends CtlError {
  override name = 'UsageError';
}
