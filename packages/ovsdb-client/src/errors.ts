/** What a client of a database is told when something does not work. */
import { isArray, isObject, type Json, type JsonObject } from '@weft/ovsdb/json';

/** There is no usable connection, so nothing was sent. */
export class NotConnectedError extends Error {
  override name = 'NotConnectedError';
}

/** The connection broke before the reply, that of a relay to its source perhaps: the transaction may have been committed, or not. */
export class UncertainError extends Error {
  override name = 'UncertainError';
}

/** The replica was opened read-only. */
export class ReadOnlyError extends Error {
  override name = 'ReadOnlyError';
}

/** The server refused a transaction (RFC 7047 section 4.1.3). */
export class TransactionError extends Error {
  override name = 'TransactionError';
  /** RFC 7047's word for the error, such as `constraint violation`. */
  readonly kind: string;
  readonly details: string;
  /** Index of the operation that failed; undefined if the commit did. */
  readonly operation: number | undefined;

  constructor(error: JsonObject, operation: number | undefined) {
    const kind = typeof error.error === 'string' ? error.error : 'unknown error';
    const details = typeof error.details === 'string' ? error.details : '';
    super(details === '' ? kind : `${kind}: ${details}`);
    this.kind = kind;
    this.details = details;
    this.operation = operation;
  }
}

/** What the transaction was built on has changed in the meantime; built anew, it may succeed. */
export class ConflictError extends TransactionError {
  override name = 'ConflictError';
}

/**
 * What no JSON text of a server's may hold ends the connection, for all that is under way on it: it is refused here.
 * @throws TransactionError
 */
export function requireText(json: Json): void {
  if (typeof json === 'string') {
    if (!notText.test(json)) return;
    throw new TransactionError(
      { error: 'syntax error', details: 'a string holds a null character, or half of a pair of surrogates' },
      undefined,
    );
  }
  if (isArray(json)) for (const member of json) requireText(member);
  else if (isObject(json)) for (const member of Object.values(json)) requireText(member);
}

/** With the flag, whole pairs are one character each. */
const notText = /[\0\ud800-\udfff]/u;

const lostSource = 'the relay has lost its source';

/** What became of a transaction to which the server answered with an error in the place of results. */
export function refusal(error: Json): Error {
  // The database was converted or removed, or a relay (of C) lost its source: only in the former case was it surely not executed.
  if (error === 'canceled') {
    return new UncertainError('canceled by the server; the transaction may have been committed');
  }
  return failure(isObject(error) ? error : { error: String(error) }, undefined);
}

/**
 * Checks the reply to `transact`.
 * @throws TransactionError for the first error in it, ConflictError if that is a `wait` that timed out, UncertainError if it is that of a relay (of
 * weft-ovsdb) which does not know what became of the transaction.
 */
export function checkResults(reply: Json): readonly JsonObject[] {
  if (!Array.isArray(reply)) throw new TransactionError({ error: 'malformed reply' }, undefined);
  const results = reply as readonly Json[];
  for (const [i, result] of results.entries()) {
    if (typeof result !== 'object' || result === null || Array.isArray(result)) continue;
    const object = result as JsonObject;
    // An error behind the results of all operations is that of the commit; the caller knows their number.
    if (object.error !== undefined && object.error !== null) throw failure(object, i);
  }
  return results.map((result) => (result ?? {}) as JsonObject);
}

function failure(error: JsonObject, operation: number | undefined): Error {
  const { details } = error;
  if (error.error === 'I/O error' && typeof details === 'string' && details.endsWith(lostSource)) {
    return new UncertainError(`${details}; the transaction may have been committed`);
  }
  return new (error.error === 'timed out' ? ConflictError : TransactionError)(error, operation);
}
