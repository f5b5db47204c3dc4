import { Runtime } from '@weft/incremental/runtime';
import { field } from '@weft/openflow/fields';
import { type Flow, flowKey } from '@weft/openflow/flow';
import { Match } from '@weft/openflow/match';
import { expect, it } from 'vitest';
import { FlowTable } from '../flow-table.ts';
import { GroupTable, MeterTable } from '../group-table.ts';
import { FakeSwitch } from '../testing.ts';
import { SwitchSync } from './sync.ts';

const flow = (n: number, cookie = 1n): Flow => ({
  table: 0,
  priority: 1,
  cookie,
  match: Match.of([field('reg0'), n]),
  actions: [],
});

/** More than are compared at a stretch, so that others get their turn. */
const many = Array.from({ length: 3000 }, (_, n) => flow(n));

/** A table of many flows, and a switch that has `present`. Before the comparison goes on after a pause, `meanwhile` is called. */
function meeting(present: readonly Flow[], meanwhile: (table: FlowTable) => void) {
  const runtime = new Runtime();
  const table = new FlowTable();
  table.replace(many, undefined);
  const peer = new FakeSwitch();
  for (const each of present) peer.table.set(flowKey(each), each);
  let paused = 0;
  const sync = new SwitchSync(
    table,
    new GroupTable(runtime),
    new MeterTable(runtime),
    { info: () => {}, warn: () => {} },
    async () => {
      if (paused++ === 0) meanwhile(table);
    },
  );
  sync.attach(peer);
  return { table, peer, sync };
}

const cookies = (flows: Iterable<Flow>) => new Map([...flows].map((each) => [flowKey(each), each.cookie]));

it.each<readonly [string, readonly Flow[], readonly Flow[], readonly Flow[]]>([
  ['comes and goes', [], [flow(5000)], []],
  ['changes and changes back', [], [flow(2500, 2n)], [flow(2500)]],
  ['goes and comes back', many, [], [flow(2500)]],
])(
  'a flow that %s while the switch is compared is there as the table has it in the end',
  async (_, present, first, then) => {
    const of = (flows: readonly Flow[]) => new Set(flows.map(flowKey));
    const old = many.filter((each) => of([...first, ...then]).has(flowKey(each)));
    const { table, peer, sync } = meeting(present, (changing) => changing.replace(first, old));
    expect(await sync.push(new Set())).toBe(true);
    table.replace(then, first);
    expect(await sync.push(new Set())).toBe(true);
    expect(cookies(peer.table.values())).toEqual(cookies([...table.flows()].map(([, each]) => each)));
  },
);
