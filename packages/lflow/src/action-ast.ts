/** The syntax trees of logical-flow actions (ovn-sb(5), Logical_Flow, "actions"): a closed union. */
import type { Constant, FieldRef } from './ast.ts';
import type { Value } from './number.ts';
import type { OvnFieldSymbol } from './symbols.ts';

export type Pipeline = 'ingress' | 'egress';

/** Actions without arguments. */
export const simpleActions = [
  'output',
  'ct_next',
  'ct_clear',
  'ct_commit_nat',
  'ct_snat_to_vip',
  'igmp',
  'handle_dhcpv6_reply',
] as const;
export type SimpleActionName = (typeof simpleActions)[number];

/** Actions with actions inside them. */
export const nestedActions = [
  'clone',
  'arp',
  'nd_ns',
  'nd_na',
  'nd_na_router',
  'icmp4',
  'icmp4_error',
  'icmp6',
  'icmp6_error',
  'tcp_reset',
  'sctp_abort',
  'reject',
] as const;
export type NestedActionName = (typeof nestedActions)[number];

/** Functions without parameters whose result is one bit. */
export const bitFunctions = [
  'dns_lookup',
  'chk_lb_hairpin',
  'chk_lb_hairpin_reply',
  'check_in_port_sec',
  'check_out_port_sec',
  'chk_ecmp_nh_mac',
  'chk_ecmp_nh',
  'chk_lb_aff',
] as const;
export type BitFunctionName = (typeof bitFunctions)[number];

export const natActions = ['ct_dnat', 'ct_snat', 'ct_dnat_in_czone', 'ct_snat_in_czone'] as const;
export type NatActionName = (typeof natActions)[number];

export const lookupFunctions = ['lookup_arp', 'lookup_arp_ip', 'lookup_nd', 'lookup_nd_ip'] as const;
export type LookupFunctionName = (typeof lookupFunctions)[number];

export const optionFunctions = ['put_dhcp_opts', 'put_dhcpv6_opts', 'put_nd_ra_opts'] as const;
export type OptionFunctionName = (typeof optionFunctions)[number];

export const severities = ['alert', 'warning', 'notice', 'info', 'debug'] as const;
export type Severity = (typeof severities)[number];
export const verdicts = ['allow', 'drop', 'reject'] as const;
export type Verdict = (typeof verdicts)[number];

export const protocols = ['tcp', 'udp', 'sctp'] as const;
export type Protocol = (typeof protocols)[number];

/** An address, or one with a port. */
export interface Endpoint {
  readonly family: 'ipv4' | 'ipv6';
  readonly address: Value;
  readonly port: number | undefined;
}

/** `name = value` of the put_*_opts functions and of trigger_event. */
export interface NamedOption {
  readonly name: string;
  readonly values: readonly Constant[];
  readonly offset: number;
}

export type LflowAction =
  | { readonly kind: SimpleActionName }
  /** Without a table, the one after the current. */
  | { readonly kind: 'next'; readonly pipeline: Pipeline | undefined; readonly table: number | undefined }
  | { readonly kind: 'decrement-ttl' }
  | { readonly kind: 'load'; readonly dst: FieldRef; readonly value: Constant }
  | { readonly kind: 'ovn-load'; readonly dst: OvnFieldSymbol; readonly value: Value }
  | { readonly kind: 'move'; readonly dst: FieldRef; readonly src: FieldRef }
  | { readonly kind: 'exchange'; readonly left: FieldRef; readonly right: FieldRef }
  | { readonly kind: 'push' | 'pop'; readonly field: FieldRef }
  /** `ct_commit { … }`, or the older `ct_commit(ct_mark=…, ct_label=…)`. */
  | { readonly kind: 'ct_commit'; readonly form: 'block' | 'list'; readonly actions: readonly LflowAction[] }
  | {
      readonly kind: NatActionName;
      readonly ip: { readonly family: 'ipv4' | 'ipv6'; readonly address: Value } | undefined;
      readonly ports: { readonly min: number; readonly max: number | undefined } | undefined;
    }
  | {
      readonly kind: 'ct_lb' | 'ct_lb_mark';
      readonly backends: readonly Endpoint[];
      readonly hashFields: string | undefined;
      readonly flag: 'skip_snat' | 'force_snat' | undefined;
    }
  | {
      readonly kind: 'select';
      readonly dst: FieldRef;
      readonly members: readonly { readonly id: number; readonly weight: number }[];
    }
  | { readonly kind: NestedActionName; readonly actions: readonly LflowAction[] }
  | { readonly kind: 'get_arp' | 'get_nd'; readonly port: FieldRef; readonly ip: FieldRef }
  | { readonly kind: 'put_arp' | 'put_nd'; readonly port: FieldRef; readonly ip: FieldRef; readonly mac: FieldRef }
  | {
      readonly kind: LookupFunctionName;
      readonly dst: FieldRef;
      readonly port: FieldRef;
      readonly ip: FieldRef;
      readonly mac: FieldRef | undefined;
    }
  | { readonly kind: 'get_fdb'; readonly dst: FieldRef; readonly mac: FieldRef }
  | { readonly kind: 'put_fdb'; readonly port: FieldRef; readonly mac: FieldRef }
  | { readonly kind: 'lookup_fdb'; readonly dst: FieldRef; readonly port: FieldRef; readonly mac: FieldRef }
  | { readonly kind: BitFunctionName; readonly dst: FieldRef }
  | { readonly kind: 'check_pkt_larger'; readonly dst: FieldRef; readonly length: number }
  | {
      readonly kind: OptionFunctionName;
      readonly dst: FieldRef;
      readonly options: readonly NamedOption[];
      readonly offset: number;
    }
  | { readonly kind: 'set_queue'; readonly queue: number }
  | { readonly kind: 'set_meter'; readonly rate: number; readonly burst: number | undefined }
  | {
      readonly kind: 'log';
      readonly name: string | undefined;
      readonly severity: Severity;
      readonly verdict: Verdict;
      readonly meter: string | undefined;
    }
  | { readonly kind: 'fwd_group'; readonly liveness: boolean; readonly childPorts: readonly string[] }
  | { readonly kind: 'trigger_event'; readonly options: readonly NamedOption[] }
  | { readonly kind: 'bind_vport'; readonly virtualPort: string; readonly port: FieldRef }
  | { readonly kind: 'handle_svc_check'; readonly port: FieldRef }
  | { readonly kind: 'handle_bfd_msg' }
  | { readonly kind: 'commit_ecmp_nh'; readonly ipv6: boolean; readonly protocol: Protocol }
  | {
      readonly kind: 'commit_lb_aff';
      readonly vip: Endpoint;
      readonly backend: Endpoint;
      readonly protocol: Protocol | undefined;
      /** Seconds. */
      readonly timeout: number;
    }
  | {
      readonly kind: 'sample';
      readonly probability: number;
      readonly collectorSet: number;
      readonly obsDomain: number;
      /** `cookie`: the first 32 bits of the logical flow's UUID. */
      readonly obsPoint: number | 'cookie';
    };

/** What a text of actions means. */
export interface ParsedActions {
  readonly actions: readonly LflowAction[];
  /** A match expression that the actions need to hold, or ''. */
  readonly prerequisites: string;
}
