/**
 * What must hold when a transaction commits (RFC 7047 sections 3.2 and 5.2): references lead somewhere, rows that nobody needs go, weak references
 * to vanished rows go, no table has too many rows, indexes are unique.
 */
import type { Atom } from '@weft/ovsdb/atom';
import { atomText } from '@weft/ovsdb/constraint';
import { type Datum, datumsEqual, emptyMap, emptySet } from '@weft/ovsdb/datum';
import { OvsdbError } from '@weft/ovsdb/error';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType } from '@weft/ovsdb/schema';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import type { Journal } from './changes.ts';
import type { MemoryTable } from './memory-table.ts';
import { addedReferences, type ReferenceColumn, type References, referredTo } from './references.ts';

/**
 * Completes a transaction: collects garbage, drops weak references, checks everything.
 * Errors: `referential integrity violation`, `constraint violation`. The caller undoes the journal then.
 */
export function complete(journal: Journal, references: References): void {
  checkStrongReferences(journal, references);
  collectGarbage(journal, references);
  dropWeakReferences(journal, references);
  checkRowCounts(journal);
  checkUnique(journal);
}

function checkStrongReferences(journal: Journal, references: References): void {
  for (const { table, uuid, old } of journal.touched()) {
    const row = table.get(uuid);
    if (row === undefined) {
      const count = references.strongCount(table, uuid);
      if (count > 0) {
        throw new OvsdbError(
          'referential integrity violation',
          `cannot delete ${table.name} row ${uuid} because of ${count} remaining reference(s)`,
        );
      }
      continue;
    }
    for (const reference of references.from(table)) {
      if (reference.refType !== 'strong' || (old !== undefined && old[reference.column] === row[reference.column])) {
        continue;
      }
      for (const target of addedReferences(reference, old, row)) {
        if (reference.target.get(target) === undefined) {
          throw new OvsdbError(
            'referential integrity violation',
            `Table ${table.name} column ${reference.column} row ${uuid} references nonexistent row ${target} in table ${reference.target.name}.`,
          );
        }
      }
    }
  }
}

/** Deletes rows of tables outside the root set to which no strong reference leads, from a candidate to what only it referred to. */
function collectGarbage(journal: Journal, references: References): void {
  const suspects: { table: MemoryTable; uuid: Uuid }[] = [];
  const suspectTargets = (table: MemoryTable, row: Row, kept?: Row): void => {
    for (const reference of references.from(table)) {
      if (reference.refType !== 'strong' || reference.target.schema.isRoot) continue;
      for (const uuid of addedReferences(reference, kept, row)) suspects.push({ table: reference.target, uuid });
    }
  };
  for (const { table, uuid, old } of [...journal.touched()]) {
    const row = table.get(uuid);
    if (row !== undefined && !table.schema.isRoot) suspects.push({ table, uuid });
    if (old !== undefined) suspectTargets(table, old, row);
  }
  for (let suspect = suspects.pop(); suspect !== undefined; suspect = suspects.pop()) {
    const { table, uuid } = suspect;
    const row = table.get(uuid);
    if (row === undefined || references.strongCount(table, uuid) > 0) continue;
    journal.write(table, uuid, undefined);
    suspectTargets(table, row);
  }
}

function dropWeakReferences(journal: Journal, references: References): void {
  // Rows that refer to a row which this transaction deleted.
  for (const { table, uuid } of [...journal.touched()]) {
    if (table.get(uuid) !== undefined) continue;
    for (const reference of references.to(table)) {
      if (reference.refType !== 'weak') continue;
      for (const referrer of [...reference.index.get(uuid)]) dropFrom(journal, reference, referrer);
    }
  }
  // Rows of this transaction that refer to rows which never were.
  for (const { table, uuid, old } of [...journal.touched()]) {
    for (const reference of references.from(table)) {
      if (reference.refType !== 'weak') continue;
      const row = table.get(uuid);
      if (row === undefined) break;
      if (old !== undefined && old[reference.column] === row[reference.column]) continue;
      for (const target of referredTo(reference, row)) {
        if (reference.target.get(target) === undefined) {
          dropFrom(journal, reference, uuid);
          break;
        }
      }
    }
  }
}

/** Takes from one column of one row all weak references that lead nowhere. */
function dropFrom(journal: Journal, reference: ReferenceColumn, uuid: Uuid): void {
  const { table, column, target, part } = reference;
  const row = table.get(uuid);
  if (row === undefined) return;
  const type = table.schema.columns[column]!.type;
  const datum = row[column];
  const lives = (atom: Atom): boolean => target.get(atom as Uuid) !== undefined;
  let next: Datum;
  let dropped: number;
  let zero = false;
  if (datum instanceof Map) {
    const pairs = [...(datum as ReadonlyMap<Atom, Atom>)].filter(([key, value]) => lives(part === 'key' ? key : value));
    dropped = datum.size - pairs.length;
    next = pairs.length === 0 ? (emptyMap as ReadonlyMap<Atom, Atom>) : new Map(pairs);
  } else {
    const atoms = datum === undefined ? [] : Array.isArray(datum) ? (datum as readonly Atom[]) : [datum as Atom];
    const rest = atoms.filter(lives);
    dropped = atoms.length - rest.length;
    zero = atoms.includes(zeroUuid);
    next = type.kind === 'set' ? (rest.length === 0 ? emptySet : rest) : rest[0];
  }
  if (dropped === 0) return;
  if (type.min > 0 && isEmpty(next)) throw emptied(journal, reference, uuid, dropped, zero);
  journal.write(table, uuid, { ...row, [column]: next });
}

function isEmpty(datum: Datum): boolean {
  return (
    datum === undefined || (Array.isArray(datum) && datum.length === 0) || (datum instanceof Map && datum.size === 0)
  );
}

function emptied(journal: Journal, reference: ReferenceColumn, uuid: Uuid, n: number, zero: boolean): OvsdbError {
  const { table, column } = reference;
  const row = `row ${uuid} (${touchedHow(journal, table, uuid)})`;
  return new OvsdbError(
    'constraint violation',
    zero
      ? `Weak reference column "${column}" in "${table.name}" ${row} contained all-zeros UUID (probably as the default value for this column), but the column must not become empty.`
      : `Removing ${n} weak reference(s) to rows that do not exist from column "${column}" in "${table.name}" ${row} would leave it empty, which its type does not allow.`,
  );
}

function touchedHow(journal: Journal, table: MemoryTable, uuid: Uuid): string {
  const touched = journal.before(table, uuid);
  if (touched === undefined) return 'not modified by this transaction';
  return touched.old === undefined ? 'inserted by this transaction' : 'modified by this transaction';
}

function checkRowCounts(journal: Journal): void {
  const grown = new Set<MemoryTable>();
  for (const { table, uuid, old } of journal.touched()) {
    if (old === undefined && table.schema.maxRows !== Number.POSITIVE_INFINITY && table.get(uuid) !== undefined) {
      grown.add(table);
    }
  }
  for (const table of grown) {
    if (table.size > table.schema.maxRows) {
      throw new OvsdbError(
        'constraint violation',
        `transaction causes "${table.name}" table to contain ${table.size} rows, greater than the schema-defined limit of ${table.schema.maxRows} row(s)`,
      );
    }
  }
}

function checkUnique(journal: Journal): void {
  for (const { table, uuid, old } of journal.touched()) {
    if (table.uniques.length === 0) continue;
    const row = table.get(uuid);
    if (row === undefined) continue;
    for (const unique of table.uniques) {
      if (old !== undefined && unique.columns.every((column) => datumsEqual(old[column], row[column]))) continue;
      const owners = unique.owners(row);
      if (owners.length > 1) throw duplicate(journal, table, unique.columns, row, owners);
    }
  }
}

function duplicate(
  journal: Journal,
  table: MemoryTable,
  columns: readonly string[],
  row: Row,
  owners: readonly Uuid[],
): OvsdbError {
  const values = columns.map((column) => datumText(table.schema.columns[column]!.type, row[column]));
  const names = columns.map((column) => `"${column}"`);
  const describe = (uuid: Uuid): string => {
    const touched = journal.before(table, uuid);
    if (touched === undefined)
      return 'existed in the database before this transaction and was not modified by the transaction';
    if (touched.old === undefined) return 'was inserted by this transaction';
    const before = touched.old;
    const same = columns.every((column) => datumsEqual(before[column], row[column]));
    return same
      ? 'existed in the database before this transaction, with the same values, and was modified by the transaction'
      : 'had other values before this transaction';
  };
  const [first, second] = owners as readonly [Uuid, Uuid];
  return new OvsdbError(
    'constraint violation',
    `Transaction causes multiple rows in "${table.name}" table to have identical values (${list(values)}) for index on ` +
      `column${columns.length > 1 ? 's' : ''} ${list(names)}.  First row, with UUID ${first}, ${describe(first)}.  ` +
      `Second row, with UUID ${second}, ${describe(second)}.`,
  );
}

function list(words: readonly string[]): string {
  if (words.length < 3) return words.join(' and ');
  return `${words.slice(0, -1).join(', ')}, and ${words.at(-1)}`;
}

/** A value as messages show it. */
function datumText(type: ColumnType, datum: Datum): string {
  if (datum instanceof Map) {
    return `{${[...(datum as ReadonlyMap<Atom, Atom>)].map(([k, v]) => `${atomText(k)}=${atomText(v)}`).join(', ')}}`;
  }
  if (Array.isArray(datum) || type.kind === 'optional') {
    const atoms = datum === undefined ? [] : Array.isArray(datum) ? (datum as readonly Atom[]) : [datum as Atom];
    return atoms.length === 1 ? atomText(atoms[0]!) : `[${atoms.map(atomText).join(', ')}]`;
  }
  return atomText(datum as Atom);
}
