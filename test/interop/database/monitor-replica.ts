/**
 * A client's copy of what one of its monitors shows, kept with nothing but the words of ovsdb-server(7) section 4.1.14. It fails when an update does not
 * fit: a row that comes twice, a change of a row that never came.
 */
import { isArray, type Json, type JsonObject } from '@weft/ovsdb/json';

/** Values of columns as the JSON of the protocol. */
export type Row = { readonly [column: string]: Json };

/** What the difference of two values of a column is depends on it. */
export type Kind = 'one' | 'optional' | 'set' | 'map';

/** The columns that are monitored, by table. */
export type Shape = {
  readonly [table: string]: { readonly [column: string]: { readonly kind: Kind; readonly default: Json } };
};

export class MonitorReplica {
  readonly #shape: Shape;
  /** By table and uuid. */
  #rows = new Map<string, Row>();

  constructor(shape: Shape) {
    this.#shape = shape;
  }

  /** Forgets everything, as before a reply that has everything. */
  clear(): void {
    this.#rows = new Map();
  }

  /** `<table-updates2>`. Throws if it does not fit what is here. */
  apply(updates: Json): void {
    for (const [table, rows] of Object.entries(updates as JsonObject)) {
      for (const [uuid, update] of Object.entries(rows as JsonObject))
        this.#applyRow(table, uuid, update as JsonObject);
    }
  }

  #applyRow(table: string, uuid: string, update: JsonObject): void {
    const key = `${table} ${uuid}`;
    const [[kind, columns] = ['', null]] = Object.entries(update);
    const row = this.#rows.get(key);
    if (kind === 'initial' || kind === 'insert') {
      if (row !== undefined) throw new Error(`${kind} of ${key}, which is here`);
      this.#rows.set(key, wholeRow(this.#shape, table, columns as Row));
    } else if (row === undefined) {
      throw new Error(`${kind} of ${key}, which is not here`);
    } else if (kind === 'delete') {
      this.#rows.delete(key);
    } else {
      const changes = Object.entries(columns as Row).map(([name, change]) => [
        name,
        changed(this.#shape[table]![name]!.kind, row[name]!, change),
      ]);
      this.#rows.set(key, { ...row, ...(Object.fromEntries(changes) as Row) });
    }
  }

  /** One line for each row, in one order. */
  lines(): string[] {
    return [...this.#rows].map(([key, row]) => lineOf(key, row)).sort();
  }
}

/** A row with the defaults of the columns that it lacks, and every set as a set: one of one member may be written as the member. */
export function wholeRow(shape: Shape, table: string, row: Row): Row {
  const columns = Object.entries(shape[table]!).map(([name, { kind, default: absent }]) => {
    const value = row[name] ?? absent;
    const isMember = (kind === 'set' || kind === 'optional') && !(isArray(value) && value[0] === 'set');
    return [name, isMember ? ['set', [value]] : value];
  });
  return Object.fromEntries(columns) as Row;
}

/** Sets and maps have no order that matters. */
export function lineOf(key: string, row: Row): string {
  const columns = Object.entries(row).map(([name, value]) => `${name}=${valueText(value)}`);
  return `${key} ${columns.sort().join(' ')}`;
}

function valueText(value: Json): string {
  if (!isArray(value)) return JSON.stringify(value);
  const members = (value[1] as readonly Json[]).map((member) => JSON.stringify(member));
  return `{${members.sort().join(',')}}`;
}

/** A value after a difference. */
function changed(kind: Kind, value: Json, change: Json): Json {
  if (kind === 'one') return change;
  if (kind === 'map')
    return ['map', changedMap(membersOf(value) as unknown as Pair[], membersOf(change) as unknown as Pair[])];
  const set = isArray(change) && change[0] === 'set' ? change : ['set', [change]];
  return kind === 'optional' ? set : ['set', exclusive(membersOf(value), membersOf(set))];
}

function membersOf(value: Json): Json[] {
  return (value as readonly Json[])[1] as Json[];
}

type Pair = readonly [Json, Json];

function exclusive(a: readonly Json[], b: readonly Json[]): Json[] {
  const without = (from: readonly Json[], members: readonly Json[]): Json[] => {
    const texts = new Set(members.map((member) => JSON.stringify(member)));
    return from.filter((member) => !texts.has(JSON.stringify(member)));
  };
  return [...without(a, b), ...without(b, a)];
}

/** A pair that is here already goes; another value for a key that is here takes its place; a new key is added. */
function changedMap(pairs: readonly Pair[], changes: readonly Pair[]): Json[] {
  const map = new Map(pairs.map(([key, value]) => [JSON.stringify(key), value]));
  for (const [key, value] of changes) {
    const name = JSON.stringify(key);
    if (map.has(name) && JSON.stringify(map.get(name)) === JSON.stringify(value)) map.delete(name);
    else map.set(name, value);
  }
  return [...map].map(([key, value]) => [JSON.parse(key) as Json, value]);
}
