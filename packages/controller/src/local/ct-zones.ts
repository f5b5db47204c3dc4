/**
 * Conntrack zones: one for each port of this chassis and each that an interface of it names, two for each local datapath (ovn-architecture(7), "Logical
 * Life Cycle of a Packet", zone fields). A zone is an allocation: it is remembered in the integration bridge's `external_ids:ct-zone-NAME`, so that established connections
 * survive a restart of the controller.
 */
import type { Feature } from '../feature.ts';

const prefix = 'ct-zone-';
const maxZone = 65535;

export const dnatZoneName = (datapath: string): string => `${datapath}_dnat`;
export const snatZoneName = (datapath: string): string => `${datapath}_snat`;

/** Zone numbers in use, by name. */
export class ZoneAllocator {
  readonly #zones = new Map<string, number>();
  readonly #taken = new Set<number>();
  #next = 1;

  /** Takes a remembered zone, unless another name has it. */
  restore(name: string, zone: number): boolean {
    if (!Number.isInteger(zone) || zone < 1 || zone > maxZone || this.#taken.has(zone) || this.#zones.has(name))
      return false;
    this.#zones.set(name, zone);
    this.#taken.add(zone);
    return true;
  }

  get(name: string): number | undefined {
    return this.#zones.get(name);
  }

  /** The zone of the name, a free one if it has none yet; undefined if all are taken. */
  allocate(name: string): number | undefined {
    const known = this.#zones.get(name);
    if (known !== undefined) return known;
    if (this.#taken.size >= maxZone) return undefined;
    while (this.#taken.has(this.#next)) this.#next = (this.#next % maxZone) + 1;
    this.#zones.set(name, this.#next);
    this.#taken.add(this.#next);
    return this.#next;
  }

  release(name: string): number | undefined {
    const zone = this.#zones.get(name);
    if (zone === undefined) return undefined;
    this.#zones.delete(name);
    this.#taken.delete(zone);
    return zone;
  }

  names(): Iterable<string> {
    return this.#zones.keys();
  }
}

/** The zones that the bridge remembers. */
export function rememberedZones(externalIds: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  const zones = new Map<string, number>();
  for (const [key, value] of externalIds)
    if (key.startsWith(prefix)) zones.set(key.slice(prefix.length), Number(value));
  return zones;
}

export const ctZones: Feature = (model, outputs) => {
  const { runtime } = model;
  const localnets = (): readonly string[] =>
    model.localnetPorts
      .get('localnet')
      .filter((port) => model.isLocalDatapath(port.datapath))
      .map((port) => port._uuid);
  const allocator = new ZoneAllocator();
  let restored = false;
  const restore = () => {
    if (restored) return;
    const bridge = runtime.untracked(() => model.integrationBridge()?.external_ids);
    if (bridge === undefined) return;
    restored = true;
    for (const [name, zone] of rememberedZones(bridge)) allocator.restore(name, zone);
  };
  /** How many rows want a zone: a port that is deleted and made anew keeps its own, in whichever order the two are heard of. */
  const users = new Map<string, number>();
  const take = (name: string) => {
    restore();
    const count = users.get(name) ?? 0;
    users.set(name, count + 1);
    if (count > 0) return;
    const known = allocator.get(name);
    const zone = allocator.allocate(name);
    if (zone === undefined) outputs.log.warn(`no conntrack zone is left for ${name}`);
    else {
      // The number may have been another's: its connections are not this one's.
      if (known === undefined) outputs.zonesToFlush.add(zone);
      model.ctZones.apply([{ uuid: name, new: { _uuid: name, zone } }]);
    }
  };
  const release = (name: string) => {
    const count = users.get(name) ?? 0;
    if (count > 1) {
      users.set(name, count - 1);
      return;
    }
    users.delete(name);
    allocator.release(name);
    model.ctZones.apply([{ uuid: name }]);
  };
  const follow = (next: readonly string[] | undefined, previous: readonly string[] | undefined) => {
    for (const name of next ?? []) if (!previous?.includes(name)) take(name);
    for (const name of previous ?? []) if (!next?.includes(name)) release(name);
  };

  runtime.forEach(
    'conntrack zones of datapaths',
    model.localDatapaths,
    (datapath) => [dnatZoneName(datapath), snatZoneName(datapath)],
    (_datapath, next, previous) => follow(next, previous),
    (a, b) => a.join() === b.join(),
  );
  runtime.forEach(
    'conntrack zones of ports',
    () => [...model.localPorts(), ...localnets()],
    (uuid) => model.tables.sb.Port_Binding.get(uuid)?.logical_port,
    (_uuid, next, previous) => follow(next === undefined ? [] : [next], previous === undefined ? [] : [previous]),
  );
  // An interface's logical port has a zone before it is known, and whatever its type.
  runtime.forEach(
    'conntrack zones of interfaces',
    model.interfaces,
    (row) => (row.ofport === undefined ? undefined : row.ifaceId),
    (_row, next, previous) => follow(next === undefined ? [] : [next], previous === undefined ? [] : [previous]),
  );

  // The memory of it all, written once the zones have settled.
  runtime.forEach(
    'remembered conntrack zones',
    () => {
      const bridge = model.integrationBridge();
      return bridge === undefined ? [] : [bridge];
    },
    (bridge) => {
      const wanted = new Map<string, string>();
      for (const row of model.ctZones.rows()) wanted.set(prefix + row._uuid, String(row.zone));
      const present = bridge.external_ids;
      const stale = model.settled()
        ? [...present.keys()].filter((key) => key.startsWith(prefix) && !wanted.has(key))
        : [];
      const missing = [...wanted].filter(([key, zone]) => present.get(key) !== zone);
      if (!restored || (stale.length === 0 && missing.length === 0)) return undefined;
      return { uuid: bridge._uuid, stale, missing: new Map(missing) };
    },
    (_bridge, change) => {
      // Zones that an earlier controller remembered, and that nothing of this one uses.
      for (const key of change?.stale ?? []) {
        const name = key.slice(prefix.length);
        if (model.ctZones.get(name) === undefined) allocator.release(name);
      }
      outputs.ovsWrites.set(
        'conntrack zones',
        change &&
          ((transaction) => {
            const overwritten = [...change.stale, ...change.missing.keys()];
            transaction.deleteFrom('Bridge', change.uuid, 'external_ids', overwritten);
            transaction.insertInto('Bridge', change.uuid, 'external_ids', change.missing);
          }),
      );
    },
  );
};
