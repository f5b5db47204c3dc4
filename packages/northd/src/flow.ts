/** Logical flows as features emit them, before it is known on how many datapaths the same flow is wanted. */
import type { Uuid } from '@weft/ovsdb/uuid';
import type { Stage } from './pipeline.ts';

/** What a flow may have beside stage, priority, match and actions. */
export interface FlowOptions {
  /** The NB row that the flow is there for; its uuid's first eight digits become `external_ids:stage-hint`. */
  readonly hint?: Uuid | undefined;
  /** A port that the match needs (`inport == P` or `outport == P`): `tags:in_out_port`. A chassis without that port may ignore the flow. */
  readonly inOutPort?: string | undefined;
  /** `controller_meter`. */
  readonly meter?: string | undefined;
  /** The uuid of another Logical_Switch or Logical_Router than the one that the derivation is for. */
  readonly on?: Uuid | undefined;
}

/** A flow on one datapath. */
export interface Flow {
  /** The Logical_Switch or Logical_Router. */
  readonly datapath: Uuid;
  readonly stage: Stage;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
  readonly options: FlowOptions;
}

/** Emits one flow on the datapath that the running derivation is for. */
export type Emit = (stage: Stage, priority: number, match: string, actions: string, options?: FlowOptions) => void;

const none: FlowOptions = {};

/** Collects what a derivation emits. */
export function collectFlows(datapath: Uuid, body: (emit: Emit) => void): readonly Flow[] {
  const flows: Flow[] = [];
  body((stage, priority, match, actions, options = none) => {
    flows.push({ datapath: options.on ?? datapath, stage, priority, match, actions, options });
  });
  return flows;
}

/** A name as the expression language quotes it. */
export function quote(name: string): string {
  return JSON.stringify(name);
}
