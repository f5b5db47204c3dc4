/** RFC 7047 section 5.2.6. */
import { OvsdbError, syntaxError } from '@weft/ovsdb/error';
import { isObject, type JsonObject } from '@weft/ovsdb/json';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import { decodeUuid, decodeValues, type OperationContext, parseColumns, tableOf, whereOf } from './context.ts';
import type { Members } from './members.ts';

/** The condition does not hold yet, and may in time: the transaction is to be tried again when the database has changed. */
export class MustWait extends Error {
  /** Since the first try; undefined: for ever. */
  readonly timeoutMs: number | undefined;

  constructor(timeoutMs: number | undefined) {
    super('wait');
    this.timeoutMs = timeoutMs;
  }
}

/** Returns the result as JSON text. Errors: `timed out`, those of `parseCondition`. Throws `MustWait` if it must be tried again. */
export function wait(context: OperationContext, members: Members): string {
  const timeoutMs = members.has('timeout') ? members.integer('timeout') : undefined;
  const table = tableOf(context, members);
  const where = members.array('where');
  const columnsJson = members.has('columns') ? members.array('columns') : undefined;
  const until = members.string('until');
  const rowsJson = members.array('rows');
  members.end();

  const condition = whereOf(context, table, where);
  const columns = columnsJson === undefined ? table.allColumns : parseColumns(table, columnsJson);
  if (until !== '==' && until !== '!=') throw syntaxError(until, '"until" must be "==" or "!="');
  if (timeoutMs !== undefined && timeoutMs < 0) throw syntaxError(timeoutMs, 'timeout must be nonnegative');

  // Both sides are sets of rows, so equal rows count once.
  const expected = new Set<string>();
  for (const json of rowsJson) {
    if (!isObject(json)) throw syntaxError(json, 'row must be JSON object');
    const row = table.text.make(uuidIn(context, json, '_uuid'), decodeValues(context, table, json));
    if (columns.includes('_version')) table.setVersion(row, uuidIn(context, json, '_version'));
    expected.add(table.text.object(row, columns, false));
  }
  const actual = new Set<string>();
  let equal = true;
  for (const row of table.matching(condition)) {
    const text = table.text.object(row, columns, false);
    equal = expected.has(text);
    // One row that is not expected is enough to know.
    if (!equal) break;
    actual.add(text);
  }
  equal &&= expected.size === actual.size;
  if (equal === (until === '==')) return '{}';
  if (timeoutMs !== undefined && context.elapsedMs >= timeoutMs) {
    throw new OvsdbError(
      'timed out',
      timeoutMs === 0 ? '"where" clause test failed' : `"wait" timed out after ${Math.floor(context.elapsedMs)} ms`,
    );
  }
  throw new MustWait(timeoutMs);
}

/** What the row that is waited for has in a column that the server fills in. */
function uuidIn(context: OperationContext, row: JsonObject, column: '_uuid' | '_version'): Uuid {
  const json = row[column];
  return json === undefined ? zeroUuid : decodeUuid(context, json);
}
