/**
 * Everything that northd writes to SB, as units of operations in an order that is safe for readers however it is cut into transactions: what is
 * referred to comes before what refers to it, and SB_Global, whose `nb_cfg` says that all of it is there, comes last.
 */
import type { Row, RowChange } from '@weft/ovsdb/row';
import { type SbRow, sb } from '@weft/schemas/sb';
import type { Allocations } from './allocations.ts';
import type { DesiredRow } from './desired-rows.ts';
import { FlowWriter } from './flow-writer.ts';
import { type KeyedTable, naturalKeys, neverInserted } from './natural-keys.ts';
import type { Northd } from './northd.ts';
import { TableReconciler, type Unit } from './reconciler.ts';

/** The tables in the order in which their rows are inserted. */
const insertOrder: readonly KeyedTable[] = [
  'RBAC_Permission',
  'RBAC_Role',
  'DHCP_Options',
  'DHCPv6_Options',
  'Datapath_Binding',
  'IP_Multicast',
  'HA_Chassis_Group',
  'Port_Binding',
  'Multicast_Group',
  'Address_Set',
  'Port_Group',
  'Meter',
  'Static_MAC_Binding',
  'Chassis_Template_Var',
  'DNS',
  'MAC_Binding',
  'FDB',
  'Load_Balancer',
];

/** The order in which changes of one update have to be looked at. */
const observeRank = (table: string): number => (table === 'Logical_Flow' ? 2 : table === 'Logical_DP_Group' ? 1 : 0);

/** The SB tables that the writer has to observe. */
export const observedTables = [
  ...(Object.keys(naturalKeys) as KeyedTable[]),
  'Logical_DP_Group',
  'Logical_Flow',
  'Meter_Band',
  'HA_Chassis',
] as const;

/** A port that becomes a virtual one, or ceases to be one, belongs to nobody until a chassis claims it anew. */
function resetBinding(row: Row, wanted: DesiredRow): DesiredRow | undefined {
  const change = [row.type, wanted.type];
  if (row.type === wanted.type || !change.includes('virtual')) return undefined;
  return { chassis: undefined, virtual_parent: undefined, up: false };
}

export class SbWriter {
  readonly #tables = new Map<string, TableReconciler>();
  readonly #flows: FlowWriter;

  /** `child` finds the rows of tables that have no natural key, by uuid. */
  constructor(northd: Northd, allocations: Allocations, child: ConstructorParameters<typeof TableReconciler>[2]) {
    // A datapath of ours that somebody has made a stray one is put right: its tunnel key is in use.
    const keyOfDatapath = (row: SbRow<'Datapath_Binding'>): string => {
      const key = naturalKeys.Datapath_Binding(row);
      return key.startsWith('stray ') ? (allocations.keyOf('Datapath_Binding', row._uuid) ?? key) : key;
    };
    for (const [table, keyOf] of Object.entries({ ...naturalKeys, Datapath_Binding: keyOfDatapath })) {
      const spec = {
        desired: northd.rows.table('sb', table),
        schema: sb.tables[table as KeyedTable],
        keyOf: keyOf as (row: object) => string | undefined,
        uuidOf: (key: string) => allocations.uuid(table, key),
        gone: (key: string) => {
          allocations.release(table, key);
          if (table === 'Datapath_Binding') northd.flows.hashes.forget(key);
        },
        deletes: table !== 'SB_Global',
        inserts: !neverInserted.has(table),
        ...(table === 'Port_Binding' ? { initial: { up: false }, reset: resetBinding } : {}),
      };
      this.#tables.set(table, new TableReconciler(spec, sb, child));
    }
    this.#flows = new FlowWriter({
      flows: northd.flows,
      allocations,
      datapath: (uuid) => this.#datapaths.get(uuid),
    });
  }

  /** What each Datapath_Binding is there for. */
  readonly #datapaths = new Map<string, { readonly nb: string; readonly type: 'switch' | 'router' }>();

  /** Rows of SB have changed, or are there at the start. */
  observe(changes: readonly RowChange[]): void {
    const ranks = new Set(changes.map(({ table }) => observeRank(table)));
    for (const rank of [0, 1, 2]) {
      if (!ranks.has(rank)) continue;
      for (const change of changes) if (observeRank(change.table) === rank) this.#observe(change);
    }
  }

  #observe(change: RowChange): void {
    if (change.table === 'Logical_Flow') this.#flows.observeFlow(change);
    else if (change.table === 'Logical_DP_Group') this.#flows.observeGroup(change);
    else {
      if (change.table === 'Datapath_Binding') this.#observeDatapath(change);
      this.#tables.get(change.table)?.observe(change);
    }
  }

  #observeDatapath({ uuid, new: next }: RowChange): void {
    const ids = (next as SbRow<'Datapath_Binding'> | undefined)?.external_ids;
    const ls = ids?.get('logical-switch');
    const lr = ids?.get('logical-router');
    if (ls !== undefined) this.#datapaths.set(uuid, { nb: ls, type: 'switch' });
    else if (lr !== undefined) this.#datapaths.set(uuid, { nb: lr, type: 'router' });
    else this.#datapaths.delete(uuid);
  }

  get hasWork(): boolean {
    if (this.#flows.hasWork) return true;
    for (const table of this.#tables.values()) if (table.hasWork) return true;
    return false;
  }

  /** The difference between what is desired and what SB holds. Desired rows must not change until the last unit is taken. */
  *units(): Iterable<Unit> {
    for (const table of this.#tables.values()) yield* table.prepare();
    for (const table of [...insertOrder].reverse()) {
      if (table !== 'Datapath_Binding') yield* this.#table(table).deletions();
    }
    for (const table of insertOrder) yield* this.#table(table).upserts();
    yield* this.#flows.upserts();
    yield* this.#flows.deletions();
    yield* this.#table('Datapath_Binding').deletions();
    yield* this.#table('SB_Global').upserts();
  }

  #table(name: KeyedTable): TableReconciler {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`${name} has no reconciler`);
    return table;
  }
}
