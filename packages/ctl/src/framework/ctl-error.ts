/**
 * A command cannot be done: the message goes to the log, and to standard error after the program's name; the exit status is 1, and nothing is committed.
 * An empty message has been said already.
 */
export class CtlError extends Error {
  override name = 'CtlError';
}

/** The command line itself is wrong: the message goes to standard error alone. */
export class UsageError extends CtlError {
  override name = 'UsageError';
}
