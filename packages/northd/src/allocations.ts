/**
 * What must be remembered from one run to the next, and is no function of NB: the uuids of SB rows, and tunnel keys. Read back from SB at start
 * ({@link Allocations.seed}), so that a restart allocates the same again.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { SbRow, SbTable } from '@weft/schemas/sb';
import { naturalKeys } from './natural-keys.ts';
import { NumberPool, type Order } from './number-pool.ts';

/** Tunnel keys of datapaths: 24 bits on the wire, of which the controllers keep the highest 2^16 for themselves (ovn-sb(5)). */
export const maxDatapathKey = 16711680;
/** The highest datapath key where a chassis uses VXLAN, which has 12 bits for it (ovn-architecture(7)). */
export const maxDatapathKeyVxlan = 4095;
/** Keys of logical ports: 15 bits; the upper half of 16 is for multicast groups. */
export const maxPortKey = 32767;
/** Queues of a port of Linux' HTB have 16 bits, and number 0 is the default queue. */
export const maxQueue = 61440;
/** VLAN tags. */
export const maxTag = 4095;

/** Random octets. */
export type Draw = (octets: number) => Uint8Array;

/** Rows of SB, by table: what {@link Allocations.seedFrom} reads. */
export type SbRows = { readonly [T in SbTable]?: Iterable<SbRow<T>> };

export class Allocations {
  readonly #uuids = new Map<string, Map<string, Uuid>>();
  readonly datapathKeys = new NumberPool(1);
  /** Queues by port name. */
  readonly queues = new NumberPool(1);
  /** MAC addresses that IPAM chose, by port name. */
  readonly macs = new NumberPool(0);
  readonly #tags = new Map<string, NumberPool>();
  readonly #addresses = new Map<Uuid, NumberPool>();
  readonly #portKeys = new Map<Uuid, NumberPool>();

  readonly #draw: Draw;
  readonly #drawn = new Map<string, string>();

  constructor(draw: Draw = randomBytes) {
    this.#draw = draw;
  }

  /** How much is remembered: after any history as much as after a start with the same rows. */
  get size(): number {
    let size = this.datapathKeys.size + this.queues.size + this.macs.size;
    for (const uuids of this.#uuids.values()) size += uuids.size;
    // An empty pool is something, too.
    for (const pools of [this.#tags, this.#addresses, this.#portKeys])
      for (const pool of pools.values()) size += 1 + pool.size;
    return size;
  }

  /** The first octets of a locally administered unicast address, drawn once for each purpose. */
  drawn(purpose: string, octets: number): string {
    let text = this.#drawn.get(purpose);
    if (text === undefined) {
      const bytes = this.#draw(octets);
      const first = ((bytes[0] ?? 0) & 0xfc) | 0x02;
      text = [first, ...bytes.slice(1)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
      this.#drawn.set(purpose, text);
    }
    return text;
  }

  /** A uuid for a row that nothing refers to by key. */
  fresh(): Uuid {
    return randomUUID();
  }

  /** Takes over what SB says. */
  seedFrom(rows: SbRows): void {
    for (const [table, keyOf] of Object.entries(naturalKeys)) {
      for (const row of rows[table as SbTable] ?? []) {
        const key = (keyOf as (row: SbRow<SbTable>) => string | undefined)(row);
        if (key !== undefined) this.seed(table, key, row._uuid);
      }
    }
    for (const row of rows.Datapath_Binding ?? []) {
      const key = naturalKeys.Datapath_Binding(row);
      if (key !== undefined) this.datapathKeys.assign(key, row.tunnel_key);
    }
    for (const row of rows.Port_Binding ?? []) {
      this.portKeys(row.datapath).assign(row.logical_port, row.tunnel_key);
      const queue = Number(row.options.get('qdisc_queue_id'));
      if (Number.isInteger(queue) && queue > 0) this.queues.assign(row.logical_port, queue);
    }
  }

  /** The uuid of the SB row with a natural key, chosen now if there is no such row. */
  uuid(table: string, key: string): Uuid {
    const uuids = this.#tableUuids(table);
    let uuid = uuids.get(key);
    if (uuid === undefined) {
      uuid = randomUUID();
      uuids.set(key, uuid);
    }
    return uuid;
  }

  /** The row with this natural key is in SB, with this uuid. */
  seed(table: string, key: string, uuid: Uuid): void {
    const uuids = this.#tableUuids(table);
    if (!uuids.has(key)) uuids.set(key, uuid);
  }

  /** The key under which this uuid was chosen or found. Looks at all of the table's. */
  keyOf(table: string, uuid: Uuid): string | undefined {
    for (const [key, known] of this.#uuids.get(table) ?? []) if (known === uuid) return key;
    return undefined;
  }

  /** There is no row with this natural key any more, and none is wanted. */
  release(table: string, key: string): void {
    const uuids = this.#uuids.get(table);
    const uuid = uuids?.get(key);
    if (uuid === undefined) return;
    uuids?.delete(key);
    if (table === 'Datapath_Binding') this.#portKeys.delete(uuid);
  }

  /** The uuid of the Datapath_Binding of a Logical_Switch or Logical_Router. */
  datapath(nbUuid: Uuid): Uuid {
    return this.uuid('Datapath_Binding', nbUuid);
  }

  /** The uuid of the Port_Binding of a logical port. */
  port(name: string): Uuid {
    return this.uuid('Port_Binding', name);
  }

  /** The keys of the ports of a datapath, by port name. */
  portKeys(datapath: Uuid): NumberPool {
    return pool(this.#portKeys, datapath, 1);
  }

  /** The VLAN tags on a parent port, by the uuid of the container port. */
  tags(parent: string): NumberPool {
    return pool(this.#tags, parent, 1, 'lowest');
  }

  /** IPv4 addresses that IPAM gave out on a switch, by the port's uuid. */
  addresses(ls: Uuid): NumberPool {
    return pool(this.#addresses, ls, 0);
  }

  /** A port of the datapath is gone. The others' keys, and which one came last, are remembered as long as the datapath is there. */
  releasePortKey(datapath: Uuid, port: string): void {
    this.#portKeys.get(datapath)?.release(port);
  }

  releaseTag(parent: string, port: Uuid): void {
    release(this.#tags, parent, port);
  }

  releaseAddress(ls: Uuid, port: Uuid): void {
    release(this.#addresses, ls, port);
  }

  #tableUuids(table: string): Map<string, Uuid> {
    let uuids = this.#uuids.get(table);
    if (uuids === undefined) {
      uuids = new Map();
      this.#uuids.set(table, uuids);
    }
    return uuids;
  }
}

/** What the owner has is free. A pool that nobody has anything of is no more: its lowest number, or one that somebody names, is the next in any case. */
function release(pools: Map<string, NumberPool>, key: string, owner: string): void {
  const found = pools.get(key);
  found?.release(owner);
  if (found?.size === 0) pools.delete(key);
}

function pool(pools: Map<string, NumberPool>, key: string, first: number, order: Order = 'round'): NumberPool {
  let found = pools.get(key);
  if (found === undefined) {
    found = new NumberPool(first, order);
    pools.set(key, found);
  }
  return found;
}
