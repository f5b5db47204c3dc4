import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { SbRow, SbTable } from '@weft/schemas/sb';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { Allocations, type SbRows } from './allocations.ts';
import type { Northd } from './northd.ts';
import { SbWriter } from './sb-writer.ts';
import { flowLines, NbState, newCore } from './testing/nb-state.ts';
import { SbState } from './testing/sb-state.ts';

/** A core and its writer on a database. */
class Instance {
  readonly allocations = new Allocations();
  readonly northd: Northd;
  readonly writer: SbWriter;
  readonly #sb: SbState;

  constructor(sb: SbState) {
    this.#sb = sb;
    const { allocations } = this;
    const rows: { [table: string]: readonly Row[] } = {};
    for (const { table } of sb.content()) rows[table] = sb.rows(table as SbTable);
    allocations.seedFrom(rows as unknown as SbRows);
    this.northd = newCore(() => {}, allocations);
    this.writer = new SbWriter(this.northd, allocations, (table, uuid) => sb.get(table, uuid));
    this.writer.observe(sb.content());
  }

  /** Writes what there is to write in transactions of so many operations; returns how many operations that were. */
  write(operationsPerTransaction = Number.POSITIVE_INFINITY): number {
    let count = 0;
    let batch: Parameters<SbState['transact']>[0][number][] = [];
    const changes: ReturnType<SbState['transact']>[number][] = [];
    const commit = (): void => {
      if (batch.length === 0) return;
      count += batch.length;
      changes.push(...this.#sb.transact(batch));
      batch = [];
    };
    for (const unit of this.writer.units()) {
      batch.push(...unit);
      if (batch.length >= operationsPerTransaction) commit();
    }
    commit();
    this.writer.observe(changes);
    return count;
  }
}

let nb: NbState;
let sb: SbState;
let instance: Instance;

beforeEach(() => {
  nb = new NbState();
  sb = new SbState();
  sb.transact([{ op: 'insert', table: 'SB_Global', 'uuid-name': 'global', row: {} }]);
  nb.insert('NB_Global', {
    options: new Map([
      ['mac_prefix', '0a:00:00'],
      ['svc_monitor_mac', '0a:00:00:00:00:01'],
    ]),
  });
  instance = new Instance(sb);
});

function addSwitch(name: string, ports: number): Uuid {
  const ls = nb.insert('Logical_Switch', { name });
  for (let p = 0; p < ports; p++) addPort(ls, `${name}-p${p}`, p);
  return ls;
}

function addPort(ls: Uuid, name: string, p: number): Uuid {
  const address = `00:00:00:00:${(p >> 8).toString(16)}:${(p & 255).toString(16)} 10.0.${p >> 8}.${p & 255}`;
  const port = nb.insert('Logical_Switch_Port', { name, addresses: [address] });
  nb.link('Logical_Switch', ls, 'ports', port);
  return port;
}

function removePort(uuid: Uuid): void {
  nb.unlink('Logical_Switch', 'ports', uuid);
  nb.delete('Logical_Switch_Port', uuid);
}

/** Flushes, writes, and checks that SB says exactly what is desired. */
function sync(operationsPerTransaction?: number): number {
  nb.flushTo(instance.northd);
  const count = instance.write(operationsPerTransaction);
  expect(flowsOfSb()).toEqual(flowLines(instance.northd));
  expect(instance.write()).toBe(0);
  return count;
}

function flowsOfSb(): readonly string[] {
  const datapaths = new Map(
    sb.rows('Datapath_Binding').map((row) => {
      const { external_ids: ids } = row as unknown as SbRow<'Datapath_Binding'>;
      return [row._uuid, ids.get('logical-switch') ?? ids.get('logical-router')];
    }),
  );
  const lines: string[] = [];
  for (const row of sb.rows('Logical_Flow') as unknown as SbRow<'Logical_Flow'>[]) {
    const group =
      row.logical_dp_group && (sb.get('Logical_DP_Group', row.logical_dp_group)?.datapaths as readonly Uuid[]);
    const members = row.logical_datapath === undefined ? (group ?? []) : [row.logical_datapath];
    const rest = [row.external_ids.get('stage-hint'), row.tags.get('in_out_port'), row.controller_meter];
    const text = `${row.priority} (${row.match}) -> ${row.actions} ${rest.map((value) => value ?? '-').join(' ')}`;
    for (const member of members) lines.push(`${datapaths.get(member)} ${row.external_ids.get('stage-name')} ${text}`);
  }
  return lines.sort();
}

describe('the southbound writer', () => {
  it('remembers after a long history what it remembers after a start', () => {
    addSwitch('stays', 3);
    sync();
    for (let i = 0; i < 30; i++) {
      const ls = addSwitch(`ls${i}`, 2);
      nb.update('Logical_Switch', ls, { other_config: new Map([['subnet', '10.1.0.0/24']]) });
      const dynamic = nb.insert('Logical_Switch_Port', { name: `dynamic${i}`, addresses: ['dynamic'] });
      const child = { name: `child${i}`, addresses: ['unknown'], parent_name: `ls${i}-p0`, tag_request: 0 };
      for (const port of [dynamic, nb.insert('Logical_Switch_Port', child)])
        nb.link('Logical_Switch', ls, 'ports', port);
      const acl = { priority: 1000 + i, direction: 'to-lport', match: `ip4.src == 10.9.0.${i}`, action: 'drop' };
      nb.link('Logical_Switch', ls, 'acls', nb.insert('ACL', acl));
      const lr = nb.insert('Logical_Router', { name: `lr${i}` });
      const router = { name: `lrp${i}`, mac: '00:00:00:00:11:00', networks: [`10.2.${i}.1/24`] };
      const lrp = nb.insert('Logical_Router_Port', router);
      nb.link('Logical_Router', lr, 'ports', lrp);
      // Of some the database never hears.
      if (i % 3 === 0) nb.flushTo(instance.northd);
      else sync();
      const { ports, acls } = nb.get('Logical_Switch', ls) as unknown as {
        ports: readonly Uuid[];
        acls: readonly Uuid[];
      };
      nb.delete('Logical_Switch', ls);
      for (const port of ports) nb.delete('Logical_Switch_Port', port);
      for (const each of acls) nb.delete('ACL', each);
      nb.delete('Logical_Router_Port', lrp);
      nb.delete('Logical_Router', lr);
      sync();
    }
    const { allocations, northd } = instance;
    instance = new Instance(sb);
    nb.replayTo(instance.northd);
    sync();
    expect(allocations.size).toBe(instance.allocations.size);
    expect(northd.flows.size).toBe(instance.northd.flows.size);
    expect(northd.flows.hashes.size).toBe(instance.northd.flows.hashes.size);
    expect(northd.flows.places).toBe(instance.northd.flows.places);
  });

  it('writes a constant number of rows for one more port, whatever the size of the switch', () => {
    const counts = [3, 300, 1000].map((ports, i) => {
      const ls = addSwitch(`ls${i}`, ports);
      sync();
      addPort(ls, `new${i}`, ports);
      return sync();
    });
    // The port binding, its two ARP flows and its L2 flow, and a mutation of each flooding group.
    expect(counts).toEqual([6, 6, 6]);
  });

  it('does not mention columns of new rows that have their default anyway', () => {
    addSwitch('ls0', 1);
    nb.flushTo(instance.northd);
    const inserts = [...instance.writer.units()]
      .flat()
      .filter(({ op, table }) => op === 'insert' && table === 'Port_Binding');
    expect(inserts.map(({ row }) => Object.keys(row as object).sort())).toEqual([
      ['datapath', 'logical_port', 'mac', 'tunnel_key', 'up'],
    ]);
  });

  it('writes nothing after a restart', () => {
    addSwitch('ls0', 5);
    addSwitch('ls1', 5);
    sync();
    const fresh = new Instance(sb);
    nb.replayTo(fresh.northd);
    expect(fresh.write()).toBe(0);
  });

  it('changes a datapath group in place when all of its flows move', () => {
    for (let i = 0; i < 10; i++) addSwitch(`ls${i}`, 0);
    sync();
    expect(sb.rows('Logical_DP_Group')).toHaveLength(1);
    sb.operations.clear();
    addSwitch('one more', 0);
    sync();
    expect(Object.fromEntries(sb.operations)).toEqual({
      'insert Datapath_Binding': 1,
      'insert IP_Multicast': 1,
      'mutate Logical_DP_Group': 1,
    });
  });

  it('puts right what somebody else has changed', () => {
    const ls = addSwitch('ls0', 3);
    sync();
    const [flow] = sb.rows('Logical_Flow');
    const [binding] = sb.rows('Port_Binding');
    const where = (row: Row | undefined) => [['_uuid', '==', ['uuid', row?._uuid ?? '']]] as const;
    const changes = [
      ...sb.transact([{ op: 'delete', table: 'Logical_Flow', where: where(flow) }]),
      ...sb.transact([{ op: 'update', table: 'Port_Binding', where: where(binding), row: { type: 'bogus' } }]),
      ...sb.transact([{ op: 'insert', table: 'Address_Set', 'uuid-name': 'x', row: { name: 'bogus' } }]),
    ];
    instance.writer.observe(changes);
    expect(sync()).toBe(3);
    expect(sb.rows('Address_Set').map(({ name }) => name)).toEqual(['svc_monitor_mac']);
    expect(ls).toBeDefined();
  });

  it('keeps references and indexes whole, however the write is cut into transactions', () => {
    const step = fc.tuple(
      fc.constantFrom('addSwitch', 'removeSwitch', 'addPort', 'addPort', 'removePort'),
      fc.nat(9),
      fc.nat(9),
    );
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), fc.integer({ min: 1, max: 40 }), (steps, size) => {
        nb = new NbState();
        sb = new SbState();
        sb.transact([{ op: 'insert', table: 'SB_Global', 'uuid-name': 'global', row: {} }]);
        instance = new Instance(sb);
        for (const [i, [kind, a, b]] of steps.entries()) {
          const switches = nb.uuids('Logical_Switch');
          const ports = nb.uuids('Logical_Switch_Port');
          const ls = switches[a % Math.max(1, switches.length)];
          const port = ports[a % Math.max(1, ports.length)];
          if (kind === 'addSwitch') addSwitch(`ls${i}`, b % 3);
          else if (kind === 'addPort' && ls !== undefined) addPort(ls, `p${i}`, b);
          else if (kind === 'removePort' && port !== undefined) removePort(port);
          else if (kind === 'removeSwitch' && ls !== undefined) {
            const members = nb.get('Logical_Switch', ls)?.ports as readonly Uuid[];
            nb.delete('Logical_Switch', ls);
            for (const member of members) nb.delete('Logical_Switch_Port', member);
          }
          if (i % 3 === 0) sync(size);
        }
        sync(size);
      }),
      { numRuns: 60 },
    );
  });
});
