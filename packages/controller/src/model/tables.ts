/** The tables that the controller reads, as tracked tables, and which columns of them it asks for. */
import type { Runtime } from '@weft/incremental/runtime';
import type { TableRow, TrackedTable, Whole } from '@weft/incremental/table';
import type { RowChange } from '@weft/ovsdb/row';
import type { SbRow, SbTable } from '@weft/schemas/sb';
import type { OvsRow, OvsTable } from '@weft/schemas/vswitch';

/** Of the southbound database. */
export const sbColumns = {
  SB_Global: ['nb_cfg', 'options', 'ipsec'],
  Chassis: ['name', 'hostname', 'encaps', 'other_config', 'transport_zones', 'external_ids', 'vtep_logical_switches'],
  Chassis_Private: ['name', 'chassis', 'nb_cfg', 'nb_cfg_timestamp'],
  Encap: ['type', 'ip', 'options', 'chassis_name'],
  Datapath_Binding: ['tunnel_key', 'external_ids'],
  Port_Binding: [
    'logical_port',
    'type',
    'options',
    'datapath',
    'tunnel_key',
    'parent_port',
    'tag',
    'chassis',
    'encap',
    'mac',
    'port_security',
    'nat_addresses',
    'up',
    'requested_chassis',
    'ha_chassis_group',
    'virtual_parent',
  ],
  Logical_Flow: [
    'logical_datapath',
    'logical_dp_group',
    'pipeline',
    'table_id',
    'priority',
    'match',
    'actions',
    'controller_meter',
    'tags',
  ],
  Logical_DP_Group: ['datapaths'],
  Load_Balancer: ['name', 'vips', 'protocol', 'datapaths', 'datapath_group', 'options'],
  Multicast_Group: ['datapath', 'name', 'tunnel_key', 'ports'],
  Address_Set: ['name', 'addresses'],
  Port_Group: ['name', 'ports'],
  MAC_Binding: ['logical_port', 'ip', 'mac', 'datapath', 'timestamp'],
  Static_MAC_Binding: ['logical_port', 'ip', 'mac', 'datapath', 'override_dynamic_mac'],
  FDB: ['mac', 'dp_key', 'port_key'],
  HA_Chassis_Group: ['name', 'ha_chassis'],
  HA_Chassis: ['chassis', 'priority'],
  Meter: ['name', 'unit', 'bands'],
  Meter_Band: ['action', 'rate', 'burst_size'],
  DHCP_Options: ['name', 'code', 'type'],
  DHCPv6_Options: ['name', 'code', 'type'],
  Chassis_Template_Var: ['chassis', 'variables'],
} as const satisfies { readonly [T in SbTable]?: readonly (keyof SbRow<T> & string)[] };

/** Of the local Open_vSwitch database. Statistics are not among them: they change all the time. */
export const ovsColumns = {
  Open_vSwitch: ['bridges', 'external_ids', 'other_config', 'iface_types', 'datapath_types'],
  Bridge: ['name', 'ports', 'datapath_type', 'fail_mode', 'external_ids', 'other_config'],
  Port: ['name', 'interfaces', 'external_ids', 'tag'],
  Interface: ['name', 'type', 'ofport', 'options', 'external_ids', 'mac_in_use', 'error', 'admin_state', 'mtu'],
  Flow_Sample_Collector_Set: ['id', 'bridge'],
} as const satisfies { readonly [T in OvsTable]?: readonly (keyof OvsRow<T> & string)[] };

/** Many rows, of which northd replaces rather than modifies all but a few: they are tracked in one piece. */
const wholeTables: ReadonlySet<string> = new Set(['Logical_Flow']);

export type SbTables = {
  readonly [T in keyof typeof sbColumns]: T extends 'Logical_Flow'
    ? TrackedTable<Whole<SbRow<T>>, SbRow<T>>
    : TrackedTable<SbRow<T>>;
};
export type OvsTables = { readonly [T in keyof typeof ovsColumns]: TrackedTable<OvsRow<T>> };

/** Both databases' tables in one runtime. */
export interface Tables {
  readonly sb: SbTables;
  readonly ovs: OvsTables;
}

/** Both databases' tables, empty, in a runtime. */
export function createTables(runtime: Runtime): Tables {
  const create = (columns: { readonly [table: string]: readonly string[] }): unknown =>
    Object.fromEntries(
      Object.entries(columns).map(([name, list]) => [
        name,
        wholeTables.has(name) ? runtime.wholeTable(name) : runtime.table<TableRow>(name, list),
      ]),
    );
  return { sb: create(sbColumns) as SbTables, ovs: create(ovsColumns) as OvsTables };
}

/** Takes an update of one database in. */
export function applyChanges(tables: SbTables | OvsTables, changes: readonly RowChange[]): void {
  const byTable = new Map<string, RowChange[]>();
  for (const change of changes) {
    const list = byTable.get(change.table);
    if (list === undefined) byTable.set(change.table, [change]);
    else list.push(change);
  }
  for (const [name, list] of byTable) {
    // Rows of a change are whatever the schema of their table says.
    const table = (tables as { readonly [table: string]: unknown })[name] as TrackedTable<TableRow> | undefined;
    table?.apply(list);
  }
}
