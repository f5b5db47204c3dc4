/** The errors that an OVSDB server reports (RFC 7047 sections 3.1, 4.1.3 and 5.2; ovsdb-server(7) section 3.1). */
import { type Json, type JsonObject, messageText } from './json.ts';

export type OvsdbErrorKind =
  | 'syntax error'
  | 'unknown column'
  | 'unknown function'
  | 'unknown mutator'
  | 'unknown database'
  | 'unknown method'
  | 'invalid parameters'
  | 'ovsdb error'
  | 'constraint violation'
  | 'referential integrity violation'
  | 'domain error'
  | 'range error'
  | 'timed out'
  | 'aborted'
  | 'not owner'
  | 'not supported'
  | 'not allowed'
  | 'duplicate uuid-name'
  | 'duplicate uuid'
  | 'resources exhausted'
  | 'permission error'
  | 'I/O error'
  | 'internal error';

export class OvsdbError extends Error {
  readonly kind: OvsdbErrorKind;
  /** The piece of JSON that could not be understood. */
  readonly syntax: Json | undefined;

  constructor(kind: OvsdbErrorKind, details: string, options: { syntax?: Json; cause?: unknown } = {}) {
    super(details, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'OvsdbError';
    this.kind = kind;
    this.syntax = options.syntax;
  }

  /** As the C programs print errors. */
  toText(): string {
    const where = this.syntax === undefined ? '' : `syntax "${messageText(this.syntax)}": `;
    return `${where}${this.kind}: ${this.message}`;
  }

  /** RFC 7047 `<error>`. */
  toJson(): JsonObject {
    return {
      ...(this.syntax === undefined ? {} : { syntax: messageText(this.syntax) }),
      details: this.message,
      error: this.kind,
    };
  }
}

/** An error of the kind `syntax error`; `syntax` is the piece of JSON at fault. */
export function syntaxError(syntax: Json, details: string): OvsdbError {
  return new OvsdbError('syntax error', details, { syntax });
}

/** For the default branch of a switch over a closed union. */
export function unreachable(value: never): never {
  throw new OvsdbError('internal error', `unexpected value ${String(value)}`);
}
