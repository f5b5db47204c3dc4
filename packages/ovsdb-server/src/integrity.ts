/**
 * What must hold when a transaction commits (RFC 7047 sections 3.2 and 5.2): references lead somewhere, rows that nobody needs go, weak references
 * to vanished rows go, no table has too many rows, indexes are unique.
 */
import type { Atom } from '@weft/ovsdb/atom';
import { type Datum, datumsEqual } from '@weft/ovsdb/datum';
import { datumText } from '@weft/ovsdb/describe';
import { OvsdbError } from '@weft/ovsdb/error';
import { withoutKeys, withoutMembers } from '@weft/ovsdb/mutation';
import type { Row } from '@weft/ovsdb/row';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import type { Journal, Touched } from './changes.ts';
import type { MemoryTable } from './memory-table.ts';
import { addedReferences, type ReferenceColumn, type References } from './references.ts';

/**
 * Completes a transaction: collects garbage, drops weak references, checks everything.
 * Errors: `referential integrity violation`, `constraint violation`. The caller undoes the journal then.
 */
export function complete(journal: Journal, references: References): void {
  checkStrongReferences(journal, references);
  collectGarbage(journal, references);
  checkRowCounts(journal);
  dropWeakReferences(journal, references);
  checkUnique(journal);
}

function checkStrongReferences(journal: Journal, references: References): void {
  for (const touched of journal.touched()) {
    const { table, uuid, old, next: row } = touched;
    if (row === undefined) continue;
    for (const reference of references.from(table, 'strong')) {
      if (!mayDiffer(touched, reference)) continue;
      for (const target of addedReferences(reference, old, row)) {
        // A row that this transaction deletes is reported by those below.
        if (reference.target.get(target) === undefined && journal.before(reference.target, target)?.old === undefined) {
          throw new OvsdbError(
            'referential integrity violation',
            `Table ${table.name} column ${reference.column} row ${uuid} references nonexistent row ${target} in table ${reference.target.name}.`,
          );
        }
      }
    }
  }
  for (const { table, uuid, old, next } of journal.touched()) {
    if (old === undefined || next !== undefined) continue;
    const count = references.strongCount(table, uuid);
    if (count > 0) {
      throw new OvsdbError(
        'referential integrity violation',
        `cannot delete ${table.name} row ${uuid} because of ${count} remaining reference(s)`,
      );
    }
  }
}

/** May the row refer to something else now than before the transaction? */
function mayDiffer({ old, columns }: Touched, { column, sparse }: ReferenceColumn): boolean {
  return columns.includes(column) || (old === undefined && !sparse);
}

/** Deletes rows of tables outside the root set to which no strong reference leads, from a candidate to what only it referred to. */
function collectGarbage(journal: Journal, references: References): void {
  const doomed: { table: MemoryTable; uuid: Uuid }[] = [];
  // A row that is needed now, and later not, is looked at again when what refers to it goes.
  const suspect = (table: MemoryTable, uuid: Uuid): void => {
    if (references.strongCount(table, uuid) === 0) doomed.push({ table, uuid });
  };
  const suspectTargets = (table: MemoryTable, columns: readonly string[], row: Row, kept?: Row): void => {
    for (const reference of references.from(table, 'strong')) {
      if (reference.target.schema.isRoot || !columns.includes(reference.column)) continue;
      for (const uuid of addedReferences(reference, kept, row)) suspect(reference.target, uuid);
    }
  };
  for (const { table, uuid, old, next: row, columns } of journal.touched()) {
    if (row !== undefined && !table.schema.isRoot) suspect(table, uuid);
    if (old !== undefined) suspectTargets(table, columns, old, row);
  }
  for (let next = doomed.pop(); next !== undefined; next = doomed.pop()) {
    const { table, uuid } = next;
    const row = table.get(uuid);
    if (row === undefined) continue;
    journal.write(table, uuid, undefined);
    suspectTargets(table, table.columns, row);
  }
}

function dropWeakReferences(journal: Journal, references: References): void {
  /** What rows have to lose, by column and row. */
  let lost: Map<ReferenceColumn, Map<Uuid, Uuid[]>> | undefined;
  const lose = (reference: ReferenceColumn, referrer: Uuid, target: Uuid): void => {
    lost ??= new Map();
    const rows = lost.get(reference) ?? new Map<Uuid, Uuid[]>();
    lost.set(reference, rows);
    const targets = rows.get(referrer);
    if (targets === undefined) rows.set(referrer, [target]);
    else targets.push(target);
  };
  for (const each of journal.touched()) {
    const { table, uuid, old, next: row } = each;
    if (row === undefined) {
      for (const reference of references.to(table, 'weak')) {
        for (const referrer of reference.index.get(uuid)) lose(reference, referrer, uuid);
      }
      continue;
    }
    // It may refer to rows that never were. What it referred to before was there, or is among those that this transaction deletes.
    for (const reference of references.from(table, 'weak')) {
      if (!mayDiffer(each, reference)) continue;
      for (const target of addedReferences(reference, old, row)) {
        if (isUnknown(journal, reference.target, target)) lose(reference, uuid, target);
      }
    }
  }
  if (lost === undefined) return;
  for (const [reference, rows] of lost) for (const [uuid, targets] of rows) dropFrom(journal, reference, uuid, targets);
}

/** It is not there, nor was it at any time of this transaction. */
function isUnknown(journal: Journal, table: MemoryTable, uuid: Uuid): boolean {
  return table.get(uuid) === undefined && journal.before(table, uuid) === undefined;
}

/** Takes from one column of one row the weak references that lead to `targets`. */
function dropFrom(journal: Journal, reference: ReferenceColumn, uuid: Uuid, targets: readonly Uuid[]): void {
  const { table, column, part } = reference;
  const row = table.get(uuid);
  if (row === undefined) return;
  const type = table.schema.columns[column]!.type;
  const datum = row[column];
  let next: Datum;
  let dropped: number;
  let zero = false;
  if (datum instanceof Map) {
    const map = datum as ReadonlyMap<Atom, Atom>;
    const keys = part === 'key' ? targets.filter((key) => map.has(key)) : keysOf(map, new Set(targets));
    dropped = keys.length;
    next = dropped === 0 ? map : withoutKeys(map, keys);
  } else {
    const atoms = datum === undefined ? [] : Array.isArray(datum) ? (datum as readonly Atom[]) : [datum as Atom];
    const rest = withoutMembers(atoms, targets.toSorted());
    dropped = atoms.length - rest.length;
    zero = atoms.includes(zeroUuid);
    next = type.kind === 'set' ? rest : rest[0];
  }
  if (dropped === 0) return;
  if (type.min > 0 && isEmpty(next)) throw emptied(journal, reference, uuid, dropped, zero);
  const changed = table.text.copy(row);
  changed[column] = next;
  journal.write(table, uuid, changed, [column]);
}

/** The keys of the pairs that have one of `values`. */
function keysOf(map: ReadonlyMap<Atom, Atom>, values: ReadonlySet<Atom>): Atom[] {
  const keys: Atom[] = [];
  for (const [key, value] of map) if (values.has(value)) keys.push(key);
  return keys;
}

function isEmpty(datum: Datum): boolean {
  return (
    datum === undefined || (Array.isArray(datum) && datum.length === 0) || (datum instanceof Map && datum.size === 0)
  );
}

function emptied(journal: Journal, reference: ReferenceColumn, uuid: Uuid, n: number, zero: boolean): OvsdbError {
  const { table, column } = reference;
  const touched = journal.before(table, uuid);
  const isNew = touched !== undefined && touched.old === undefined;
  const where = `column "${column}" in "${table.name}" row ${uuid}${isNew ? ' (inserted within this transaction)' : ''}`;
  // "volation" is how the C server writes it, and what people search for.
  return new OvsdbError(
    'constraint violation',
    zero
      ? `Weak reference ${where} contained all-zeros UUID (probably as the default value for this column) but deleting this value caused a constraint volation because this column is not allowed to be empty.`
      : `Deletion of ${n} weak reference(s) to deleted (or never-existing) rows from ${where} caused this column to become empty, but constraints on this column disallow an empty column.`,
  );
}

function checkRowCounts(journal: Journal): void {
  for (const { table, old, next } of journal.touched()) {
    if (table.size > table.schema.maxRows && old === undefined && next !== undefined) {
      throw new OvsdbError(
        'constraint violation',
        `transaction causes "${table.name}" table to contain ${table.size} rows, greater than the schema-defined limit of ${table.schema.maxRows} row(s)`,
      );
    }
  }
}

function checkUnique(journal: Journal): void {
  for (const { table, old, next: row, columns } of journal.touched()) {
    if (row === undefined) continue;
    for (const unique of table.uniques) {
      if (old !== undefined && !differs(old, row, unique.columns, columns)) continue;
      const other = unique.otherOwner(row);
      if (other !== undefined) throw duplicate(journal, table, unique.columns, row, other);
    }
  }
}

/** Do two states of a row differ in one of the columns `of`? They do in none but `columns`. */
function differs(old: Row, row: Row, of: readonly string[], columns: readonly string[]): boolean {
  return of.some((column) => columns.includes(column) && !datumsEqual(old[column], row[column]));
}

/** `row`, which the transaction touched, has the same values as the row `other`. */
function duplicate(
  journal: Journal,
  table: MemoryTable,
  columns: readonly string[],
  row: Row,
  other: Uuid,
): OvsdbError {
  const values = (of: Row): string =>
    list(columns.map((column) => datumText(table.schema.columns[column]!.type, of[column])));
  const history = (uuid: Uuid): string => {
    const touched = journal.before(table, uuid);
    if (touched === undefined)
      return 'existed in the database before this transaction and was not modified by the transaction';
    const before = touched.old;
    if (before === undefined) return 'was inserted by this transaction';
    if (columns.some((column) => !datumsEqual(before[column], row[column])))
      return `had the following index values before the transaction: ${values(before)}`;
    return "existed in the database before this transaction, which modified some of the row's columns but not any columns in this index";
  };
  return new OvsdbError(
    'constraint violation',
    `Transaction causes multiple rows in "${table.name}" table to have identical values (${values(row)}) for index on ` +
      `column${columns.length > 1 ? 's' : ''} ${list(columns.map((column) => `"${column}"`))}.  ` +
      `First row, with UUID ${row._uuid}, ${history(row._uuid)}.  Second row, with UUID ${other}, ${history(other)}.`,
  );
}

function list(words: readonly string[]): string {
  if (words.length < 3) return words.join(' and ');
  return `${words.slice(0, -1).join(', ')}, and ${words.at(-1)}`;
}
