/** What a person can ask of a running controller, and have it do. */
import { showRuns, showRunsOf } from '@weft/incremental/show-runs';
import { injectLookups, injectPacket } from './inject-packet.ts';
import type { ControllerService } from './service.ts';

export interface StatusCommand {
  readonly name: string;
  readonly usage: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  /** What it prints. */
  readonly run: (args: readonly string[]) => string | Refusal;
}

/** Why a command was not carried out. */
export interface Refusal {
  readonly error: string;
}

/** The controller's commands on its control socket (ovn-controller(8), "Runtime Management Commands"). */
export function status(service: ControllerService): readonly StatusCommand[] {
  const { controller } = service;
  const { compiler, model, nbCfgReport, runtime, stopwatches } = controller;
  const withArguments =
    (minArgs: number, maxArgs: number, usage: string) =>
    (name: string, run: StatusCommand['run']): StatusCommand => ({ name, usage, minArgs, maxArgs, run });
  const command = withArguments(0, 0, '');
  const done = (act: () => void) => () => {
    act();
    return '';
  };
  const recompute = done(() => controller.recompute());
  const flush = done(() => compiler.flush());
  return [
    command('connection-status', () => (service.connected ? 'connected' : 'not connected')),
    command('ct-zone-list', () => [...model.ctZones.rows()].map((row) => `${row._uuid} ${row.zone}`).join('\n')),
    command('group-table-list', () => [...controller.groups.entries()].map(([key, id]) => `${key}: ${id}`).join('\n')),
    command('meter-table-list', () => [...controller.meters.entries()].map(([key, id]) => `${key}: ${id}`).join('\n')),
    command('recompute', recompute),
    command('inc-engine/recompute', recompute),
    command(
      'inc-engine/clear-stats',
      done(() => runtime.resetStats()),
    ),
    withArguments(
      0,
      2,
      '[NODE [COUNTER]]',
    )('inc-engine/show-stats', ([node, counter]) =>
      node === undefined ? statistics(service) : showRunsOf(runtime, node, counter),
    ),
    withArguments(1, 1, 'MICROFLOW')('inject-pkt', ([microflow = '']) => inject(service, microflow)),
    command('debug/status', () => (controller.paused ? 'paused' : 'running')),
    command(
      'debug/pause',
      done(() => controller.pause()),
    ),
    command(
      'debug/resume',
      done(() => controller.resume()),
    ),
    withArguments(
      1,
      1,
      'SECONDS',
    )('debug/delay-nb-cfg-report', ([text = '']) => {
      if (!/^\d{1,6}$/.test(text)) return { error: 'unsigned integer required' };
      nbCfgReport.delaySeconds = Number(text);
      return text === '0' ? 'no delay for nb_cfg report.' : `delay nb_cfg report for ${Number(text)} seconds.`;
    }),
    command('debug/dump-local-bindings', () => localBindings(service)),
    command('debug/dump-lflow-conj-ids', () => conjunctionIds(service)),
    command('debug/dump-local-datapaths', () => [...model.localDatapaths()].sort().join('\n')),
    command('debug/dump-local-template-vars', () => templateVariables(service)),
    command('debug/dump-pending-writes', () => controller.pendingWrites.join('\n')),
    command('lflow-cache/flush', flush),
    command('flush-lflow-cache', flush),
    command('lflow-cache/show-stats', () => cacheStatistics(service)),
    command(
      'sb-cluster-state-reset',
      done(() => service.resetSbClusterState()),
    ),
    withArguments(
      0,
      1,
      '[NAME]',
    )('stopwatch/show', ([name]) => stopwatches.show(name) ?? { error: 'No such stopwatch' }),
    withArguments(
      0,
      1,
      '[NAME]',
    )('stopwatch/reset', ([name]) => {
      stopwatches.reset(name);
      return '';
    }),
  ];
}

function inject({ controller }: ControllerService, microflow: string): string | Refusal {
  const packet = injectPacket(microflow, injectLookups(controller.model));
  if ('error' in packet) return packet;
  return controller.send([packet]) ? '' : { error: 'The switch is not connected.' };
}

/** How often each derivation ran since the last `inc-engine/clear-stats`, and what the switch was sent. */
function statistics({ controller }: ControllerService): string {
  const { added, removed, kept, bundles, groups, meters } = controller.sync.stats;
  return [
    `flows: ${controller.flows.size} wanted; ${added} added, ${removed} removed, ${kept} found right, in ${bundles} bundles`,
    `changes of groups: ${groups}; of meters: ${meters}`,
    ...showRuns(controller.runtime),
  ].join('\n');
}

/** What the compiler of logical flows keeps. It needs no limit that somebody sets, so it has none to tell. */
function cacheStatistics({ controller }: ControllerService): string {
  const { matches, actions, shapes } = controller.compiler.cached;
  const lines: readonly (readonly [string, number])[] = [
    ['total', matches + actions + shapes],
    ['cache-matches', matches],
    ['cache-actions', actions],
    ['cache-shapes', shapes],
  ];
  return ['Enabled: true', ...lines.map(([name, count]) => `${name.padEnd(16)}: ${count}`)].join('\n');
}

function templateVariables({ controller }: ControllerService): string {
  const { model } = controller;
  const variables = [...(model.templateVariables() ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
  return ['Local template vars:', ...variables.map(([name, value]) => `name: '${name}' value: '${value}'`)].join('\n');
}

function localBindings({ controller }: ControllerService): string {
  const { model } = controller;
  const lines = ['Local bindings:'];
  for (const row of model.interfaces.rows()) {
    if (row.ifaceId === undefined) continue;
    const port = model.portByName.one(row.ifaceId);
    const children = model.portsByParent.get(row.ifaceId);
    const count = (port === undefined ? 0 : 1) + children.length;
    lines.push(`name: [${row.ifaceId}], OVS interface name : [${row.name}], num binding lports : [${count}]`);
    lines.push(port === undefined ? 'no primary lport' : `primary lport : [${port.logical_port}]`);
    children.forEach((child, i) => {
      lines.push(`child lport[${i + 1}] : [${child.logical_port}], type : [CONTAINER]`);
    });
    lines.push('----------------------------------------');
  }
  return lines.join('\n');
}

function conjunctionIds({ controller }: ControllerService): string {
  const runs: { flow: string; datapath: string; start: number; count: number }[] = [];
  let total = 0;
  for (const [, id, { flow, datapath }] of controller.conjunctionIds.entries()) {
    total++;
    const last = runs.at(-1);
    if (last?.flow === flow && last.datapath === datapath && last.start + last.count === id) last.count++;
    else runs.push({ flow, datapath, start: id, count: 1 });
  }
  return [
    'Conjunction IDs allocations:',
    ...runs.map(({ flow, datapath, start, count }) => `lflow: ${flow}, dp: ${datapath}, start: ${start}, n: ${count}`),
    '---',
    `Total ${total} IDs used.`,
  ].join('\n');
}
