/**
 * Rows of one table: making them in one compact shape, and writing their columns as JSON text. The functions are chosen once per column, so that
 * serialising a row looks at no schema.
 */
import type { Atom, AtomicType } from '@weft/ovsdb/atom';
import { type Datum, isDefault } from '@weft/ovsdb/datum';
import { difference } from '@weft/ovsdb/diff';
import type { Row } from '@weft/ovsdb/row';
import { type RowShape, rowShape, type UnfinishedRow } from '@weft/ovsdb/row-shape';
import type { ColumnType, TableSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';

type Writer = (datum: Datum) => string;

function atomWriter(type: AtomicType): (atom: Atom) => string {
  switch (type) {
    case 'string':
      return (atom) => JSON.stringify(atom);
    case 'uuid':
      return (atom) => `["uuid","${atom as string}"]`;
    default:
      return (atom) => String(atom);
  }
}

function datumWriter(type: ColumnType): Writer {
  const key = atomWriter(type.key.type);
  switch (type.kind) {
    case 'scalar':
      return (datum) => key(datum as Atom);
    case 'optional':
      return (datum) => (datum === undefined ? '["set",[]]' : key(datum as Atom));
    case 'set':
      return (datum) => {
        const atoms = datum as readonly Atom[];
        if (atoms.length === 0) return '["set",[]]';
        if (atoms.length === 1) return key(atoms[0]!);
        let text = `["set",[${key(atoms[0]!)}`;
        for (let i = 1; i < atoms.length; i++) text += `,${key(atoms[i]!)}`;
        return `${text}]]`;
      };
    case 'map': {
      const value = atomWriter(type.value?.type ?? 'string');
      return (datum) => {
        let text = '';
        for (const [k, v] of datum as ReadonlyMap<Atom, Atom>)
          text += `${text === '' ? '' : ','}[${key(k)},${value(v)}]`;
        return `["map",[${text}]]`;
      };
    }
  }
}

interface ColumnText {
  readonly name: string;
  /** `"name":` */
  readonly label: string;
  /** Undefined for `_uuid` and `_version`. */
  readonly type: ColumnType | undefined;
  readonly isDefault: (datum: Datum) => boolean;
  readonly write: Writer;
}

function defaultTest(type: ColumnType): (datum: Datum) => boolean {
  if (type.min === 0) {
    switch (type.kind) {
      case 'optional':
        return (datum) => datum === undefined;
      case 'set':
        return (datum) => (datum as readonly Atom[]).length === 0;
      case 'map':
        return (datum) => (datum as ReadonlyMap<Atom, Atom>).size === 0;
    }
  }
  return (datum) => isDefault(type, datum);
}

/** Columns that somebody wants to see. */
interface ColumnTexts {
  readonly all: readonly ColumnText[];
  /** Those of the schema. */
  readonly byName: ReadonlyMap<string, ColumnText>;
  /** `_uuid` and `_version`. */
  readonly virtual: readonly ColumnText[];
}

export class RowText {
  readonly #shape: RowShape;
  readonly #columns = new Map<string, ColumnText>();
  /** Lists of columns live as long as what asks for them: a monitor, the table. */
  readonly #lists = new WeakMap<readonly string[], ColumnTexts>();
  /** What `_version` shows: a fresh uuid for each state of a row. */
  readonly #version: (row: Row) => Uuid;

  constructor(table: TableSchema, version: (row: Row) => Uuid) {
    this.#version = version;
    this.#shape = rowShape(table);
    for (const [name, column] of Object.entries(table.columns)) {
      this.#columns.set(name, {
        name,
        label: `${JSON.stringify(name)}:`,
        type: column.type,
        isDefault: defaultTest(column.type),
        write: datumWriter(column.type),
      });
    }
  }

  /** A row with these values, and defaults for the rest. */
  make(uuid: Uuid, values: Iterable<readonly [string, Datum]>): Row {
    const row = this.#shape.make(uuid);
    for (const [column, datum] of values) row[column] = datum;
    return row;
  }

  /** A row like this one, for the caller to change before anybody else has it. */
  copy(row: Row): UnfinishedRow {
    return this.#shape.copy(row);
  }

  /** `{"column":value,...}` with these columns, `_uuid` and `_version` among them if they are named. */
  object(row: Row, columns: readonly string[], omitDefaults: boolean): string {
    let text = '';
    for (const column of this.#textsOf(columns).all) {
      const { name, label, type, isDefault, write } = column;
      let member: string;
      if (type === undefined) member = this.#virtual(column, row);
      else {
        const datum = row[name];
        if (omitDefaults && isDefault(datum)) continue;
        member = label + write(datum);
      }
      text = text === '' ? member : `${text},${member}`;
    }
    return `{${text}}`;
  }

  /** `object` without defaults, for a row of which only the columns `given` may have another value. */
  inserted(row: Row, given: readonly string[], columns: readonly string[]): string {
    const { byName, virtual } = this.#textsOf(columns);
    let text = '';
    for (const name of given) {
      const column = byName.get(name);
      if (column === undefined) continue;
      const datum = row[name];
      if (!column.isDefault(datum)) text += `${text === '' ? '' : ','}${column.label}${column.write(datum)}`;
    }
    for (const column of virtual) text += `${text === '' ? '' : ','}${this.#virtual(column, row)}`;
    return `{${text}}`;
  }

  /** The differences of those `columns` that changed, as update2 writes them; undefined if none did. All that did are in `changed`. */
  difference(old: Row, next: Row, changed: readonly string[], columns: readonly string[]): string | undefined {
    const { byName, virtual } = this.#textsOf(columns);
    let text = '';
    for (const name of changed) {
      const column = byName.get(name);
      // Unchanged columns share their value; the transaction engine has compared them.
      if (column?.type === undefined || old[name] === next[name]) continue;
      text += `${text === '' ? '' : ','}${column.label}${column.write(difference(column.type, old[name], next[name]))}`;
    }
    for (const column of virtual) {
      if (column.name === '_version') text += `${text === '' ? '' : ','}${this.#virtual(column, next)}`;
    }
    return text === '' ? undefined : `{${text}}`;
  }

  #virtual({ name, label }: ColumnText, row: Row): string {
    return `${label}["uuid","${name === '_uuid' ? row._uuid : this.#version(row)}"]`;
  }

  #textsOf(columns: readonly string[]): ColumnTexts {
    let texts = this.#lists.get(columns);
    if (texts === undefined) {
      const all = columns.map(
        (name) =>
          this.#columns.get(name) ?? {
            name,
            label: `"${name}":`,
            type: undefined,
            isDefault: () => false,
            write: () => '',
          },
      );
      const ofSchema = all.filter(({ type }) => type !== undefined);
      texts = {
        all,
        byName: new Map(ofSchema.map((column) => [column.name, column])),
        virtual: all.filter(({ type }) => type === undefined),
      };
      this.#lists.set(columns, texts);
    }
    return texts;
  }

  /** Those of `columns` that differ between two states of a row. All that do are in `changed`. */
  changed(old: Row, next: Row, changed: readonly string[], columns: readonly string[]): readonly string[] {
    return columns.filter((name) =>
      this.#columns.has(name) ? changed.includes(name) && old[name] !== next[name] : name === '_version',
    );
  }
}
