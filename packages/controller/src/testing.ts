/** A controller in memory, for tests: databases that are maps of rows, and a switch that is a map of flows. */

import type { Action } from '@weft/openflow/actions';
import { field } from '@weft/openflow/fields';
import { type Flow, flowKey, type Group, type Meter } from '@weft/openflow/flow';
import type { Message, PacketIn } from '@weft/openflow/messages';
import { BatchError, OpenFlowError } from '@weft/openflow/openflow-error';
import type { Datum } from '@weft/ovsdb/datum';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import { rowFactory } from '@weft/ovsdb/row-shape';
import type { TableSchema } from '@weft/ovsdb/schema';
import { Transaction } from '@weft/ovsdb-client/transaction';
import { sb } from '@weft/schemas/sb';
import { vswitch } from '@weft/schemas/vswitch';
import { Controller } from './controller.ts';
import type { SbConditions } from './local/conditions.ts';
import { groupContent, meterContent } from './switch/same-numbers.ts';
import type { Switch } from './switch/switch.ts';

type Values = { readonly [column: string]: Datum };

/** A switch that keeps what it is told. */
export class FakeSwitch implements Switch {
  readonly table = new Map<string, Flow>();
  readonly groupTable = new Map<number, Group>();
  readonly meterTable = new Map<number, Meter>();
  readonly sent: Message[] = [];
  bundles = 0;

  flows = async () =>
    [...this.table.values()].map((flow) => ({
      ...flow,
      durationSec: 0,
      durationNsec: 0,
      packetCount: 0n,
      byteCount: 0n,
    }));
  groups = async () => [...this.groupTable.values()];
  meters = async () => [...this.meterTable.values()];
  tlvMappings = async () => [];
  barrier = async () => {};

  /** Texts that can be compared. */
  contents(): {
    readonly flows: readonly string[];
    readonly groups: readonly string[];
    readonly meters: readonly string[];
  } {
    return {
      flows: [...this.table.values()].map(flowText).sort(),
      groups: [...this.groupTable.values()].map((group) => `${group.id} ${groupContent(group)}`).sort(),
      meters: [...this.meterTable.values()].map((meter) => `${meter.id} ${meterContent(meter)}`).sort(),
    };
  }

  send(messages: readonly Message[]): void {
    this.sent.push(...messages);
  }

  /** What it will not have. */
  refuses: (message: Message) => boolean = () => false;

  async bundle(mods: Iterable<Message>): Promise<void> {
    const messages = [...mods];
    this.bundles++;
    this.#check(messages);
    this.#apply(messages);
  }

  async batch(mods: Iterable<Message>): Promise<void> {
    const messages = [...mods];
    this.#apply(messages);
    this.#check(messages);
  }

  #check(messages: readonly Message[]): void {
    const refused = messages.filter(this.refuses);
    const error = {
      type: 'error',
      errorType: 2,
      code: 5,
      experimenter: 0,
      name: 'OFPBAC_BAD_ARGUMENT',
      data: new Uint8Array(),
    } as const;
    if (refused.length > 0) throw new BatchError(refused.map((message) => new OpenFlowError(error, message)));
  }

  #apply(messages: readonly Message[]): void {
    for (const message of messages) {
      if (this.refuses(message)) continue;
      if (message.type === 'group_mod') take(this.groupTable, message.mod.id, message.mod);
      else if (message.type === 'meter_mod') take(this.meterTable, message.mod.id, message.mod);
      else if (message.type === 'flow_mod') take(this.table, flowKey(message.mod), message.mod);
    }
  }
}

function take<K, V, M extends V & { readonly command: string }>(table: Map<K, V>, key: K, mod: M): void {
  const { command, ...value } = mod;
  if (command.startsWith('delete')) table.delete(key);
  else table.set(key, value as unknown as V);
}

/** The numbers of a test's rows: `id('Port_Binding', 3)` is always the same uuid. */
export function id(table: string, n: number): string {
  let hash = 0;
  for (const character of table) hash = (hash * 31 + character.charCodeAt(0)) % 0x10000;
  const text = `${hash.toString(16).padStart(4, '0')}${n.toString(16).padStart(4, '0')}`;
  return `${text}-0000-4000-8000-000000000000`;
}

export class TestBed {
  readonly controller: Controller;
  readonly switch: FakeSwitch;
  readonly log: string[] = [];
  /** Operations that the controller sent, by database. */
  readonly written: { readonly sb: JsonObject[]; readonly ovs: JsonObject[] } = { sb: [], ovs: [] };
  readonly rows: { readonly sb: Map<string, Map<string, Row>>; readonly ovs: Map<string, Map<string, Row>> };
  conditions: SbConditions | undefined;
  now = 1_000_000;

  constructor(peer = new FakeSwitch()) {
    this.switch = peer;
    this.rows = { sb: new Map(), ovs: new Map() };
    this.controller = new Controller({
      ovs: { transaction: () => this.#transaction('ovs', vswitch) },
      log: { info: () => {}, warn: (message) => this.log.push(message) },
      now: () => this.now,
      timer: (ms, callback) => this.#timer(ms, callback),
      setConditions: async (conditions) => {
        this.conditions = conditions;
      },
      onConfig: () => {},
    });
    this.controller.sbConnected({ transaction: () => this.#transaction('sb', sb) });
    this.controller.switchConnected(peer);
  }

  /** Calls that wait for {@link advance}. */
  readonly #timers = new Set<{ readonly at: number; readonly callback: () => void }>();

  #timer(ms: number, callback: () => void): () => void {
    const entry = { at: this.now + ms, callback };
    this.#timers.add(entry);
    return () => this.#timers.delete(entry);
  }

  /** Lets time pass. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > until) break;
      this.#timers.delete(next);
      this.now = next.at;
      next.callback();
    }
    this.now = until;
  }

  #transaction<D extends typeof sb | typeof vswitch>(database: 'sb' | 'ovs', schema: D): Transaction<D> {
    return new Transaction<D>(schema, {
      row: (table, uuid) => this.rows[database].get(table)?.get(uuid),
      monitored: () => true,
      exists: () => true,
      send: async (operations) => {
        this.written[database].push(...operations);
        return operations.map((): JsonObject => ({}));
      },
    });
  }

  /** Inserts a row, or changes columns of it; `undefined` deletes it. */
  put(database: 'sb' | 'ovs', table: string, uuid: string, values: Values | undefined): this {
    const schemas = (database === 'sb' ? sb : vswitch).tables as unknown as { readonly [table: string]: TableSchema };
    const schema = schemas[table];
    if (schema === undefined) throw new Error(`no table ${table}`);
    let rows = this.rows[database].get(table);
    if (rows === undefined) {
      rows = new Map();
      this.rows[database].set(table, rows);
    }
    const old = rows.get(uuid);
    const next = values && (old === undefined ? rowFactory(schema)(uuid, values) : { ...old, ...values });
    if (next === undefined) rows.delete(uuid);
    else rows.set(uuid, next);
    const change = { table, uuid, ...(old === undefined ? {} : { old }), ...(next === undefined ? {} : { new: next }) };
    if (database === 'sb') this.controller.sbChanged([change]);
    else this.controller.ovsChanged([change]);
    return this;
  }

  sb(table: string, uuid: string, values: Values | undefined): this {
    return this.put('sb', table, uuid, values);
  }

  ovs(table: string, uuid: string, values: Values | undefined): this {
    return this.put('ovs', table, uuid, values);
  }

  /** Waits until there is nothing left to do. */
  async idle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet = this.controller.busy ? 0 : quiet + 1) await new Promise(setImmediate);
  }

  packetIn(packet: PacketIn): void {
    this.controller.packetIn(packet);
  }

  /** The switch's flows, as text that can be compared. */
  flows(): readonly string[] {
    return this.switch.contents().flows;
  }

  /** What a controller that starts now, with the same tables, makes of a switch: an empty one, if none is given. */
  async fresh(peer = new FakeSwitch()): Promise<TestBed> {
    const other = new TestBed(peer);
    const zones = [...this.controller.model.ctZones.rows()].map(
      (row) => [`ct-zone-${row._uuid}`, String(row.zone)] as const,
    );
    for (const database of ['ovs', 'sb'] as const)
      for (const [table, rows] of this.rows[database])
        for (const [uuid, row] of rows) {
          const values = table === 'Bridge' ? { ...row, external_ids: new Map(zones) } : row;
          other.put(database, table, uuid, values);
        }
    await other.idle();
    return other;
  }
}

export function flowText(flow: Flow): string {
  const actions = JSON.stringify([...flow.actions], (_key, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return typeof value === 'object' && value !== null && 'oxm' in value ? (value as { name?: Json }).name : value;
  });
  const match = flow.match.terms
    .map(({ field, value, mask }) => `${field.name}=${value}${mask === undefined ? '' : `/${mask}`}`)
    .join(',');
  return `table=${flow.table} priority=${flow.priority} cookie=${flow.cookie.toString(16)} ${match} ${actions}`;
}

/** A chassis `hv1` with its bridge, configured and registered, and a southbound database with nothing else in it. */
export function chassisBed(settings: readonly (readonly [string, string])[] = []): TestBed {
  const bed = new TestBed();
  bed.ovs('Bridge', id('Bridge', 1), {
    name: 'br-int',
    fail_mode: 'secure',
    datapath_type: 'system',
    other_config: new Map([['disable-in-band', 'true']]),
  });
  bed.ovs('Open_vSwitch', id('Open_vSwitch', 1), {
    bridges: [id('Bridge', 1)],
    external_ids: new Map([
      ['system-id', 'hv1'],
      ['ovn-remote', 'unix:sb.sock'],
      ['ovn-encap-ip', '10.0.0.1'],
      ['ovn-encap-type', 'geneve'],
      ['hostname', 'host1'],
      ...settings,
    ]),
  });
  bed.sb('SB_Global', id('SB_Global', 1), { nb_cfg: 0 });
  addChassis(bed, 1);
  return bed;
}

/** Chassis `hvN`, with a Geneve encapsulation at 10.0.0.N. */
export function addChassis(bed: TestBed, n: number): void {
  bed.sb('Encap', id('Encap', n), {
    type: 'geneve',
    ip: `10.0.0.${n}`,
    options: new Map([['csum', 'true']]),
    chassis_name: `hv${n}`,
  });
  bed.sb('Chassis', id('Chassis', n), { name: `hv${n}`, encaps: [id('Encap', n)] });
}

/** An interface of the integration bridge with OpenFlow port N. */
export function plug(
  bed: TestBed,
  n: number,
  name: string,
  externalIds: Values | ReadonlyMap<string, string>,
  ports: readonly number[],
): void {
  bed.ovs('Interface', id('Interface', n), {
    name,
    ofport: n,
    external_ids: externalIds as ReadonlyMap<string, string>,
  });
  bed.ovs('Port', id('Port', n), { name, interfaces: [id('Interface', n)] });
  bed.ovs('Bridge', id('Bridge', 1), { ports: ports.map((port) => id('Port', port)).sort() });
}

/** Our tunnel to chassis `hvN`, as OpenFlow port 100 + N. */
export function tunnel(bed: TestBed, n: number, ports: readonly number[]): void {
  const number = 100 + n;
  bed.ovs('Interface', id('Interface', number), {
    name: `ovn-hv${n}-0`,
    type: 'geneve',
    ofport: number,
    options: new Map([
      ['csum', 'true'],
      ['key', 'flow'],
      ['remote_ip', `10.0.0.${n}`],
    ]),
  });
  bed.ovs('Port', id('Port', number), {
    name: `ovn-hv${n}-0`,
    interfaces: [id('Interface', number)],
    external_ids: new Map([['ovn-chassis-id', `hv${n}@10.0.0.${n}`]]),
  });
  bed.ovs('Bridge', id('Bridge', 1), { ports: ports.map((port) => id('Port', port)).sort() });
}

/** The uuid of datapath N. */
export const datapath = (n: number) => id('Datapath_Binding', n);
/** The uuid of port `pN`. */
export const portId = (n: number) => id('Port_Binding', n);

/** A logical switch with tunnel key N. */
export function addSwitch(bed: TestBed, n: number): void {
  bed.sb('Datapath_Binding', datapath(n), { tunnel_key: n, external_ids: new Map([['logical-switch', 'x']]) });
}

/** Port `pN` of a switch, with an address and port security. */
export function addPort(bed: TestBed, n: number, on: number, values: object = {}): void {
  const mac = `00:00:00:00:00:${n.toString(16).padStart(2, '0')} 10.0.0.${n}`;
  bed.sb('Port_Binding', portId(n), {
    logical_port: `p${n}`,
    datapath: datapath(on),
    tunnel_key: n,
    mac: [mac],
    port_security: [mac],
    up: false,
    ...values,
  });
}

/** A logical flow of table 3, with priority N. */
export function addFlow(
  bed: TestBed,
  n: number,
  on: number,
  match: string,
  actions: string,
  values: object = {},
): void {
  const common = { logical_datapath: datapath(on), pipeline: 'ingress', table_id: 3, priority: n };
  bed.sb('Logical_Flow', id('Logical_Flow', n), { ...common, match, actions, ...values });
}

/** The switch's flows in one of its tables. */
export const inTable = (bed: TestBed, table: number) =>
  bed.flows().filter((flow) => flow.startsWith(`table=${table} `));

/** A meter with one band. */
export function addMeter(bed: TestBed, n: number, name: string): void {
  bed.sb('Meter_Band', id('Meter_Band', n), { action: 'drop', rate: 10 * n, burst_size: 0 });
  bed.sb('Meter', id('Meter', n), { name, unit: 'pktps', bands: [id('Meter_Band', n)] });
}

/** A switch as it would be if somebody else had given the numbers. */
export function renumbered(from: FakeSwitch, number: (n: number) => number): FakeSwitch {
  const to = new FakeSwitch();
  const conjId = field('conj_id');
  const action = (one: Action): Action => {
    if (one.type === 'group') return { ...one, group: number(one.group) };
    if (one.type === 'meter') return { ...one, meter: number(one.meter) };
    if (one.type === 'conjunction') return { ...one, id: number(one.id) };
    if (one.type === 'controller' && one.meterId !== undefined) return { ...one, meterId: number(one.meterId) };
    return one;
  };
  for (const flow of from.table.values()) {
    const id = flow.match.get(conjId)?.value;
    const match = id === undefined ? flow.match : flow.match.with(conjId, number(Number(id)));
    const actions = [...flow.actions].map(action);
    const next = { ...flow, match, actions: actions[0]?.type === 'conjunction' ? actions.reverse() : actions };
    to.table.set(flowKey(next), next);
  }
  for (const group of from.groupTable.values()) to.groupTable.set(number(group.id), { ...group, id: number(group.id) });
  for (const meter of from.meterTable.values()) to.meterTable.set(number(meter.id), { ...meter, id: number(meter.id) });
  return to;
}
