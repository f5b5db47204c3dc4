import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Runtime } from './runtime.ts';

interface Port {
  _uuid: string;
  name: string;
  enabled: boolean;
  addresses: readonly string[];
}
interface Switch {
  _uuid: string;
  name: string;
  ports: readonly string[];
}

const portColumns = ['name', 'enabled', 'addresses'];
const switchColumns = ['name', 'ports'];

/** A little northd: flows per port, a group of the enabled ports per switch, a count per group. */
function model() {
  const errors: unknown[] = [];
  const rt = new Runtime((_name, _key, error) => errors.push(error));
  const ports = rt.table<Port>('Port', portColumns);
  const switches = rt.table<Switch>('Switch', switchColumns);
  const switchOf = switches.index('switch of port', ['ports'], (row) => row.ports);
  const byAddress = ports.index('port by address', ['addresses'], (row) => row.addresses);
  const members = rt.relation('members', ports, (port) =>
    port.enabled ? switchOf.get(port._uuid).map((sw) => [sw.name, port.name] as const) : [],
  );
  const label = rt.memo('label', (name: string) => name.toUpperCase().slice(0, 1));
  const output = new Map<string, string>();
  const put = (key: string, next: string | undefined) => {
    if (next === undefined) output.delete(key);
    else output.set(key, next);
  };
  rt.forEach(
    'flows',
    ports,
    (port) => {
      if (port.name === 'bad') throw new Error('a bad port');
      const twins = port.addresses.flatMap((address) => byAddress.get(address).map((twin) => twin._uuid));
      return `${label(port.name)}:${switchOf.one(port._uuid)?.name ?? 'none'}:${port.enabled}:${twins.join(',')}`;
    },
    (port, next) => put(`port ${port._uuid}`, next),
  );
  rt.forEach(
    'groups',
    () => members.groups(),
    (group) => members.get(group).join(' '),
    (group, next) => put(`group ${group}`, next),
  );
  return { rt, ports, switches, output, errors };
}

const port = (uuid: string, over: Partial<Port> = {}): Port => ({
  _uuid: uuid,
  name: uuid,
  enabled: true,
  addresses: [],
  ...over,
});

describe('work done', () => {
  it('runs one derivation for one new port, whatever the number of ports', () => {
    const { rt, ports, switches, output } = model();
    const before = Array.from({ length: 1000 }, (_, i) => port(`p${i}`));
    ports.apply(before.map((row) => ({ uuid: row._uuid, new: row })));
    const sw = { _uuid: 's', name: 'sw', ports: before.map((row) => row._uuid) };
    switches.apply([{ uuid: 's', new: sw }]);
    rt.flush();
    expect(rt.stats().get('flows')).toBe(1000);
    rt.resetStats();
    ports.apply([{ uuid: 'new', new: port('new') }]);
    switches.apply([{ uuid: 's', old: sw, new: { ...sw, ports: [...sw.ports, 'new'] } }]);
    rt.flush();
    expect(output.get('port new')).toBe('N:sw:true:');
    expect(Object.fromEntries(rt.stats())).toEqual({ flows: 1, label: 1, members: 1, groups: 1 });
  });

  it('runs nothing for a column that nobody reads and for a memo whose value stays', () => {
    const rt = new Runtime();
    const ports = rt.table<Port>('Port', portColumns);
    const initial = rt.memo('initial', (uuid: string) => ports.get(uuid)?.name.slice(0, 1));
    rt.forEach(
      'all',
      () => ['a'],
      (uuid) => initial(uuid),
      () => {},
    );
    const a = port('a', { name: 'alpha' });
    ports.apply([{ uuid: 'a', new: a }]);
    rt.flush();
    rt.resetStats();
    const disabled = { ...a, enabled: false };
    ports.apply([{ uuid: 'a', old: a, new: disabled }]);
    rt.flush();
    expect(rt.stats().size).toBe(0);
    ports.apply([{ uuid: 'a', old: disabled, new: { ...disabled, name: 'aleph' } }]);
    rt.flush();
    expect(Object.fromEntries(rt.stats())).toEqual({ initial: 1 });
  });

  it('gives the event loop back when the budget is spent', async () => {
    const { rt, ports, output } = model();
    ports.apply(Array.from({ length: 500 }, (_, i) => ({ uuid: `p${i}`, new: port(`p${i}`) })));
    let pauses = 0;
    let clock = 0;
    await rt.flushChunked({ budgetMs: 1, now: () => clock++, pause: async () => void pauses++ });
    expect(pauses).toBeGreaterThan(5);
    expect(output.size).toBe(500);
  });
});

describe('errors', () => {
  it('names a derivation that depends on itself', () => {
    const rt = new Runtime();
    const f: (key: string) => number = rt.memo('loop', (key) => f(key) + 1);
    expect(() => f('x')).toThrow('loop(x) depends on itself');
  });

  it('drops the value of a derivation that throws, and gets it back when the cause is gone', () => {
    const { rt, ports, output, errors } = model();
    const p = port('p');
    const bad = port('p', { name: 'bad' });
    ports.apply([{ uuid: 'p', new: p }]);
    rt.flush();
    ports.apply([{ uuid: 'p', old: p, new: bad }]);
    rt.flush();
    expect(output.has('port p')).toBe(false);
    expect(errors).toHaveLength(1);
    ports.apply([{ uuid: 'p', old: bad, new: p }]);
    rt.flush();
    expect(output.get('port p')).toBe('P:none:true:');
  });

  it('forgets memos that nobody reads any more, and computes them anew', () => {
    const rt = new Runtime();
    const ports = rt.table<Port>('Port', portColumns);
    const name = rt.memo('name', (uuid: string) => ports.get(uuid)?.name);
    expect(name('a')).toBe(undefined);
    ports.apply([{ uuid: 'a', new: port('a') }]);
    expect(name('a')).toBe('a');
    expect(rt.stats().get('name')).toBe(2);
  });
});

describe('incremental equals recompute', () => {
  const uuid = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const change = fc.oneof(
    fc.record({
      kind: fc.constant('port' as const),
      uuid,
      row: fc.option(
        fc.record({
          name: fc.constantFrom('x', 'y', 'bad', 'z'),
          enabled: fc.boolean(),
          addresses: fc.uniqueArray(fc.constantFrom('m1', 'm2', 'm3')),
        }),
      ),
    }),
    fc.record({
      kind: fc.constant('switch' as const),
      uuid: fc.constantFrom('s', 't'),
      row: fc.option(fc.record({ name: fc.constantFrom('sw1', 'sw2'), ports: fc.uniqueArray(uuid) })),
    }),
    fc.constant({ kind: 'flush' as const }),
  );

  it('after any history', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), (history) => {
        const live = model();
        const portRows = new Map<string, Port>();
        const switchRows = new Map<string, Switch>();
        for (const step of history) {
          if (step.kind === 'flush') live.rt.flush();
          else if (step.kind === 'port') {
            const old = portRows.get(step.uuid);
            if (step.row === null) portRows.delete(step.uuid);
            else portRows.set(step.uuid, { _uuid: step.uuid, ...step.row });
            live.ports.apply([{ uuid: step.uuid, old, new: portRows.get(step.uuid) }]);
          } else {
            const old = switchRows.get(step.uuid);
            if (step.row === null) switchRows.delete(step.uuid);
            else switchRows.set(step.uuid, { _uuid: step.uuid, ...step.row });
            live.switches.apply([{ uuid: step.uuid, old, new: switchRows.get(step.uuid) }]);
          }
        }
        live.rt.flush();
        const fresh = model();
        fresh.ports.apply([...portRows].map(([key, row]) => ({ uuid: key, new: row })));
        fresh.switches.apply([...switchRows].map(([key, row]) => ({ uuid: key, new: row })));
        fresh.rt.flush();
        expect(new Map([...live.output].sort())).toEqual(new Map([...fresh.output].sort()));
      }),
      { numRuns: 500 },
    );
  });
});
