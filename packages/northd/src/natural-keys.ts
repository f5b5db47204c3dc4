/**
 * What makes a row of SB the row of something in NB: the key under which desired rows and rows of SB meet. A table that is not here is not
 * northd's to write, or (Logical_Flow) has a writer of its own.
 */
import type { SbRow, SbTable } from '@weft/schemas/sb';

type KeyOf<T extends SbTable> = (row: SbRow<T>) => string | undefined;

export const naturalKeys = {
  SB_Global: () => '',
  RBAC_Permission: (row) => row.table,
  RBAC_Role: (row) => row.name,
  DHCP_Options: (row) => row.name,
  DHCPv6_Options: (row) => row.name,
  // One that says of nothing that it is its datapath is nobody's: nobody desires it, so it is deleted.
  Datapath_Binding: ({ _uuid, external_ids }) =>
    external_ids.get('logical-switch') ?? external_ids.get('logical-router') ?? `stray ${_uuid}`,
  IP_Multicast: (row) => row.datapath,
  HA_Chassis_Group: (row) => row.name,
  Port_Binding: (row) => row.logical_port,
  Multicast_Group: (row) => `${row.datapath} ${row.name}`,
  Address_Set: (row) => row.name,
  Port_Group: (row) => row.name,
  Meter: (row) => row.name,
  Static_MAC_Binding: (row) => `${row.logical_port} ${row.ip}`,
  Chassis_Template_Var: (row) => row.chassis,
  MAC_Binding: (row) => row._uuid,
  FDB: (row) => row._uuid,
  // Load balancers are not northd's to make yet; a row that is left over would keep its datapath from being deleted.
  Load_Balancer: (row) => row._uuid,
  DNS: (row) => row.external_ids.get('dns_id'),
} satisfies { readonly [T in SbTable]?: KeyOf<T> };

export type KeyedTable = keyof typeof naturalKeys;

/** Tables whose rows are others' to insert. */
export const neverInserted: ReadonlySet<string> = new Set<KeyedTable>(['MAC_Binding', 'FDB', 'Load_Balancer']);
