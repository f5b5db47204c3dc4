/**
 * The logical pipelines as data: every stage of the four pipelines in order, and what the registers mean. A stage's number is its place in its
 * pipeline, so adding a stage is adding a name. Names and order are those of OVN 23.03 (ovn-northd(8), "Logical Flow Table Structure"), because
 * users, `ovn-trace` and `external_ids:stage-name` of Logical_Flow show them.
 */

export type DatapathType = 'switch' | 'router';
export type Pipeline = 'ingress' | 'egress';

/** One table of a pipeline. */
export interface Stage {
  /** The name that users see, such as `ls_in_l2_lkup`. */
  readonly name: string;
  readonly datapathType: DatapathType;
  readonly pipeline: Pipeline;
  /** `Logical_Flow.table_id`. */
  readonly table: number;
  /** Its number among all stages: a short name for it in keys. */
  readonly id: number;
}

const order = {
  ls_in: [
    'check_port_sec',
    'apply_port_sec',
    'lookup_fdb',
    'put_fdb',
    'pre_acl',
    'pre_lb',
    'pre_stateful',
    'acl_hint',
    'acl',
    'qos_mark',
    'qos_meter',
    'lb_aff_check',
    'lb',
    'lb_aff_learn',
    'pre_hairpin',
    'nat_hairpin',
    'hairpin',
    'acl_after_lb',
    'stateful',
    'arp_rsp',
    'dhcp_options',
    'dhcp_response',
    'dns_lookup',
    'dns_response',
    'external_port',
    'l2_lkup',
    'l2_unknown',
  ],
  ls_out: [
    'pre_acl',
    'pre_lb',
    'pre_stateful',
    'acl_hint',
    'acl',
    'qos_mark',
    'qos_meter',
    'stateful',
    'check_port_sec',
    'apply_port_sec',
  ],
  lr_in: [
    'admission',
    'lookup_neighbor',
    'learn_neighbor',
    'ip_input',
    'unsnat',
    'defrag',
    'lb_aff_check',
    'dnat',
    'lb_aff_learn',
    'ecmp_stateful',
    'nd_ra_options',
    'nd_ra_response',
    'ip_routing_pre',
    'ip_routing',
    'ip_routing_ecmp',
    'policy',
    'policy_ecmp',
    'arp_resolve',
    'chk_pkt_len',
    'larger_pkts',
    'gw_redirect',
    'arp_request',
  ],
  lr_out: ['chk_dnat_local', 'undnat', 'post_undnat', 'snat', 'post_snat', 'egr_loop', 'delivery'],
} as const;

type Order = typeof order;
type PipelineName = keyof Order;
type StagesOf<P extends PipelineName> = { readonly [S in Order[P][number]]: Stage };

const numberOfFirst: { readonly [P in PipelineName]: number } = {
  ls_in: 0,
  ls_out: order.ls_in.length,
  lr_in: order.ls_in.length + order.ls_out.length,
  lr_out: order.ls_in.length + order.ls_out.length + order.lr_in.length,
};

function stages<P extends PipelineName>(name: P): StagesOf<P> {
  const datapathType = name.startsWith('ls') ? 'switch' : 'router';
  const pipeline = name.endsWith('in') ? 'ingress' : 'egress';
  const entries = order[name].map((stage, table): [string, Stage] => [
    stage,
    { name: `${name}_${stage}`, datapathType, pipeline, table, id: numberOfFirst[name] + table },
  ]);
  return Object.fromEntries(entries) as StagesOf<P>;
}

/** Logical switch, ingress. */
export const lsIn = stages('ls_in');
/** Logical switch, egress. */
export const lsOut = stages('ls_out');
/** Logical router, ingress. */
export const lrIn = stages('lr_in');
/** Logical router, egress. */
export const lrOut = stages('lr_out');

/** All stages, by `id`. */
const allStages: readonly Stage[] = [lsIn, lsOut, lrIn, lrOut].flatMap((pipeline): Stage[] => Object.values(pipeline));

/** The stage at a place in the pipelines of a type of datapath: how a Logical_Flow row of SB is read back. */
export function stageAt(datapathType: DatapathType, pipeline: Pipeline, table: number): Stage | undefined {
  return allStages.find(
    (stage) => stage.datapathType === datapathType && stage.pipeline === pipeline && stage.table === table,
  );
}

/** What the registers of a packet mean in a switch's pipelines. */
export const switchRegister = {
  /** Hint to pre_stateful: send the packet to conntrack. */
  conntrackDefrag: 'reg0[0]',
  /** Hint to stateful: commit the connection. */
  conntrackCommit: 'reg0[1]',
  /** Hint to pre_stateful: the packet may be for a load balancer. */
  conntrackNat: 'reg0[2]',
  /** put_dhcp_opts or put_dhcpv6_opts succeeded. */
  dhcpOptions: 'reg0[3]',
  /** dns_lookup succeeded. */
  dnsLookup: 'reg0[4]',
  /** The packet has to be hairpinned, and the reply to such a packet. */
  hairpin: 'reg0[6]',
  hairpinReply: 'reg0[12]',
  /** Hints to the ACL stages: the packet might be allowed as a new connection, be allowed as a known one, be dropped, or be blocked. */
  aclHintAllowNew: 'reg0[7]',
  aclHintAllow: 'reg0[8]',
  aclHintDrop: 'reg0[9]',
  aclHintBlock: 'reg0[10]',
  /** lookup_fdb knows the source MAC. */
  fdbLookup: 'reg0[11]',
  /** The connection is to be committed with the label in reg3. */
  aclLabel: 'reg0[13]',
  /** The packet came from a vtep port. */
  fromRamp: 'reg0[14]',
  /** Port security wants the packet dropped. */
  portSecurityDrop: 'reg0[15]',
  /** A stateless ACL has matched. */
  aclStateless: 'reg0[16]',
  /** A before-lb ACL has let a reply or related packet through. */
  aclAllowAll: 'reg0[17]',
  /** The label of an ACL. */
  label: 'reg3',
} as const;

/** What the registers of a packet mean in a router's pipelines. */
export const routerRegister = {
  /** The next hop's address, and the source address for reaching it. */
  nextHopIp4: 'reg0',
  nextHopIp6: 'xxreg0',
  sourceIp4: 'reg1',
  sourceIp6: 'xxreg1',
  /** The Ethernet address of the port that the packet came in at. */
  inportEth: 'xreg0[0..47]',
  /** The route table that the packet is routed by. */
  routeTable: 'reg7',
  /** The ECMP group and the member that was selected from it. */
  ecmpGroup: 'reg8[0..15]',
  ecmpMember: 'reg8[16..31]',
  /** The packet is looped back on egress. */
  egressLoopback: 'reg9[0]',
  /** The packet is larger than the output port's MTU. */
  packetLarger: 'reg9[1]',
  /** The neighbour is known: nothing to learn. */
  neighborKnown: 'reg9[2]',
  neighborSameMac: 'reg9[3]',
  dnatLocal: 'reg9[4]',
  knownLbSession: 'reg9[6]',
} as const;

/** Bits of `flags`: what a router has done with a packet that it hands to a switch. */
export const flags = { loopback: 'flags.loopback', fromRouter: 'flags[1]' } as const;
