/** Errors that a connection reports. */
import type { ErrorMessage, Message } from './messages.ts';

/** The switch refused a message. */
export class OpenFlowError extends Error {
  override readonly name = 'OpenFlowError';
  /** Such as `OFPBMC_BAD_PREREQ`. */
  readonly code: string;
  readonly error: ErrorMessage;
  /** The message that was refused, where it is known. */
  readonly request: Message | undefined;

  constructor(error: ErrorMessage, request: Message | undefined) {
    super(`${error.name}${request === undefined ? '' : ` in reply to ${request.type}`}`);
    this.code = error.name;
    this.error = error;
    this.request = request;
  }
}

/** A message of a batch or bundle says what no OpenFlow message can, as more than fits in 64 kB. It was not sent. */
export class EncodingError extends Error {
  override readonly name = 'EncodingError';
  readonly code = 'UNENCODABLE';
  readonly request: Message;

  constructor(request: Message, cause: RangeError) {
    super(`${cause.message}, in ${request.type}`, { cause });
    this.request = request;
  }
}

/** Several messages of one batch or bundle were refused. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
  readonly errors: readonly (OpenFlowError | EncodingError)[];

  constructor(errors: readonly (OpenFlowError | EncodingError)[]) {
    super(`${errors.length} messages were refused, the first with ${errors[0]?.code}`);
    this.errors = errors;
  }
}

/** The connection ended before an answer came. */
export class DisconnectedError extends Error {
  override readonly name = 'DisconnectedError';

  constructor(cause?: unknown) {
    super('the OpenFlow connection was lost', { cause });
  }
}
