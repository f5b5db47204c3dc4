/** RBAC_Role and RBAC_Permission: what a chassis may write (ovn-sb(5), RBAC_Permission; ovn-architecture(7), "Role-Based Access Controls"). */
import type { Output } from '../northd.ts';

interface Permission {
  readonly table: string;
  /** Columns that must hold the client's id for it to change the row; `''` for any client. */
  readonly authorization: readonly string[];
  readonly insertDelete: boolean;
  readonly update: readonly string[];
}

const anyone = [''];

const permissions: readonly Permission[] = [
  {
    table: 'Chassis',
    authorization: ['name'],
    insertDelete: true,
    update: ['encaps', 'external_ids', 'nb_cfg', 'other_config', 'transport_zones', 'vtep_logical_switches'],
  },
  {
    table: 'Chassis_Private',
    authorization: ['name'],
    insertDelete: true,
    update: ['chassis', 'external_ids', 'nb_cfg', 'nb_cfg_timestamp'],
  },
  { table: 'Encap', authorization: ['chassis_name'], insertDelete: true, update: ['ip', 'options', 'type'] },
  {
    table: 'Controller_Event',
    authorization: anyone,
    insertDelete: true,
    update: ['chassis', 'event_info', 'event_type', 'seq_num'],
  },
  { table: 'FDB', authorization: anyone, insertDelete: true, update: ['dp_key', 'mac', 'port_key'] },
  {
    table: 'Port_Binding',
    authorization: anyone,
    insertDelete: false,
    update: ['additional_chassis', 'additional_encap', 'chassis', 'encap', 'options', 'up', 'virtual_parent'],
  },
  {
    table: 'MAC_Binding',
    authorization: anyone,
    insertDelete: true,
    update: ['datapath', 'ip', 'logical_port', 'mac', 'timestamp'],
  },
  { table: 'Service_Monitor', authorization: anyone, insertDelete: false, update: ['status'] },
  {
    table: 'IGMP_Group',
    authorization: anyone,
    insertDelete: true,
    update: ['address', 'chassis', 'datapath', 'ports'],
  },
  { table: 'BFD', authorization: anyone, insertDelete: false, update: ['status'] },
];

export const rbac: Output = ({ rows, allocations }) => {
  const desired = rows.table('sb', 'RBAC_Permission');
  for (const { table, authorization, insertDelete, update } of permissions) {
    desired.set(table, { table, authorization, insert_delete: insertDelete, update });
  }
  rows.table('sb', 'RBAC_Role').set('ovn-controller', {
    name: 'ovn-controller',
    permissions: new Map(
      permissions
        .map(({ table }): [string, string] => [table, allocations.uuid('RBAC_Permission', table)])
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  });
};
