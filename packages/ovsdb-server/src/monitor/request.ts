/** Parses monitor requests (RFC 7047 section 4.1.5; ovsdb-server(7) sections 4.1.12 to 4.1.15). */
import { compareStrings } from '@weft/ovsdb/atom';
import { type Condition, parseCondition } from '@weft/ovsdb/condition';
import { OvsdbError, syntaxError } from '@weft/ovsdb/error';
import { isArray, isObject, type Json, type JsonObject } from '@weft/ovsdb/json';
import type { MemoryTable } from '../memory-table.ts';
import type { Member } from './member.ts';
import type { MonitoredColumn, Select } from './table-view.ts';

export interface TableRequest {
  readonly table: MemoryTable;
  readonly columns: readonly MonitoredColumn[];
  /** What any of the requests for the table selects. */
  readonly selects: Select;
  readonly condition: Condition;
}

/**
 * Tables and columns in the order of their names, whatever the order of the request: clients that ask for the same share what is made for them (the
 * Python IDL names columns in an order that is another in each process), and updates name them in the order in which the C server does.
 * Errors: `syntax error` for unknown tables and columns too, `unknown column` and others of `parseCondition`.
 */
export function parseMonitorRequests(
  tables: ReadonlyMap<string, MemoryTable>,
  json: Json | undefined,
  conditional: boolean,
): TableRequest[] {
  if (!isObject(json)) throw syntaxError(json ?? null, 'monitor-requests must be object');
  const parsed = Object.entries(json).map(([name, requests]) => {
    const table = tables.get(name);
    if (table === undefined) throw new OvsdbError('syntax error', `no table named ${name}`);
    const columns: MonitoredColumn[] = [];
    const selects = { initial: false, insert: false, delete: false, modify: false };
    const condition: (Condition[number] | true)[] = [];
    // One request may stand without its array.
    const list = isArray(requests) ? requests : [requests];
    for (const request of list) {
      if (!isObject(request)) throw noObject(table);
      const where = parseRequest(table, request, conditional, columns, selects);
      // A request without conditions wants all rows, whatever the others of this table say.
      condition.push(...(where.length === 0 ? [true] : where));
    }
    columns.sort((a, b) => compareStrings(a.name, b.name));
    return { table, columns, selects, condition };
  });
  return parsed.sort((a, b) => compareStrings(a.table.name, b.table.name));
}

function noObject(table: MemoryTable): OvsdbError {
  return new OvsdbError('syntax error', `Parsing table ${table.name} failed: Object expected.`);
}

function parseRequest(
  table: MemoryTable,
  request: JsonObject,
  conditional: boolean,
  columns: MonitoredColumn[],
  selects: { -readonly [K in keyof Select]: boolean },
): Condition {
  const allowed = conditional ? ['columns', 'where', 'select'] : ['columns', 'select'];
  checkMembers(table, request, allowed);
  const select = parseSelect(table, request.select as JsonObject | undefined);
  for (const kind of kinds) selects[kind] ||= select[kind];
  const names = request.columns as readonly Json[] | undefined;
  if (names === undefined) {
    // All columns but _uuid (RFC 7047 section 4.1.5), which identifies the row anyway.
    for (const name of [...Object.keys(table.schema.columns), '_version']) addColumn(columns, name, select);
  } else {
    for (const name of names) {
      if (typeof name !== 'string') throw syntaxError(names, 'array of column names expected');
      if (name !== '_uuid' && name !== '_version' && !Object.hasOwn(table.schema.columns, name)) {
        throw syntaxError(names, `${name} is not a valid column name`);
      }
      addColumn(columns, name, select, names);
    }
  }
  return request.where === undefined ? [] : parseCondition(table.name, table.schema, request.where);
}

/** Errors: `syntax error` for a member of another type, or one that is not among `allowed`. */
function checkMembers(table: MemoryTable, request: JsonObject, allowed: readonly string[]): void {
  const fail = (details: string): OvsdbError => syntaxError(request, `Parsing table ${table.name} failed: ${details}`);
  for (const member of ['where', 'columns', 'select']) {
    const json = request[member];
    if (json === undefined || !allowed.includes(member)) continue;
    if (member === 'select' ? !isObject(json) : !isArray(json)) throw fail(`Type mismatch for member '${member}'.`);
  }
  for (const member of Object.keys(request)) {
    if (!allowed.includes(member)) throw fail(`Member '${member}' is present but not allowed here.`);
  }
}

function addColumn(columns: MonitoredColumn[], name: string, select: Select, syntax?: Json): void {
  if (columns.some((column) => column.name === name)) {
    const details = `column ${name} mentioned more than once`;
    throw new OvsdbError('syntax error', details, syntax === undefined ? {} : { syntax });
  }
  columns.push({ name, select });
}

const kinds = ['initial', 'insert', 'delete', 'modify'] as const;

function parseSelect(table: MemoryTable, json: JsonObject | undefined): Select {
  const select = { initial: true, insert: true, delete: true, modify: true };
  if (json === undefined) return select;
  for (const [member, wanted] of Object.entries(json)) {
    const kind = kinds.find((name) => name === member);
    if (kind === undefined) {
      throw syntaxError(
        json,
        `Parsing table ${table.name} select failed: Member '${member}' is present but not allowed here.`,
      );
    }
    if (typeof wanted !== 'boolean') {
      throw syntaxError(json, `Parsing table ${table.name} select failed: Type mismatch for member '${member}'.`);
    }
    select[kind] = wanted;
  }
  return select;
}

/** `<monitor-cond-update-requests>`: the new condition of each table that is named. A table without a request keeps its own. */
export function parseConditionChanges(
  tables: ReadonlyMap<string, MemoryTable>,
  json: Json | undefined,
  member: Member,
): Map<MemoryTable, Condition> {
  if (!isObject(json)) throw new OvsdbError('syntax error', 'monitor-cond-change-requests must be object');
  const changes = new Map<MemoryTable, Condition>();
  for (const [name, requests] of Object.entries(json)) {
    const table = tables.get(name);
    if (table === undefined) throw new OvsdbError('syntax error', `no table named ${name}`);
    if (!member.view.tables.has(table))
      throw new OvsdbError('syntax error', `no table named ${name} in monitor session`);
    if (!isArray(requests)) {
      throw new OvsdbError('syntax error', `table ${name} no monitor-cond-change JSON array`);
    }
    const condition: (Condition[number] | true)[] = [];
    for (const request of requests) {
      if (!isObject(request)) throw noObject(table);
      checkMembers(table, request, ['columns', 'where']);
      if (request.columns !== undefined) throw syntaxError(request, 'changing columns is unsupported');
      // A plain `monitor` has no conditions, and is as good as asked without them.
      if (member.method === 'update') continue;
      const where = request.where === undefined ? [] : parseCondition(table.name, table.schema, request.where);
      condition.push(...(where.length === 0 ? [true as const] : where));
    }
    if (condition.length > 0) changes.set(table, condition);
  }
  return new Map([...changes].sort(([a], [b]) => compareStrings(a.name, b.name)));
}
