/** What northd writes back to NB: a few columns of rows that are the CMS' own (ovn-nb(5)), never a row. */
import type { RowChange } from '@weft/ovsdb/row';
import { nb } from '@weft/schemas/nb';
import type { Northd } from './northd.ts';
import { TableReconciler, type Unit } from './reconciler.ts';

const tables = ['Logical_Switch_Port', 'NB_Global'] as const;

export class NbWriter {
  readonly #northd: Northd;
  readonly #tables = new Map<string, TableReconciler>();

  constructor(northd: Northd) {
    this.#northd = northd;
    for (const table of tables) {
      const spec = {
        desired: northd.rows.table('nb', table),
        schema: nb.tables[table],
        keyOf: (row: { readonly _uuid: string }) => row._uuid,
        uuidOf: (key: string) => key,
        deletes: false,
        inserts: false,
      };
      this.#tables.set(table, new TableReconciler(spec, nb, () => undefined));
    }
  }

  observe(changes: readonly RowChange[]): void {
    for (const change of changes) this.#tables.get(change.table)?.observe(change);
  }

  /** Columns of NB_Global that no derivation knows, because they tell of writes and clocks. */
  setCounters(uuid: string, counters: { readonly [column: string]: number }): void {
    const desired = this.#northd.rows.table('nb', 'NB_Global');
    desired.set(uuid, { ...desired.get(uuid), ...counters });
  }

  get hasWork(): boolean {
    for (const table of this.#tables.values()) if (table.hasWork) return true;
    return false;
  }

  *units(): Iterable<Unit> {
    for (const table of this.#tables.values()) {
      yield* table.prepare();
      yield* table.upserts();
    }
  }
}
