import { type ActionContext, Compiler, type GroupSpec, type MatchContext, type MeterSpec } from '@weft/lflow/compile';
import { withConjunctionId } from '@weft/lflow/flows';
import { openflowTable } from '@weft/lflow/pipeline';
import { standardDhcpv4Options, standardDhcpv6Options } from '@weft/lflow/standard-options';
import type { Action } from '@weft/openflow/actions';
import { Connection } from '@weft/openflow/connection';
import { fieldByName } from '@weft/openflow/fields';
import type { FlowMod, GroupMod } from '@weft/openflow/flow';
import { type LflowOracle, type OracleFlow, type OracleResult, templateVariables } from './lflow-oracle.ts';

/** Ports of the oracle's datapaths, by name. */
const ports: Readonly<Record<'switch' | 'router', Readonly<Record<string, number>>>> = {
  switch: { lp1: 1, lp2: 2, lp3: 3, 'lsp-lr': 4, lvip: 5, _MC_flood: 32768 },
  router: { lrp: 1 },
};
const addressSets: Readonly<Record<string, readonly string[]>> = {
  as1: ['10.0.0.1', '10.0.0.2', '10.1.0.0/16'],
  empty: [],
  mixed: ['00:00:00:00:00:01', '10.0.0.1', 'fd00::/64', 'fd00::1', 'no address'],
};
const portGroups: Readonly<Record<string, readonly string[]>> = { pg1: ['lp1', 'lp2'] };
const residents: ReadonlySet<string> = new Set(['lp1', 'lp2']);
const dhcpv4 = new Map(standardDhcpv4Options.map(([name, code, type]) => [name, { code, type }]));
const dhcpv6 = new Map(standardDhcpv6Options.map(([name, code, type]) => [name, { code, type }]));

/** One logical flow, compiled by both. */
export interface Comparison {
  readonly flow: OracleFlow;
  readonly theirs: readonly string[];
  readonly ours: readonly string[];
  readonly theirError: string | undefined;
  readonly ourError: string | undefined;
}

/** Compiles logical flows with the C controller and with ours, puts both results into switches, and reads both back with ovs-ofctl. */
export async function compareWithOracle(oracle: LflowOracle, flows: readonly OracleFlow[]): Promise<Comparison[]> {
  const theirs = await oracle.compile(flows);
  const theirReferences = references(oracle.groups, oracle.meters);
  const ours = await installOurs(oracle, flows, theirs);
  return flows.map((flow, i) => ({
    flow,
    theirs: normalize(theirs[i]?.flows ?? [], theirReferences),
    theirError: theirs[i]?.error,
    ours: normalize(ours.flows[i] ?? [], ours.references),
    ourError: ours.errors[i],
  }));
}

const BRIDGE = 'br-cmp';

async function installOurs(
  oracle: LflowOracle,
  flows: readonly OracleFlow[],
  theirs: readonly OracleResult[],
): Promise<{ flows: string[][]; errors: (string | undefined)[]; references: References }> {
  const compiler = new Compiler();
  const tunnel = oracle.tunnelPort();
  const groups = new Map<string, { id: number; spec: GroupSpec }>();
  const meters = new Map<string, { id: number; spec: MeterSpec }>();
  const errors: (string | undefined)[] = [];
  const mods: FlowMod[] = [];
  flows.forEach((flow, i) => {
    const pipeline = flow.pipeline ?? 'ingress';
    const type = flow.datapath ?? 'switch';
    const table = flow.table ?? 3;
    const cookie = Number.parseInt((theirs[i]?.uuid ?? '0').slice(0, 8), 16);
    const allocateMeter = (spec: MeterSpec): number => {
      const key = JSON.stringify(spec);
      const known = meters.get(key) ?? { id: meters.size + 1, spec };
      meters.set(key, known);
      return known.id;
    };
    const actionContext: ActionContext = {
      pipeline,
      table,
      cookie,
      datapath: { type, tunnelKey: type === 'switch' ? 1 : 2 },
      lookupPort: (name) => ports[type][name],
      lookupTunnel: (port) => (port === 'lp3' ? tunnel : undefined),
      allocateGroup: (spec) => {
        const known = groups.get(spec.key) ?? { id: groups.size + 1, spec };
        groups.set(spec.key, known);
        return known.id;
      },
      allocateMeter,
      lookupDhcpv4Option: (name) => dhcpv4.get(name),
      lookupDhcpv6Option: (name) => dhcpv6.get(name),
      hasCollectorSet: (id) => id === 200,
      lookupTemplate: (name) => templateVariables[name],
      controllerMeter:
        flow.controllerMeter === undefined ? undefined : allocateMeter({ kind: 'name', name: flow.controllerMeter }),
    };
    const actions = compiler.compileActions(flow.actions, actionContext);
    if ('error' in actions) {
      errors[i] = actions.error;
      return;
    }
    const matchContext: MatchContext = {
      prerequisites: actions.prerequisites,
      datapath: { tunnelKey: type === 'switch' ? 1 : 2 },
      lookupPort: (name) => ports[type][name],
      lookupAddressSet: (name) => addressSets[name],
      lookupPortGroup: (name) => portGroups[name],
      isChassisResident: (name) => residents.has(name),
      lookupTemplate: (name) => templateVariables[name],
    };
    const match = compiler.compileMatch(flow.match, matchContext);
    if ('error' in match) {
      errors[i] = match.error;
      return;
    }
    for (const part of match.flows) {
      const conjunctions: Action[] = part.parts.map(({ id, clause, count }) => ({
        type: 'conjunction',
        id: (cookie + id) >>> 0,
        clause,
        count,
      }));
      mods.push({
        command: 'add',
        table: openflowTable(pipeline, table),
        priority: 1 + (i % 60000),
        cookie: BigInt(cookie),
        match:
          part.conjunction === undefined
            ? part.match
            : withConjunctionId(part.match, (cookie + part.conjunction) >>> 0),
        actions: conjunctions.length > 0 ? conjunctions : actions.actions,
      });
    }
  });
  await install(
    oracle,
    [...groups.values()].map(({ id, spec }) => groupMod(id, spec)),
    [...meters.values()],
    mods,
  );
  const lines = ofctl(oracle, '--no-stats', '--no-names', 'dump-flows');
  const byCookie = new Map<string, string[]>();
  for (const line of lines) {
    const cookie = /cookie=0x([0-9a-f]+)/.exec(line)?.[1]?.padStart(8, '0');
    if (cookie === undefined) continue;
    const list = byCookie.get(cookie);
    if (list) list.push(line);
    else byCookie.set(cookie, [line]);
  }
  return {
    flows: theirs.map(({ uuid }) => byCookie.get(uuid.slice(0, 8)) ?? []),
    errors,
    references: references(
      oracle.entries('dump-groups', 'group_id=', BRIDGE),
      oracle.entries('dump-meters', 'meter=', BRIDGE),
    ),
  };
}

function ofctl(oracle: LflowOracle, ...args: string[]): string[] {
  return oracle
    .run('ovs-ofctl', '-OOpenFlow15', ...args, `unix:${oracle.dir}/${BRIDGE}.mgmt`)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.includes('='));
}

function groupMod(id: number, spec: GroupSpec): GroupMod {
  const fields = spec.selection.fields.flatMap((name) => {
    const found = fieldByName(name);
    return found === undefined ? [] : [{ field: found, value: found.ones }];
  });
  return {
    command: 'add',
    id,
    type: 'select',
    buckets: spec.buckets.map((bucket, index) => ({ id: index, ...bucket })),
    selection: { method: spec.selection.method, param: spec.selection.param, fields },
  };
}

async function install(
  oracle: LflowOracle,
  groups: readonly GroupMod[],
  meters: readonly { readonly id: number; readonly spec: MeterSpec }[],
  flows: readonly FlowMod[],
): Promise<void> {
  oracle.run('ovs-vsctl', '--may-exist', 'add-br', BRIDGE, '--', 'set', 'bridge', BRIDGE, 'fail_mode=secure');
  for (const command of ['del-flows', 'del-groups', 'del-meters']) {
    oracle.run('ovs-ofctl', '-OOpenFlow15', command, `unix:${oracle.dir}/${BRIDGE}.mgmt`);
  }
  const complaints: string[] = [];
  const connection = await new Promise<Connection>((resolve, reject) => {
    const c: Connection = new Connection(
      // Hundreds of different masks keep the switch busy for a while.
      { remote: `unix:${oracle.dir}/${BRIDGE}.mgmt`, probeInterval: 0 },
      {
        connected: () => resolve(c),
        disconnected: reject,
        error: (error) =>
          complaints.push(
            `${error.message} ${JSON.stringify(error, (_, v) => (typeof v === 'bigint' ? `${v}` : v))}`.slice(0, 2000),
          ),
      },
    );
    c.start();
  });
  for (const { id, spec } of meters) {
    // Of the meters with names the database knows one.
    if (spec.kind === 'name' && spec.name !== 'm1') continue;
    const rate = spec.kind === 'rate' ? spec.rate : 100;
    const burst = spec.kind === 'rate' ? spec.burst : undefined;
    connection.send({
      type: 'meter_mod',
      mod: {
        command: 'add',
        id,
        flags: [spec.kind === 'rate' ? 'kbps' : 'pktps', ...(burst === undefined ? [] : (['burst'] as const)), 'stats'],
        bands: [{ type: 'drop', rate, burstSize: burst ?? 0 }],
      },
    });
  }
  for (const mod of groups) connection.send({ type: 'group_mod', mod });
  for (const mod of flows) connection.send({ type: 'flow_mod', mod });
  await connection.request({ type: 'barrier_request' });
  connection.close();
  if (complaints.length > 0) throw new Error(`the switch refuses what we encode:\n${complaints.join('\n')}`);
}

interface References {
  readonly groups: ReadonlyMap<string, string>;
  readonly meters: ReadonlyMap<string, string>;
}

/** What groups and meters are, by number: their numbers are each controller's own. */
function references(groups: readonly string[], meters: readonly string[]): References {
  return {
    groups: new Map(
      groups.flatMap((line) => {
        const found = /^group_id=(\d+),(.*)$/.exec(line);
        return found ? [[found[1] ?? '', found[2] ?? ''] as const] : [];
      }),
    ),
    meters: new Map(
      meters.flatMap((line) => {
        const found = /^meter=(\d+) (.*)$/.exec(line);
        return found ? [[found[1] ?? '', found[2] ?? ''] as const] : [];
      }),
    ),
  };
}

/** Flows without cookies, with the contents of groups and meters in place of their numbers, and the matches of conjunctions in place of their ids. */
function normalize(lines: readonly string[], { groups, meters }: References): string[] {
  const heads = new Map<string, string>();
  for (const line of lines) {
    const head = /conj_id=(\d+)/.exec(line);
    if (head)
      heads.set(
        head[1] ?? '',
        line
          .replace(/^.*?table=/, 'table=')
          .replace(/conj_id=\d+,?/, '')
          .replace(/ actions=.*/, ''),
      );
  }
  return lines
    .map((line) =>
      line
        .replace(/cookie=0x[0-9a-f]+,? */, '')
        .replace(/conj_id=\d+/, 'conj_id')
        .replace(
          /conjunction\((\d+),(\d+\/\d+)\)/g,
          (_, id: string, part: string) => `conjunction(<${heads.get(id) ?? '?'}>,${part})`,
        )
        .replace(/group:(\d+)/g, (_, id: string) => `group:<${groups.get(id) ?? '?'}>`)
        .replace(/meter:(\d+)/g, (_, id: string) => `meter:<${meters.get(id) ?? '?'}>`)
        .replace(/meter_id=(\d+)/g, (_, id: string) => `meter_id=<${meters.get(id) ?? '?'}>`),
    )
    .sort();
}
