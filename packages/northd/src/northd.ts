/**
 * The core: NB tables (and what chassis write to SB) in, desired flows and rows out. No I/O, no clock: `docs/architecture.md`, law 7.
 *
 * Feed `model.nb.*` and `model.sb.*` with `apply`, then {@link Northd.flush}; `flows` and `rows` say what changed.
 */
import { type ChunkOptions, Runtime } from '@weft/incremental/runtime';
import type { Allocations } from './allocations.ts';
import { DesiredRows } from './desired-rows.ts';
import type { Feature } from './feature.ts';
import { collectFlows, type Emit, type Flow } from './flow.ts';
import { FlowTable } from './flow-table.ts';
import { Acl, Model, Policy, Qos, type Router, StaticRoute } from './model.ts';
import { Said } from './said.ts';

export interface NorthdOptions {
  readonly features: readonly Feature[];
  readonly outputs: readonly Output[];
  readonly allocations: Allocations;
  /** Hears what is wrong with a row, and not again what it has heard of late. */
  readonly problem: (message: string) => void;
}

/** What the derivations of a table of rows get: see `sb/*.ts` and `nb/*.ts`. */
export interface OutputContext {
  readonly model: Model;
  readonly rows: DesiredRows;
  readonly allocations: Allocations;
}

/** Registers the derivations of one output table. */
export type Output = (context: OutputContext) => void;

export class Northd {
  readonly rt: Runtime;
  readonly model: Model;
  readonly flows = new FlowTable();
  readonly rows = new DesiredRows();

  constructor({ features, outputs, allocations, problem }: NorthdOptions) {
    const said = new Said();
    const once = (message: string): void => {
      if (said.isNew(message)) problem(message);
    };
    this.rt = new Runtime((derivation, key, error) => once(`${derivation} of ${describe(key)}: ${String(error)}`));
    this.model = new Model(this.rt, allocations, once);
    for (const output of outputs) output({ model: this.model, rows: this.rows, allocations });
    this.#runFeatures(features, once);
  }

  flush(): void {
    this.rt.flush();
  }

  async flushChunked(options: ChunkOptions): Promise<void> {
    await this.rt.flushChunked(options);
  }

  /** One derivation per object, which runs every feature that wants objects of its kind. */
  #runFeatures(features: readonly Feature[], problem: (message: string) => void): void {
    const { model, rt } = this;
    const { nb } = model;
    const sink = (_key: unknown, next: readonly Flow[] | undefined, previous: readonly Flow[] | undefined): void =>
      this.flows.replace(next, previous);

    /** Runs the features' functions for one object; one that fails is reported and leaves the others alone. */
    const run = <T>(
      pick: (feature: Feature) => ((object: T, emit: Emit) => void) | undefined,
      object: T,
      datapath: string,
    ): readonly Flow[] =>
      collectFlows(datapath, (emit) => {
        for (const feature of features) {
          try {
            pick(feature)?.(object, emit);
          } catch (error) {
            problem(
              `feature ${feature.name}: ${describe(object)}: ${error instanceof Error ? error.stack : String(error)}`,
            );
          }
        }
      });
    const liveRouter = (router: Router | undefined): router is Router => router !== undefined;

    rt.forEach(
      'switch flows',
      nb.Logical_Switch,
      (row) => run((feature) => feature.perSwitch, model.switch(row), row._uuid),
      sink,
    );
    rt.forEach(
      'switch port flows',
      nb.Logical_Switch_Port,
      (row) => {
        const port = model.switchPort(row);
        return port && run((feature) => feature.perSwitchPort, port, port.ls.uuid);
      },
      sink,
    );
    rt.forEach(
      'router flows',
      nb.Logical_Router,
      (row) => {
        const router = model.router(row);
        return liveRouter(router) ? run((feature) => feature.perRouter, router, row._uuid) : undefined;
      },
      sink,
    );
    rt.forEach(
      'router port flows',
      nb.Logical_Router_Port,
      (row) => {
        const port = model.routerPort(row);
        return port && run((feature) => feature.perRouterPort, port, port.lr.uuid);
      },
      sink,
    );
    rt.forEach(
      'ACL flows',
      nb.ACL,
      (row) =>
        model.acls.switchesOf(row._uuid).flatMap((uuid) => {
          const ls = nb.Logical_Switch.get(uuid);
          return ls === undefined ? [] : run((feature) => feature.perAcl, new Acl(model, row, model.switch(ls)), uuid);
        }),
      sink,
    );
    rt.forEach(
      'routing policy flows',
      nb.Logical_Router_Policy,
      (row) => {
        const lrRow = model.routerOfPolicy.one(row._uuid);
        const lr = lrRow && model.router(lrRow);
        return lr && run((feature) => feature.perPolicy, new Policy(model, row, lr), lr.uuid);
      },
      sink,
    );
    rt.forEach(
      'NAT flows',
      nb.NAT,
      (row) => {
        const nat = model.nats.nat(row);
        return nat && run((feature) => feature.perNat, nat, nat.lr.uuid);
      },
      sink,
    );
    rt.forEach(
      'QoS flows',
      nb.QoS,
      (row) => {
        const ls = model.switchOfQos.one(row._uuid);
        return ls && run((feature) => feature.perQos, new Qos(model, row, model.switch(ls)), ls._uuid);
      },
      sink,
    );
    rt.forEach(
      'static route flows',
      nb.Logical_Router_Static_Route,
      (row) => {
        const lrRow = model.routerOfStaticRoute.one(row._uuid);
        const lr = lrRow && model.router(lrRow);
        return lr && run((feature) => feature.perStaticRoute, new StaticRoute(model, row, lr), lr.uuid);
      },
      sink,
    );
  }
}

function describe(object: unknown): string {
  if (typeof object !== 'object' || object === null) return String(object);
  if ('name' in object && typeof object.name === 'string' && object.name !== '') return `"${object.name}"`;
  return '_uuid' in object ? String(object._uuid) : 'an object';
}
