/** The controller's commands on its control socket (ovn-controller(8), "Runtime Management Commands"). */
import type { ControllerService } from './service.ts';

export interface StatusCommand {
  readonly name: string;
  readonly usage: string;
  readonly maxArgs: number;
  readonly run: () => string;
}

/** The controller's commands on its control socket (ovn-controller(8), "Runtime Management Commands"). */
export function status(service: ControllerService): readonly StatusCommand[] {
  const { controller } = service;
  const { model } = controller;
  const command = (name: string, run: () => string): StatusCommand => ({ name, usage: '', maxArgs: 0, run });
  const done = (act: () => void) => () => {
    act();
    return '';
  };
  const recompute = done(() => controller.recompute());
  return [
    command('connection-status', () => (service.connected ? 'connected' : 'not connected')),
    command('ct-zone-list', () => [...model.ctZones.rows()].map((row) => `${row._uuid} ${row.zone}`).join('\n')),
    command('group-table-list', () => [...controller.groups.entries()].map(([key, id]) => `${key}: ${id}`).join('\n')),
    command('meter-table-list', () => [...controller.meters.entries()].map(([key, id]) => `${key}: ${id}`).join('\n')),
    command('recompute', recompute),
    command('inc-engine/recompute', recompute),
    command(
      'inc-engine/clear-stats',
      done(() => controller.runtime.resetStats()),
    ),
    command('inc-engine/show-stats', () => statistics(service)),
    command('debug/status', () => (controller.paused ? 'paused' : 'running')),
    command(
      'debug/pause',
      done(() => controller.pause()),
    ),
    command(
      'debug/resume',
      done(() => controller.resume()),
    ),
    command('debug/dump-local-bindings', () => localBindings(service)),
    command('debug/dump-lflow-conj-ids', () => conjunctionIds(service)),
    command('debug/dump-local-datapaths', () => [...model.localDatapaths()].sort().join('\n')),
    command('debug/dump-pending-writes', () => controller.pendingWrites.join('\n')),
    command('lflow-cache/flush', () => ''),
    command('sb-cluster-state-reset', () => ''),
  ];
}

/** How often each derivation ran since the last `inc-engine/clear-stats`, and what the switch was sent. */
function statistics({ controller }: ControllerService): string {
  const { added, removed, kept, bundles, groups, meters } = controller.sync.stats;
  const runs = [...controller.runtime.stats()].sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `flows: ${controller.flows.size} wanted; ${added} added, ${removed} removed, ${kept} found right, in ${bundles} bundles`,
    `changes of groups: ${groups}; of meters: ${meters}`,
    ...runs.map(([derivation, count]) => `${derivation}: ${count} runs`),
  ].join('\n');
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
