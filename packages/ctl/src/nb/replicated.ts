/** What ovn-nbctl replicates for commands of which ours read something else. */
import type { ReplicatedBy } from '../framework/program.ts';
import type { Nb, NbReads } from './types.ts';

/** The names of switch ports and router ports are looked for together. */
const ports: NbReads = { Logical_Switch: ['ports'], Logical_Router: ['ports'] };
const portsAndGroups: NbReads = { ...ports, Logical_Switch: ['ports', 'forwarding_groups'] };
const portsAndCopp: NbReads = { Logical_Switch: ['ports', 'copp'], Logical_Router: ['ports', 'copp'] };
const routes: NbReads = { Logical_Router: ['static_routes'], Logical_Router_Static_Route: ['bfd'] };
const rules: NbReads = { Logical_Router: ['nat'], NAT: ['gateway_port'] };
const balancers: NbReads = { Load_Balancer_Group: ['load_balancer'] };

export const replicated: ReplicatedBy<Nb> = {
  create: {},
  'ls-add': ports,
  'ls-del': ports,
  'lsp-add': ports,
  'lsp-del': ports,
  'lsp-set-addresses': ports,
  'lsp-get-addresses': { Logical_Switch_Port: [], Logical_Router: ['ports'] },
  'lr-del': ports,
  'lrp-add': ports,
  'lrp-del': ports,
  'fwd-group-add': portsAndGroups,
  'fwd-group-del': portsAndGroups,
  'fwd-group-list': { ...ports, Forwarding_Group: [] },
  'mirror-list': { Mirror: [], Logical_Switch_Port: [] },
  'lr-route-add': { ...routes, Logical_Router_Port: [] },
  'lr-route-del': routes,
  'lr-route-list': routes,
  'lr-nat-del': rules,
  'lr-nat-list': rules,
  'lr-lb-list': { ...balancers, Logical_Router: ['load_balancer', 'load_balancer_group'] },
  'ls-lb-list': { ...balancers, Logical_Switch: ['load_balancer', 'load_balancer_group'] },
  'pg-add': { Logical_Switch_Port: [] },
  'ha-chassis-group-del': { HA_Chassis_Group: [] },
  'copp-add': portsAndCopp,
  'copp-del': portsAndCopp,
  'copp-list': portsAndCopp,
  'ls-copp-add': portsAndCopp,
  'lr-copp-add': portsAndCopp,
};
