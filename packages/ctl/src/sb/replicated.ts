/** What ovn-sbctl replicates for commands of which ours read something else. */
import type { Reads } from '../framework/command.ts';
import type { ReplicatedBy } from '../framework/program.ts';
import type { Sb } from './types.ts';

/** Most commands come with all that any of them needs. */
const everything: Reads<Sb> = {
  Chassis: ['encaps'],
  Chassis_Private: [],
  Port_Binding: ['chassis', 'datapath', 'mirror_rules'],
  Logical_Flow: ['logical_datapath', 'logical_dp_group'],
  Logical_DP_Group: ['datapaths'],
  Multicast_Group: ['datapath', 'ports'],
  MAC_Binding: ['datapath'],
  Load_Balancer: ['datapaths', 'datapath_group'],
  IP_Multicast: ['datapath'],
};

export const replicated: ReplicatedBy<Sb> = {
  create: {},
  'chassis-add': everything,
  'chassis-del': everything,
  'lsp-bind': everything,
  'lsp-unbind': everything,
  'lflow-list': everything,
  'dump-flows': everything,
  'count-flows': everything,
  'ip-multicast-flush': everything,
};
