/** For tests: a northbound database in memory whose changes go to a core, and what a core made of it as comparable text. */
import type { Datum } from '@weft/ovsdb/datum';
import type { Row } from '@weft/ovsdb/row';
import { rowFactory } from '@weft/ovsdb/row-shape';
import type { Uuid } from '@weft/ovsdb/uuid';
import { type NbTable, nb } from '@weft/schemas/nb';
import { Allocations } from '../allocations.ts';
import { allFeatures } from '../features.ts';
import { Northd } from '../northd.ts';
import { allOutputs } from '../outputs.ts';

type Values = { readonly [column: string]: Datum };

interface Change {
  readonly table: NbTable;
  readonly uuid: Uuid;
  readonly old?: Row;
  readonly new?: Row;
}

export class NbState {
  readonly #tables = new Map<NbTable, Map<Uuid, Row>>();
  #changes: Change[] = [];
  #nextUuid = 1;

  insert(table: NbTable, values: Values): Uuid {
    // Uuids that do not ascend with time, so that the order of insertion is not mistaken for the order of uuids.
    const serial = this.#nextUuid++;
    const head = (Math.imul(serial, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0');
    const uuid = `${head}-0000-4000-8000-${serial.toString(16).padStart(12, '0')}`;
    const row = rowFactory(nb.tables[table])(uuid, values);
    this.#table(table).set(uuid, row);
    this.#changes.push({ table, uuid, new: row });
    return uuid;
  }

  update(table: NbTable, uuid: Uuid, values: Values): void {
    const old = this.#table(table).get(uuid);
    if (old === undefined) throw new Error(`${table} has no row ${uuid}`);
    const row = { ...old, ...values };
    this.#table(table).set(uuid, row);
    this.#changes.push({ table, uuid, old, new: row });
  }

  delete(table: NbTable, uuid: Uuid): void {
    const old = this.#table(table).get(uuid);
    if (old === undefined) return;
    this.#table(table).delete(uuid);
    this.#changes.push({ table, uuid, old });
  }

  get(table: NbTable, uuid: Uuid): Row | undefined {
    return this.#table(table).get(uuid);
  }

  /** Uuids in the order of insertion. */
  uuids(table: NbTable): readonly Uuid[] {
    return [...this.#table(table).keys()];
  }

  /** Adds to, or takes from, a set-valued column of references. */
  link(table: NbTable, uuid: Uuid, column: string, member: Uuid): void {
    const members = this.get(table, uuid)?.[column] as readonly Uuid[];
    this.update(table, uuid, { [column]: [...members, member].sort() });
  }

  unlink(table: NbTable, column: string, member: Uuid): void {
    for (const [uuid, row] of this.#table(table)) {
      const members = row[column] as readonly Uuid[];
      if (members.includes(member)) this.update(table, uuid, { [column]: members.filter((other) => other !== member) });
    }
  }

  /** Gives the core what changed since the last call, as one update, and lets it work. */
  flushTo(northd: Northd): void {
    for (const { table, ...change } of this.#changes) apply(northd, table, [change]);
    this.#changes = [];
    northd.flush();
  }

  /** A core that starts with what is in the database now, and with what was allocated before. */
  recomputed(allocations?: Allocations): Northd {
    const northd = newCore(() => {}, allocations);
    this.replayTo(northd);
    return northd;
  }

  /** Gives a core that has just started what is in the database now, and lets it work. */
  replayTo(northd: Northd): void {
    for (const [table, rows] of this.#tables) {
      apply(
        northd,
        table,
        [...rows].map(([uuid, row]) => ({ uuid, new: row })),
      );
    }
    northd.flush();
  }

  #table(table: NbTable): Map<Uuid, Row> {
    let rows = this.#tables.get(table);
    if (rows === undefined) {
      rows = new Map();
      this.#tables.set(table, rows);
    }
    return rows;
  }
}

function apply(northd: Northd, table: NbTable, changes: readonly Omit<Change, 'table'>[]): void {
  const target = northd.model.nb[table] as unknown as { apply(changes: readonly Omit<Change, 'table'>[]): void };
  target.apply(changes);
}

/** A core with every feature and every output; `failed` hears of rows that make no sense and of features that throw. */
export function newCore(failed: (message: string) => void = () => {}, allocations = new Allocations()): Northd {
  return new Northd({ features: allFeatures, outputs: allOutputs, allocations, problem: failed });
}

/** The flows of a core, a line each, sorted. */
export function flowLines(northd: Northd): readonly string[] {
  const lines: string[] = [];
  for (const flow of northd.flows) {
    const { stage, priority, match, actions, meter, hint, inOutPort } = flow;
    for (const datapath of flow.datapaths) {
      const rest = [hint, inOutPort, meter].map((value) => value ?? '-').join(' ');
      lines.push(`${datapath} ${stage.name} ${priority} (${match}) -> ${actions} ${rest}`);
    }
  }
  return lines.sort();
}

/** The desired rows of a core, a line each, sorted. */
export function rowLines(northd: Northd): readonly string[] {
  const lines: string[] = [];
  for (const table of northd.rows.tables()) {
    for (const [key, row] of table) lines.push(`${table.database} ${table.table} ${key} ${JSON.stringify(row, plain)}`);
  }
  return lines.sort();
}

const plain = (_key: string, value: unknown): unknown => (value instanceof Map ? [...value] : (value ?? null));
