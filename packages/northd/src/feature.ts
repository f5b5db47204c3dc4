/**
 * A feature: one file that owns the flows of one subject. The derivation of each object runs all the features that want objects of its kind, so a
 * feature is plain functions over the model, and what they read decides when they run again.
 */
import type { Emit } from './flow.ts';
import type { Acl, Nat, Policy, Qos, Router, RouterPort, StaticRoute, Switch, SwitchPort } from './model.ts';

export interface Feature {
  /** For people. */
  readonly name: string;
  /** Flows of a switch as a whole. Reading what all its ports have costs a run of all these whenever one port changes: use a relation. */
  readonly perSwitch?: (ls: Switch, emit: Emit) => void;
  /** Flows of one switch port; may emit on the routers that the switch is attached to (`options.on`). */
  readonly perSwitchPort?: (port: SwitchPort, emit: Emit) => void;
  readonly perRouter?: (lr: Router, emit: Emit) => void;
  readonly perRouterPort?: (port: RouterPort, emit: Emit) => void;
  /** Flows of an ACL on one of the switches that it holds on. */
  readonly perAcl?: (acl: Acl, emit: Emit) => void;
  readonly perNat?: (nat: Nat, emit: Emit) => void;
  readonly perQos?: (qos: Qos, emit: Emit) => void;
  readonly perStaticRoute?: (route: StaticRoute, emit: Emit) => void;
  readonly perPolicy?: (policy: Policy, emit: Emit) => void;
}
