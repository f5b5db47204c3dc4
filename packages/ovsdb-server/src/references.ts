/** Which columns refer to which table, with an index over each, so that the rows that refer to a row are found from it. */
import type { Atom } from '@weft/ovsdb/atom';
import { type Datum, differingRange } from '@weft/ovsdb/datum';
import { differingKeys } from '@weft/ovsdb/differing-keys';
import type { Row } from '@weft/ovsdb/row';
import type { BaseType, DatabaseSchema, RefType } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { ColumnIndex, Part } from './column-index.ts';
import { isSparse, type MemoryTable } from './memory-table.ts';

type AtomMap = ReadonlyMap<Atom, Atom>;

export interface ReferenceColumn {
  readonly table: MemoryTable;
  readonly column: string;
  readonly part: Part;
  readonly target: MemoryTable;
  readonly index: ColumnIndex;
  /** Its default refers to nothing. */
  readonly sparse: boolean;
}

/** The columns that refer from rows of one table, or to them. */
interface ReferenceColumns {
  readonly strong: ReferenceColumn[];
  readonly weak: ReferenceColumn[];
}

export class References {
  readonly #from = new Map<MemoryTable, ReferenceColumns>();
  readonly #to = new Map<MemoryTable, ReferenceColumns>();

  constructor(schema: DatabaseSchema, tables: ReadonlyMap<string, MemoryTable>) {
    for (const table of tables.values()) {
      this.#from.set(table, { strong: [], weak: [] });
      this.#to.set(table, { strong: [], weak: [] });
    }
    for (const [name, tableSchema] of Object.entries(schema.tables)) {
      for (const [column, { type }] of Object.entries(tableSchema.columns)) {
        this.#add(tables, name, column, 'key', type.key);
        if (type.value !== undefined) this.#add(tables, name, column, 'value', type.value);
      }
    }
  }

  #add(tables: ReadonlyMap<string, MemoryTable>, name: string, column: string, part: Part, base: BaseType): void {
    if (base.refTable === undefined) return;
    const table = tables.get(name)!;
    const target = tables.get(base.refTable)!;
    const index = table.index(column, part);
    const reference = { table, column, part, target, index, sparse: isSparse(table.schema.columns[column]?.type) };
    const refType = base.refType ?? 'strong';
    this.#from.get(table)![refType].push(reference);
    this.#to.get(target)![refType].push(reference);
  }

  /** The columns of `table` that refer to rows. */
  from(table: MemoryTable, refType: RefType): readonly ReferenceColumn[] {
    return this.#from.get(table)![refType];
  }

  /** The columns that refer to rows of `table`. */
  to(table: MemoryTable, refType: RefType): readonly ReferenceColumn[] {
    return this.#to.get(table)![refType];
  }

  /** How many strong references there are to a row, those from itself aside: they keep no row alive. */
  strongCount(table: MemoryTable, uuid: Uuid): number {
    let count = 0;
    for (const reference of this.to(table, 'strong')) {
      count += reference.index.count(uuid, reference.table === table ? uuid : undefined);
    }
    return count;
  }
}

/** The uuids that a reference column holds in `row`. */
export function referredTo(reference: ReferenceColumn, row: Row): Iterable<Uuid> {
  const datum: Datum = row[reference.column];
  if (datum === undefined) return [];
  if (Array.isArray(datum)) return datum as readonly Uuid[];
  if (datum instanceof Map) {
    const map = datum as ReadonlyMap<Atom, Atom>;
    return (reference.part === 'key' ? map.keys() : map.values()) as IterableIterator<Uuid>;
  }
  return [datum as Uuid];
}

/** The uuids that a reference column holds in `row` and not in `before`; of the values of a map, it may have had some under another key. */
export function addedReferences(reference: ReferenceColumn, before: Row | undefined, row: Row): Iterable<Uuid> {
  if (before === undefined) return referredTo(reference, row);
  const { column } = reference;
  const old = before[column];
  const next = row[column];
  if (old === next) return [];
  if (Array.isArray(old) && Array.isArray(next)) return onlyInSecond(old as readonly Uuid[], next as readonly Uuid[]);
  if (old instanceof Map && next instanceof Map) return ofDifferingPairs(reference, old, next);
  return referredTo(reference, row);
}

function ofDifferingPairs({ part }: ReferenceColumn, before: AtomMap, next: AtomMap): Uuid[] {
  const keys = differingKeys(before, next).filter((key) => next.has(key));
  return part === 'key' ? (keys.filter((key) => !before.has(key)) as Uuid[]) : keys.map((key) => next.get(key) as Uuid);
}

/** Both ascending. Uuids are ASCII, so the language's own order is theirs. */
function onlyInSecond(a: readonly Uuid[], b: readonly Uuid[]): Uuid[] {
  const { start, endA, endB } = differingRange(a, b);
  if (start === endA) return b.slice(start, endB);
  const result: Uuid[] = [];
  let i = start;
  for (let j = start; j < endB; j++) {
    const uuid = b[j]!;
    while (i < endA && a[i]! < uuid) i++;
    if (i >= endA || a[i] !== uuid) result.push(uuid);
  }
  return result;
}
