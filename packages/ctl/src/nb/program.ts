/** nbctl. */
import { nb } from '@weft/schemas/nb';
import type { RecordNames } from '../framework/command.ts';
import { type Program, registry, type Section } from '../framework/program.ts';
import { genericCommands } from '../generic/commands.ts';
import { sslCommands } from '../shared/ssl.ts';
import { aclCommands } from './acl.ts';
import { nbConnectionCommands } from './connection.ts';
import { coppCommands } from './copp.ts';
import { routerCommands, switchCommands } from './datapath.ts';
import { dhcpCommands, portDhcpCommands } from './dhcp.ts';
import { forwardingGroupCommands } from './forwarding-group.ts';
import { gatewayCommands } from './gateway.ts';
import { initCommand, syncCommand } from './general.ts';
import { haChassisGroupCommands } from './ha-chassis-group.ts';
import { loadBalancerCommands } from './load-balancer.ts';
import { meterCommands } from './meter.ts';
import { mirrorCommands, portMirrorCommands } from './mirror.ts';
import { natCommands } from './nat.ts';
import { policyCommands } from './policy.ts';
import { portCommands } from './port.ts';
import { portGroupCommands } from './port-group.ts';
import { qosCommands } from './qos.ts';
import { replicated } from './replicated.ts';
import { routeCommands } from './route.ts';
import { routerPortCommands } from './router-port.ts';
import { showCommands } from './show.ts';
import { staticMacBindingCommands } from './static-mac-binding.ts';
import type { Nb } from './types.ts';

const byName = { column: 'name' };

const recordNames: RecordNames = {
  ACL: [byName],
  Address_Set: [byName],
  Chassis_Template_Var: [{ column: 'chassis' }],
  Connection: [{ column: 'target' }],
  DHCP_Options: ['dhcpv4_options', 'dhcpv6_options'].flatMap((column) => [
    { ...byName, via: { table: 'Logical_Switch_Port', column } },
    { column: 'external_ids', key: 'neutron:port_name', via: { table: 'Logical_Switch_Port', column } },
  ]),
  Forwarding_Group: [byName],
  HA_Chassis: [{ column: 'chassis_name' }],
  HA_Chassis_Group: [byName],
  Load_Balancer: [byName],
  Load_Balancer_Group: [byName],
  Load_Balancer_Health_Check: [{ column: 'vip' }],
  Logical_Router: [byName, { column: 'external_ids', key: 'neutron:router_name' }],
  Logical_Router_Port: [byName],
  Logical_Switch: [byName, { column: 'external_ids', key: 'neutron:network_name' }],
  Logical_Switch_Port: [byName, { column: 'external_ids', key: 'neutron:port_name' }],
  Meter: [byName],
  NAT: [{ column: 'external_ip' }],
  NB_Global: [{}],
  Port_Group: [byName],
  SSL: [{}],
};

const sections: readonly Section<Nb>[] = [
  { title: 'General commands', commands: [initCommand, ...showCommands] },
  { title: 'Logical switch commands', commands: switchCommands },
  { title: 'ACL commands', commands: aclCommands },
  { title: 'QoS commands', commands: qosCommands },
  { title: 'Mirror commands', commands: mirrorCommands },
  { title: 'Meter commands', commands: meterCommands },
  { title: 'Logical switch port commands', commands: [...portCommands, ...portDhcpCommands, ...portMirrorCommands] },
  { title: 'Forwarding group commands', commands: forwardingGroupCommands },
  { title: 'Logical router commands', commands: routerCommands },
  { title: 'Logical router port commands', commands: [...routerPortCommands, ...gatewayCommands] },
  { title: 'Route commands', commands: routeCommands },
  { title: 'Policy commands', commands: policyCommands },
  { title: 'NAT commands', commands: natCommands },
  { title: 'LB commands', commands: loadBalancerCommands },
  { title: 'DHCP options commands', commands: dhcpCommands },
  { title: 'Connection commands', commands: nbConnectionCommands },
  { title: 'SSL commands', commands: sslCommands(nb, 'NB_Global') },
  { title: 'Port group commands', commands: portGroupCommands },
  { title: 'HA chassis group commands', commands: haChassisGroupCommands },
  { title: 'Control plane protection policy commands', commands: coppCommands },
  { title: 'MAC binding commands', commands: staticMacBindingCommands },
  genericCommands(nb),
  { title: 'Synchronization command (use with --wait=sb|hv)', commands: [syncCommand] },
];

export const nbctl: Program<Nb> = {
  name: 'nbctl',
  title: 'OVN northbound DB management utility',
  schema: nb,
  root: { table: 'NB_Global', canWait: true },
  recordNames,
  sections,
  commands: registry(sections),
  replicated,
  environment: { db: 'OVN_NB_DB', daemon: 'OVN_NB_DAEMON', options: 'OVN_NBCTL_OPTIONS' },
  nameSources: {
    SWITCH: [{ table: 'Logical_Switch', column: 'name' }],
    ROUTER: [{ table: 'Logical_Router', column: 'name' }],
    PORT: [{ table: 'Logical_Switch_Port', column: 'name' }],
    PARENT: [{ table: 'Logical_Switch_Port', column: 'name' }],
    'ROUTER PORT': [{ table: 'Logical_Router_Port', column: 'name' }],
    LOGICAL_PORT: [{ table: 'Logical_Router_Port', column: 'name' }],
    '{SWITCH|PORTGROUP}': [
      { table: 'Logical_Switch', column: 'name' },
      { table: 'Port_Group', column: 'name' },
    ],
    PG: [{ table: 'Port_Group', column: 'name' }],
    LB: [{ table: 'Load_Balancer', column: 'name' }],
    MIRROR: [{ table: 'Mirror', column: 'name' }],
    METER: [{ table: 'Meter', column: 'name' }],
    ADDRESS_SET: [{ table: 'Address_Set', column: 'name' }],
  },
  socket: 'ovnnb_db.sock',
};
