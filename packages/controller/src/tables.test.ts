import { Runtime } from '@weft/incremental/runtime';
import { field, subfield } from '@weft/openflow/fields';
import type { Flow } from '@weft/openflow/flow';
import { Match } from '@weft/openflow/match';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePairs, readConfig } from './config.ts';
import { ConjunctionIds } from './conjunction-ids.ts';
import { FlowTable, sameEffect } from './flow-table.ts';
import { GroupTable } from './group-table.ts';
import { freeIndex, indexKey } from './local/chassis-index.ts';
import { rememberedZones, ZoneAllocator } from './local/ct-zones.ts';
import { Numbers } from './numbers.ts';
import { conjunction, resubmit } from './physical/terms.ts';

const flow = (priority: number, cookie: bigint, to: number): Flow => ({
  table: 1,
  priority,
  cookie,
  match: Match.any,
  actions: [resubmit(to)],
});

describe('the flow table', () => {
  test('keeps an entry until the last who wants it lets go', () => {
    const table = new FlowTable();
    const [a, b] = [flow(1, 1n, 2), flow(1, 2n, 2)];
    table.replace([a], undefined);
    table.replace([b], undefined);
    expect([...table.takeChanges().put.values()]).toEqual([a]);
    table.replace(undefined, [a]);
    expect([...table.takeChanges().put.values()]).toEqual([b]);
    table.replace(undefined, [b]);
    expect([...table.takeChanges().removed.values()]).toEqual([b]);
    expect(table.size).toBe(0);
  });

  test('does not tell of what came and went, or came back', () => {
    const table = new FlowTable();
    table.replace([flow(1, 1n, 2)], undefined);
    table.takeChanges();
    const same = flow(1, 1n, 2);
    table.replace(
      [same],
      [...table.flows()].map(([, kept]) => kept),
    );
    const passing = flow(2, 1n, 2);
    table.replace([passing], undefined);
    table.replace(undefined, [passing]);
    // Of what only passed, nothing is kept until then.
    expect(table.noted).toBe(1);
    const { put, removed } = table.takeChanges();
    expect([put.size, removed.size]).toEqual([0, 0]);
  });

  test('joins the clauses of conjunctive matches', () => {
    const table = new FlowTable();
    const clause = (id: number): Flow => ({ ...flow(1, 0n, 0), actions: [conjunction(id, 1, 2)] });
    table.replace([clause(7)], undefined);
    table.replace([clause(9)], undefined);
    expect([...table.flows()][0]?.[1].actions).toEqual([conjunction(7, 1, 2), conjunction(9, 1, 2)]);
  });

  test('holds the same whatever the order of additions and removals', () => {
    const source = fc.record({ priority: fc.nat(2), cookie: fc.nat(3), to: fc.nat(2) });
    fc.assert(
      fc.property(fc.array(source, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 12 }), (specs, order) => {
        const flows = specs.map(({ priority, cookie, to }) => flow(priority, BigInt(cookie), to));
        const kept = flows.filter((_, i) => i % 2 === 0);
        const one = new FlowTable();
        one.replace(kept, undefined);
        const other = new FlowTable();
        const shuffled = flows.map((item, i) => ({ item, rank: order[i] ?? i })).sort((a, b) => a.rank - b.rank);
        for (const { item } of shuffled) other.replace([item], undefined);
        other.replace(
          undefined,
          flows.filter((_, i) => i % 2 === 1),
        );
        expect(other.size).toBe(one.size);
        const held = new Map(other.flows());
        for (const [key, wanted] of one.flows()) expect(sameEffect(wanted, held.get(key) as Flow)).toBe(true);
      }),
    );
  });

  test('compares actions by what they say', () => {
    const set = (bits: number): Flow => ({
      ...flow(1, 0n, 0),
      actions: [{ type: 'move', src: subfield(field('reg0'), 0, bits), dst: subfield(field('reg1'), 0, bits) }],
    });
    expect(sameEffect(set(8), set(8))).toBe(true);
    expect(sameEffect(set(8), set(9))).toBe(false);
  });
});

describe('allocations', () => {
  test('conjunction ids never overlap, and are the same for the same flows', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.string(), { maxLength: 30 }), fc.nat(4), (flows, extra) => {
        const ids = new ConjunctionIds(new Runtime());
        const all = flows.flatMap((flow) => ids.allocateAll(flow, 'dp', 1 + extra).ids);
        expect(new Set(all).size).toBe(flows.length * (1 + extra));
        const again = new ConjunctionIds(new Runtime());
        expect(flows.flatMap((flow) => again.allocateAll(flow, 'dp', 1 + extra).ids)).toEqual(all);
      }),
    );
  });

  test('groups live as long as a flow holds them', () => {
    const groups = new GroupTable(new Runtime());
    const spec = { key: 'k', buckets: [], selection: { method: 'dp_hash' as const, param: 0n, fields: [] } };
    const id = groups.allocate('k', spec);
    expect(groups.groups()).toEqual([]);
    groups.hold('k');
    groups.hold('k');
    groups.allocate('nobody holds it', spec);
    groups.sweep();
    groups.release('k');
    expect(groups.groups().map((group) => group.id)).toEqual([id]);
    groups.release('k');
    expect(groups.groups()).toEqual([]);
  });

  test('whatever is renumbered, no two things have one number, and who asked for another works again', () => {
    const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(numbers, fc.nat(11), fc.nat(12), (targets, things, moved) => {
        const runtime = new Runtime();
        const given = new Numbers<string>(runtime, 'things', 1, 20);
        const keys = Array.from({ length: things }, (_, i) => `thing ${i}`);
        const seen = new Map<string, number>();
        runtime.forEach(
          'users',
          () => keys,
          (key) => given.allocate(key, key),
          (key, next) => {
            if (next !== undefined) seen.set(key, next);
            given.hold(key);
          },
        );
        runtime.flush();
        const before = new Map(seen);
        const renumbering = new Map(
          keys.slice(0, moved).map((key, i) => [before.get(key) as number, targets[i] as number]),
        );
        const changed = given.renumber(renumbering);
        runtime.resetStats();
        runtime.flush();
        expect(new Map([...given.entries()].map(([key, id]) => [key, id]))).toEqual(seen);
        expect(new Set(seen.values()).size).toBe(seen.size);
        for (const [key, id] of before) if (renumbering.has(id)) expect(seen.get(key)).toBe(renumbering.get(id));
        const others = keys.filter((key) => seen.get(key) !== before.get(key));
        expect(runtime.stats().get('users') ?? 0).toBe(others.length);
        expect(changed).toBe(others.length > 0);
      }),
    );
  });

  test('zones are remembered, and never given twice', () => {
    const remembered = rememberedZones(
      new Map([
        ['ct-zone-p1', '7'],
        ['ct-zone-p2', '7'],
        ['ct-zone-p3', 'x'],
        ['ovn-nb-cfg', '3'],
      ]),
    );
    const zones = new ZoneAllocator();
    for (const [name, zone] of remembered) zones.restore(name, zone);
    expect(zones.get('p1')).toBe(7);
    const given = ['p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8'].map((name) => zones.allocate(name));
    expect(given).not.toContain(7);
    expect(new Set(given).size).toBe(given.length);
    zones.release('p1');
    expect(zones.get('p1')).toBeUndefined();
  });
});

test('the chassis of a machine have different indexes, the first none', () => {
  const config = new Map<string, string>();
  const given = Array.from({ length: 37 }, (_, i) => {
    const index = freeIndex(config);
    config.set(indexKey(`hv${i}`), index);
    return index;
  });
  expect(given.slice(0, 3)).toEqual(['', '0', '1']);
  expect(new Set(given).size).toBe(37);
  config.delete(indexKey('hv4'));
  expect(freeIndex(config)).toBe('3');
});

describe('the configuration', () => {
  test("reads a chassis' own keys before the common ones", () => {
    const config = readConfig(
      new Map([
        ['system-id', 'hv1'],
        ['ovn-encap-type', 'geneve, vxlan,junk'],
        ['ovn-encap-ip', '10.0.0.1'],
        ['ovn-encap-ip-hv1', '10.0.0.2'],
        ['ovn-bridge-mappings', 'a:br-a,b:br-b'],
        ['ovn-remote-probe-interval', 'soon'],
      ]),
    );
    expect(config).toMatchObject({
      systemId: 'hv1',
      integrationBridge: 'br-int',
      encapTypes: ['geneve', 'vxlan'],
      encapIps: ['10.0.0.2'],
      monitorAll: false,
      remoteProbeInterval: 5000,
    });
    expect(config?.problems).toEqual([
      expect.stringMatching(/^external_ids:ovn-remote-probe-interval: 'soon' is left out: expected a whole number/),
      expect.stringMatching(/^external_ids:ovn-encap-type: 'junk' is left out: .*geneve/),
    ]);
    expect(config?.bridgeMappings).toEqual(
      new Map([
        ['a', 'br-a'],
        ['b', 'br-b'],
      ]),
    );
  });

  test('whatever the values are, they hold or are named', () => {
    const keys = [
      'ovn-encap-type',
      'ovn-encap-ip',
      'ovn-encap-csum',
      'ovn-bridge-mappings',
      'ovn-chassis-mac-mappings',
    ].concat([
      'ovn-remote',
      'ovn-remote-probe-interval',
      'ovn-openflow-probe-interval',
      'ovn-transport-zones',
      'hostname',
    ]);
    const words = fc.constantFrom(
      'geneve',
      'junk',
      'a:b',
      'a:aa:bb:cc:dd:ee:ff',
      ':',
      ',',
      ' ',
      '',
      '1000',
      '-1',
      'true',
      '10.0.0.1',
    );
    const value = fc.oneof(
      fc.array(words).map((all) => all.join(',')),
      fc.string(),
      words,
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(...keys), fc.constantFrom('', '-hv1'), value)), (pairs) => {
        const ids = new Map(pairs.map(([key, suffix, text]) => [key + suffix, text]));
        const config = readConfig(ids, 'hv1');
        const types = (ids.get('ovn-encap-type-hv1') ?? ids.get('ovn-encap-type') ?? '').split(',').filter(Boolean);
        const named = config?.problems.filter((problem) => problem.includes('ovn-encap-type')).length;
        expect((config?.encapTypes.length ?? 0) + (named ?? 0)).toBe(types.length);
        expect(config?.remoteProbeInterval === 0 || (config?.remoteProbeInterval ?? 0) >= 1000).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test('is nothing without a system-id', () => {
    expect(readConfig(new Map())).toBeUndefined();
    expect(readConfig(new Map(), 'named')?.systemId).toBe('named');
  });

  test('keeps the colons of a MAC', () => {
    expect(parsePairs('phys:aa:bb:cc:dd:ee:ff, x')).toEqual(new Map([['phys', 'aa:bb:cc:dd:ee:ff']]));
  });
});
