/** What a session wants to know of transactions that its client asks for. */
import { OvsdbError } from '@weft/ovsdb/error';
import { isObject, type Json } from '@weft/ovsdb/json';

/** A commit tries those again that name its tables, so one client must not have any number of them. */
export const maxWaiting = 1000;

const writing = new Set(['insert', 'update', 'mutate', 'delete', 'commit']);

/** A relay handles what may not by itself (ovsdb(7), "Relay Service Model"). */
export function mayWrite(operation: Json): boolean {
  return isObject(operation) && typeof operation.op === 'string' && writing.has(operation.op);
}

export function tooManyWait(): OvsdbError {
  return new OvsdbError('resources exhausted', `transact: ${maxWaiting} transactions of this client wait already`);
}
