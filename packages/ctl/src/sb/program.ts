/** sbctl. */
import { sb } from '@weft/schemas/sb';
import type { RecordNames } from '../framework/command.ts';
import { type Program, registry, type Section } from '../framework/program.ts';
import { genericCommands } from '../generic/commands.ts';
import { connectionCommands } from '../shared/connection.ts';
import { sslCommands } from '../shared/ssl.ts';
import { bindingCommands, chassisCommands, initCommands } from './chassis.ts';
import { flowCommands } from './flow.ts';
import { multicastCommands } from './multicast.ts';
import { replicated } from './replicated.ts';
import { showCommands } from './show.ts';
import type { Sb } from './types.ts';

const byName = { column: 'name' };

const recordNames: RecordNames = {
  Address_Set: [byName],
  Chassis: [byName],
  Chassis_Private: [byName],
  Chassis_Template_Var: [{ column: 'chassis' }],
  Connection: [{ column: 'target' }],
  DHCP_Options: [byName],
  DHCPv6_Options: [byName],
  Datapath_Binding: ['name', 'name2', 'logical-switch', 'logical-router'].map((key) => ({
    column: 'external_ids',
    key,
  })),
  Gateway_Chassis: [byName],
  HA_Chassis_Group: [byName],
  Load_Balancer: [byName],
  MAC_Binding: [{ column: 'logical_port' }],
  Meter: [byName],
  Mirror: [byName],
  Port_Binding: [{ column: 'logical_port' }, { column: 'external_ids', key: 'name' }],
  Port_Group: [byName],
  RBAC_Permission: [{ column: 'table' }],
  RBAC_Role: [byName],
  SB_Global: [{}],
  SSL: [{}],
  Service_Monitor: [{ column: 'logical_port' }],
};

const sections: readonly Section<Sb>[] = [
  { title: 'General commands', commands: [...initCommands, ...showCommands] },
  { title: 'Chassis commands', commands: chassisCommands },
  { title: 'Port binding commands', commands: bindingCommands },
  { title: 'Logical flow commands', commands: flowCommands },
  { title: 'Multicast commands', commands: multicastCommands },
  { title: 'Connection commands', commands: connectionCommands(sb, { root: 'SB_Global', roles: true }) },
  { title: 'SSL commands', commands: sslCommands(sb, 'SB_Global') },
  genericCommands(sb),
];

export const sbctl: Program<Sb> = {
  name: 'sbctl',
  title: 'OVN southbound DB management utility',
  schema: sb,
  root: { table: 'SB_Global', canWait: false },
  recordNames,
  sections,
  commands: registry(sections),
  replicated,
  environment: { db: 'OVN_SB_DB', daemon: 'OVN_SB_DAEMON', options: 'OVN_SBCTL_OPTIONS' },
  nameSources: {
    CHASSIS: [{ table: 'Chassis', column: 'name' }],
    PORT: [{ table: 'Port_Binding', column: 'logical_port' }],
  },
  socket: 'ovnsb_db.sock',
};
