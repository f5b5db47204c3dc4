/**
 * Logical flows: each row of Logical_Flow, in each local datapath that it applies to, becomes OpenFlow flows. What a row's texts read (ports, sets, port
 * groups) is tracked, so a row is compiled anew when one of those changes, and not otherwise.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Whole } from '@weft/incremental/table';
import type { ActionContext, CompileError, Compiler, GroupSpec, MatchLookups, MeterSpec } from '@weft/lflow/compile';
import { withConjunctionId } from '@weft/lflow/flows';
import type { Action } from '@weft/openflow/actions';
import { field } from '@weft/openflow/fields';
import type { Flow } from '@weft/openflow/flow';
import type { Match } from '@weft/openflow/match';
import type { SbRow } from '@weft/schemas/sb';
import type { Feature, Outputs } from './feature.ts';
import { type MeterConfig, meterKey } from './group-table.ts';
import { tunnelTo } from './local/tunnels.ts';
import type { LocalDatapath, Model, PortBinding } from './model/model.ts';
import { conjunction, cookieOf } from './physical/terms.ts';
import { minMulticastKey, register, table } from './pipeline.ts';

type LogicalFlow = SbRow<'Logical_Flow'>;

const inport = field(register.inport);
const outport = field(register.outport);

/** What a logical flow makes in one datapath. */
interface Compiled {
  readonly flows: readonly Flow[];
  /** Keys of the groups and meters that its actions refer to, and of its conjunctive matches. */
  readonly groups: readonly string[];
  readonly meters: readonly string[];
  readonly conjunctions: readonly string[];
}

/** The same for all its datapaths. */
type CompiledRow = readonly Compiled[];

/** What logical flows ask of the databases. Each answer is tracked. */
interface LogicalFlowSource {
  lookupPort(datapath: string, name: string): number | undefined;
  lookupAddressSet(name: string): readonly string[] | undefined;
  lookupPortGroup(tunnelKey: number, name: string): readonly string[] | undefined;
  isResident(name: string): boolean;
  lookupTunnel(port: string): number | undefined;
  allocateGroup(spec: GroupSpec): number;
  allocateMeter(key: string, spec: MeterSpec): number;
  lookupDhcpv4Option(name: string): SbRow<'DHCP_Options'> | undefined;
  lookupDhcpv6Option(name: string): SbRow<'DHCPv6_Options'> | undefined;
  hasCollectorSet(id: number): boolean;
  lookupTemplate(name: string): string | undefined;
}

/**
 * A logical flow in a datapath as the compiler of its texts sees it. One serves them all in turn: ten thousands of rows are compiled at a start, and
 * an object with a dozen closures for each is what the garbage collector would work on.
 */
class Place implements ActionContext, MatchLookups {
  readonly #source: LogicalFlowSource;
  #uuid = '';
  #row = '';
  pipeline: 'ingress' | 'egress' = 'ingress';
  table = 0;
  datapath: ActionContext['datapath'] = { type: 'switch', tunnelKey: 0 };
  prerequisites = '';
  controllerMeter: number | undefined;
  groups: string[] | undefined;
  meters: string[] | undefined;

  constructor(source: LogicalFlowSource) {
    this.#source = source;
  }

  enter(row: LogicalFlow, { uuid, tunnelKey, isSwitch }: LocalDatapath): void {
    this.#uuid = uuid;
    this.#row = row._uuid;
    this.pipeline = row.pipeline;
    this.table = row.table_id;
    const type = isSwitch ? 'switch' : 'router';
    if (this.datapath.tunnelKey !== tunnelKey || this.datapath.type !== type) this.datapath = { type, tunnelKey };
    this.prerequisites = '';
    this.groups = undefined;
    this.meters = undefined;
    const name = row.controller_meter;
    this.controllerMeter = name === undefined || name === '' ? undefined : this.allocateMeter({ kind: 'name', name });
  }

  get cookie(): number {
    return Number(cookieOf(this.#row));
  }

  // Functions that may be passed along without their object.
  readonly lookupPort = (name: string): number | undefined => {
    return this.#source.lookupPort(this.#uuid, name);
  };

  readonly lookupAddressSet = (name: string): readonly string[] | undefined => {
    return this.#source.lookupAddressSet(name);
  };

  readonly lookupPortGroup = (name: string): readonly string[] | undefined => {
    return this.#source.lookupPortGroup(this.datapath.tunnelKey, name);
  };

  readonly isChassisResident = (port: string): boolean => {
    return this.#source.isResident(port);
  };

  readonly lookupTunnel = (port: string): number | undefined => {
    return this.#source.lookupTunnel(port);
  };

  readonly allocateGroup = (spec: GroupSpec): number => {
    this.groups ??= [];
    this.groups.push(spec.key);
    return this.#source.allocateGroup(spec);
  };

  readonly allocateMeter = (spec: MeterSpec): number => {
    const key = meterKey(spec, this.#row);
    this.meters ??= [];
    this.meters.push(key);
    return this.#source.allocateMeter(key, spec);
  };

  readonly lookupDhcpv4Option = (name: string) => {
    return this.#source.lookupDhcpv4Option(name);
  };

  readonly lookupDhcpv6Option = (name: string) => {
    return this.#source.lookupDhcpv6Option(name);
  };

  readonly hasCollectorSet = (id: number): boolean => {
    return this.#source.hasCollectorSet(id);
  };

  readonly lookupTemplate = (name: string): string | undefined => {
    return this.#source.lookupTemplate(name);
  };
}

const none: readonly string[] = [];

/** Whether packets can be at a port on this chassis. */
function isRelated(model: Model, port: PortBinding): boolean {
  switch (port.type) {
    case '':
    case 'localport':
      return model.interfaceOf(port) !== undefined;
    case 'patch':
    case 'localnet':
    case 'vtep':
      return true;
    case 'l2gateway':
    case 'l3gateway':
      return port.options.get(`${port.type}-chassis`) === model.ownChassis()?.name;
    case 'virtual': {
      const parent = model.portByName.one(port.virtual_parent ?? '');
      return parent !== undefined && model.interfaceOf(parent) !== undefined;
    }
    default:
      return port.chassis !== undefined && port.chassis === model.ownChassisUuid();
  }
}

class LogicalFlowCompiler implements LogicalFlowSource {
  readonly #model: Model;
  readonly #outputs: Outputs;
  readonly #compiler: Compiler;
  readonly #place = new Place(this);
  /** Rows that were found wrong, so that each is told once. */
  readonly #complained = new Set<string>();
  readonly #addressSet;
  readonly #portGroup;
  readonly #multicastKey;
  readonly #isRelated;
  readonly #dhcpv4;
  readonly #dhcpv6;

  constructor(model: Model, outputs: Outputs) {
    this.#model = model;
    this.#outputs = outputs;
    this.#compiler = outputs.compiler;
    const { sb } = model.tables;
    this.#addressSet = sb.Address_Set.index('address set by name', ['name'], (row) => row.name);
    this.#multicastKey = sb.Multicast_Group.index(
      'multicast group by name',
      ['datapath', 'name'],
      (row) => `${row.datapath}/${row.name}`,
    );
    this.#dhcpv4 = sb.DHCP_Options.index('DHCP option by name', ['name'], (row) => row.name);
    this.#dhcpv6 = sb.DHCPv6_Options.index('DHCPv6 option by name', ['name'], (row) => row.name);
    this.#isRelated = model.runtime.memo('can packets be at the port', (port: PortBinding) => isRelated(model, port));
    const portGroup = sb.Port_Group.index('port group by name', ['name'], (row) => row.name);
    // Packets are at these only, so that the others cost neither flows nor a computation when they come and go.
    this.#portGroup = model.runtime.memo(
      'related ports of a group',
      (name: string) => portGroup.one(name)?.ports.filter((port) => this.#isRelatedName(port)),
      isDeepStrictEqual,
    );
  }

  /** The flows of a row in a local datapath; undefined if it has none there, or is wrong. */
  compile(row: LogicalFlow, datapath: LocalDatapath): Compiled | undefined {
    const { uuid, isSwitch } = datapath;
    const ingress = row.pipeline === 'ingress';
    // Most of a large network's ports are elsewhere, and what is about them need not be parsed (ovn-sb(5), Logical_Flow tags:in_out_port).
    const about = row.tags.get('in_out_port');
    if (about !== undefined && !this.#isRelatedName(about)) return undefined;
    const place = this.#place;
    place.enter(row, datapath);
    const actions = this.#compiler.compileActions(row.actions, place);
    if ('error' in actions) return this.#complain(row, 'actions', row.actions, actions);
    place.prerequisites = actions.prerequisites;
    const matches = this.#compiler.compileMatch(row.match, place);
    if ('error' in matches) return this.#complain(row, 'match', row.match, matches);
    if (this.#complained.size > 0) this.#complained.delete(row._uuid);

    const number = (ingress ? table.logicalIngress : table.logicalEgress) + row.table_id;
    const { priority } = row;
    const cookie = cookieOf(row._uuid);
    // Most flows have no conjunctive match.
    const conjunctions =
      matches.conjunctions === 0
        ? undefined
        : this.#outputs.conjunctionIds.allocateAll(row._uuid, uuid, matches.conjunctions);
    const ids = conjunctions?.ids ?? [];
    const flows: Flow[] = [];
    for (const { match, parts, conjunction: id } of matches.flows) {
      if (isSwitch && !this.#isPossible(uuid, match, ingress)) continue;
      const whole = id === undefined ? match : withConjunctionId(match, ids[id] as number);
      if (parts.length > 0) {
        // Clauses belong to no single logical flow: they carry no cookie.
        const clauses: readonly Action[] = parts.map((part) =>
          conjunction(ids[part.id] as number, part.clause, part.count),
        );
        flows.push({ table: number, priority, cookie: 0n, match: whole, actions: clauses });
      } else flows.push({ table: number, priority, cookie, match: whole, actions: actions.actions });
    }
    if (flows.length === 0) return undefined;
    const { groups = none, meters = none } = place;
    return { flows, groups, meters, conjunctions: conjunctions?.keys ?? none };
  }

  #isRelatedName(name: string): boolean {
    const port = this.#model.portByName.one(name);
    return port !== undefined && this.#isRelated(port);
  }

  /** Packets of a switch are at ports of this chassis only: flows for other ports would never match. */
  #isPossible(datapath: string, match: Match, ingress: boolean): boolean {
    const term = match.get(ingress ? inport : outport);
    if (term === undefined || term.mask !== undefined || term.value === 0) return true;
    const port = this.#model.portByKey.one(`${datapath}/${Number(term.value)}`);
    return port !== undefined && this.#isRelated(port);
  }

  lookupPort(datapath: string, name: string): number | undefined {
    // What `get_fdb` leaves in outport when it finds nothing.
    if (name === 'none') return 0;
    const port = this.#model.portByName.one(name);
    if (port?.datapath === datapath) return port.tunnel_key;
    const group = this.#multicastKey.one(`${datapath}/${name}`);
    return group !== undefined && group.tunnel_key >= minMulticastKey ? group.tunnel_key : undefined;
  }

  lookupAddressSet(name: string): readonly string[] | undefined {
    return this.#addressSet.one(name)?.addresses;
  }

  /** The southbound database has a group for each datapath with members of it; packets can be at those of this chassis. */
  lookupPortGroup(tunnelKey: number, name: string): readonly string[] | undefined {
    return this.#portGroup(`${tunnelKey}_${name}`);
  }

  isResident(name: string): boolean {
    const port = this.#model.portByName.one(name);
    if (port === undefined) return false;
    if (this.#model.interfaceOf(port) !== undefined) return true;
    return port.chassis !== undefined && port.chassis === this.#model.ownChassisUuid();
  }

  lookupTunnel(port: string): number | undefined {
    const model = this.#model;
    const chassis = model.portByName.one(port)?.chassis;
    return chassis === undefined || chassis === model.ownChassisUuid() ? undefined : tunnelTo(model, chassis)?.ofport;
  }

  allocateGroup(spec: GroupSpec): number {
    return this.#outputs.groups.allocate(spec.key, spec);
  }

  allocateMeter(key: string, spec: MeterSpec): number {
    return this.#outputs.meters.allocate(key, spec);
  }

  lookupDhcpv4Option(name: string) {
    return this.#dhcpv4.one(name);
  }

  lookupDhcpv6Option(name: string) {
    return this.#dhcpv6.one(name);
  }

  hasCollectorSet(id: number): boolean {
    return this.#model.hasCollectorSet(id);
  }

  lookupTemplate(name: string): string | undefined {
    return this.#model.templateVariable(name);
  }

  /** The row is gone, and nothing is wrong with it any more. */
  forget(row: LogicalFlow): void {
    this.#complained.delete(row._uuid);
  }

  #complain(row: LogicalFlow, what: 'match' | 'actions', text: string, { error, offset }: CompileError): undefined {
    if (this.#complained.has(row._uuid)) return undefined;
    this.#complained.add(row._uuid);
    const where = `${row.pipeline} table ${row.table_id} priority ${row.priority}`;
    this.#outputs.log.warn(`logical flow ${row._uuid} (${where}): ${what} "${text}", at ${offset}: ${error}; skipped`);
    return undefined;
  }
}

export const logicalFlows: Feature = (model, outputs) => {
  const { runtime, tables } = model;
  const { sb } = tables;
  const compiler = new LogicalFlowCompiler(model, outputs);
  sb.Logical_Flow.listen({ added: () => {}, removed: ({ row }) => compiler.forget(row) });

  // A row for many datapaths is compiled for each by itself: when one of them changes, the others stay.
  const shared = runtime.memoOfTwo(
    'logical flow in a datapath',
    ({ row }: Whole<LogicalFlow>, datapath: LocalDatapath) => compiler.compile(row, datapath),
  );

  runtime.forEach(
    'meters',
    sb.Meter,
    (row): MeterConfig => {
      const bands = row.bands.flatMap((uuid) => sb.Meter_Band.get(uuid) ?? []);
      const burst = bands.some((band) => band.burst_size > 0) ? (['burst'] as const) : [];
      return {
        flags: [row.unit === 'pktps' ? 'pktps' : 'kbps', 'stats', ...burst],
        bands: bands.map((band) => ({ type: 'drop', rate: band.rate, burstSize: band.burst_size })),
      };
    },
    (row, config) => outputs.meters.configure(row.name, config),
    isDeepStrictEqual,
  );

  const { groups, meters, conjunctionIds } = outputs;
  const hold = (row: CompiledRow | undefined) => {
    for (const compiled of row ?? []) {
      for (const key of compiled.groups) groups.hold(key);
      for (const key of compiled.meters) meters.hold(key);
      for (const key of compiled.conjunctions) conjunctionIds.hold(key);
    }
  };
  const release = (row: CompiledRow | undefined) => {
    for (const compiled of row ?? []) {
      for (const key of compiled.groups) groups.release(key);
      for (const key of compiled.meters) meters.release(key);
      for (const key of compiled.conjunctions) conjunctionIds.release(key);
    }
  };

  runtime.forEach(
    'logical flows',
    sb.Logical_Flow,
    (flow): CompiledRow | undefined => {
      const { row } = flow;
      const { logical_datapath } = row;
      if (logical_datapath !== undefined) {
        const datapath = model.localDatapath(logical_datapath);
        const compiled = datapath && compiler.compile(row, datapath);
        return compiled && [compiled];
      }
      const group = row.logical_dp_group === undefined ? undefined : sb.Logical_DP_Group.get(row.logical_dp_group);
      const all: Compiled[] = [];
      for (const uuid of group?.datapaths ?? []) {
        const datapath = model.localDatapath(uuid);
        const compiled = datapath && shared(flow, datapath);
        if (compiled !== undefined) all.push(compiled);
      }
      return all.length === 0 ? undefined : all;
    },
    (_row, next, previous) => {
      hold(next);
      release(previous);
      if (next === undefined || previous === undefined || next.length + previous.length <= 2) {
        outputs.flows.replace(flowsOf(next), flowsOf(previous));
        return;
      }
      // What both have is the same object.
      const before = new Set(previous);
      const after = new Set(next);
      outputs.flows.replace(
        flowsOf(next.filter((compiled) => !before.has(compiled))),
        flowsOf(previous.filter((compiled) => !after.has(compiled))),
      );
    },
  );
};

function flowsOf(row: CompiledRow | undefined): readonly Flow[] | undefined {
  if (row === undefined) return undefined;
  return row.length === 1 ? row[0]?.flows : row.flatMap((compiled) => compiled.flows);
}
