/** The operations that touch no row: RFC 7047 sections 5.2.7 to 5.2.10. */
import { OvsdbError } from '@weft/ovsdb/error';
import { asInvalidText } from '@weft/ovsdb/json';
import { checkWritable, type OperationContext } from './context.ts';
import type { Members } from './members.ts';

/** Returns whether the transaction must be on disk before it is answered. Errors: `not allowed`, where nothing may be written. */
export function commit(context: OperationContext, members: Members): boolean {
  const durable = members.boolean('durable');
  members.end();
  checkWritable(context, 'commit');
  return durable;
}

/** Ends the transaction. Errors: `aborted`. */
export function abort(members: Members): never {
  members.end();
  throw new OvsdbError('aborted', 'aborted by request');
}

/** Returns the comment, for the log. */
export function comment(members: Members): string {
  // Programs put their command line there, whatever bytes it has.
  const invalid = asInvalidText(members.json.comment);
  const text = invalid === undefined ? members.string('comment') : members.any('comment');
  members.end();
  return typeof text === 'string' ? text : Buffer.from(String(invalid?.toJSON())).toString();
}

/** Errors: `not owner` if the client does not hold the lock. */
export function assertLock(context: OperationContext, members: Members): void {
  const lock = members.id('lock');
  members.end();
  if (!context.ownsLock(lock)) throw new OvsdbError('not owner', `Asserted lock ${lock} not held.`);
}
