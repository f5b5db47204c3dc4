/** A command cannot be done: the message goes to standard error after the program's name, the exit status is 1, and nothing is committed. */
export class CtlError extends Error {
  override name = 'CtlError';
}
