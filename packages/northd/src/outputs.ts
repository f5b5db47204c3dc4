/** Every table that northd writes beside Logical_Flow, in an order in which a row comes after those that it refers to. */
import { notSupported } from './nb/not-supported.ts';
import { switchPortColumns } from './nb/switch-port.ts';
import { switchPortProblems } from './nb/switch-port-problems.ts';
import type { Output } from './northd.ts';
import { dns, haChassisGroups, meters, staticMacBindings, templateVariables } from './sb/copies.ts';
import { datapathBindings } from './sb/datapath-binding.ts';
import { dhcpOptions } from './sb/dhcp-options.ts';
import { learned } from './sb/learned.ts';
import { multicastGroups } from './sb/multicast-group.ts';
import { portBindings } from './sb/port-binding.ts';
import { rbac } from './sb/rbac.ts';
import { globals } from './sb/sb-global.ts';
import { sets } from './sb/sets.ts';

export const allOutputs: readonly Output[] = [
  rbac,
  dhcpOptions,
  globals,
  datapathBindings,
  haChassisGroups,
  portBindings,
  multicastGroups,
  sets,
  meters,
  staticMacBindings,
  templateVariables,
  dns,
  learned,
  switchPortColumns,
  switchPortProblems,
  notSupported,
];
