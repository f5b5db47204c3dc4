/** What the encoder of actions is told of where they run, and what it asks. */
import type { Action } from '@weft/openflow/actions';
import type { OptionDefinition } from './dhcp-options.ts';

/** A select group that an action needs. Equal groups have equal keys. */
export interface GroupSpec {
  readonly key: string;
  readonly buckets: readonly {
    readonly weight: number | undefined;
    readonly watchPort: number | undefined;
    readonly actions: readonly Action[];
  }[];
  readonly selection: {
    readonly method: 'dp_hash' | 'hash';
    readonly param: bigint;
    /** Names of fields that `hash` looks at. */
    readonly fields: readonly string[];
  };
}

/** A meter that an action needs: one of the database's by name, or one for a rate. */
export type MeterSpec =
  | { readonly kind: 'name'; readonly name: string }
  /** kbps and kbits. */
  | { readonly kind: 'rate'; readonly rate: number; readonly burst: number | undefined };

/** Where actions run, and what they ask their caller. Each call of a function is a dependency of the result on its answer. */
export interface ActionContext {
  readonly pipeline: 'ingress' | 'egress';
  /** The logical flow's table. */
  readonly table: number;
  readonly datapath: {
    readonly type: 'switch' | 'router';
    readonly tunnelKey: number;
  };
  /** The first 32 bits of the logical flow's UUID. */
  readonly cookie: number;
  /** The number of a logical port or multicast group of the flow's datapath. */
  readonly lookupPort: (name: string) => number | undefined;
  /** The OpenFlow port of the tunnel to the chassis where a logical port is; undefined where there is none, as for a port of this chassis. */
  readonly lookupTunnel: (port: string) => number | undefined;
  readonly allocateGroup: (group: GroupSpec) => number;
  /** The meter's id; undefined if there is no such meter. */
  readonly allocateMeter: (meter: MeterSpec) => number | undefined;
  /** Options by name: the rows of DHCP_Options and DHCPv6_Options. */
  readonly lookupDhcpv4Option: (name: string) => OptionDefinition | undefined;
  readonly lookupDhcpv6Option: (name: string) => OptionDefinition | undefined;
  /** Whether Open vSwitch has a Flow_Sample_Collector_Set of this id. */
  readonly hasCollectorSet: (id: number) => boolean;
  /** The text of `^name`. No variable has one if left out. */
  readonly lookupTemplate?: (name: string) => string | undefined;
  /** The meter for packets to the controller. */
  readonly controllerMeter?: number | undefined;
}
