/** The mesh of tunnels: a port of the integration bridge for each other chassis with which we share an encapsulation. */
import { isDeepStrictEqual } from 'node:util';
import type { SbRow } from '@weft/schemas/sb';
import type { OvsRow } from '@weft/schemas/vswitch';
import type { EncapType } from '../config.ts';
import type { Feature } from '../feature.ts';
import type { LocalInterface, Model } from '../model/model.ts';
import type { Tunnel } from '../physical/tunnel.ts';

/** A tunnel to make, or the Interface to put right and the Port to hand over. */
interface TunnelChange {
  readonly tunnel: WantedTunnel;
  readonly present: string | undefined;
  /** The name of the Port whose owner is to become the tunnel's. */
  readonly handOver: string | undefined;
}

/** Whose tunnel a port is: `CHASSIS@IP` in the port's external_ids. */
const tunnelOwner = 'ovn-chassis-id';

/** The best first: how much of the logical state an encapsulation carries (ovn-architecture(7), "Tunnel Encapsulations"). */
const preference: readonly EncapType[] = ['geneve', 'stt', 'vxlan'];

interface WantedTunnel {
  readonly chassis: string;
  readonly type: EncapType;
  readonly id: string;
  readonly options: ReadonlyMap<string, string>;
}

/** The tunnel to a chassis, once the switch has it; to the least of its addresses where it has several. By address, so that it outlives a new name. */
export function tunnelTo(model: Model, chassisUuid: string): Tunnel | undefined {
  let row: LocalInterface | undefined;
  for (const encap of model.tables.sb.Chassis.get(chassisUuid)?.encaps ?? []) {
    const ip = model.tables.sb.Encap.get(encap)?.ip;
    const candidate = ip === undefined ? undefined : model.tunnelInterfaces.one(ip);
    if (candidate !== undefined && (row === undefined || (candidate.tunnelTo ?? '') < (row.tunnelTo ?? '')))
      row = candidate;
  }
  if (row?.ofport === undefined) return undefined;
  return { type: row.type as EncapType, ofport: row.ofport };
}

/**
 * The tunnels that we want to a chassis, one to each of its addresses; none to ourselves, and none to a chassis that shares no zone or encapsulation
 * with us.
 */
function wantedTunnels(model: Model, chassis: SbRow<'Chassis'>): readonly WantedTunnel[] {
  const config = model.config();
  const own = model.ownChassis();
  if (config === undefined || own === undefined || chassis._uuid === own._uuid) return [];
  if (!shareZone(own.transport_zones, chassis.transport_zones)) return [];
  const encaps = model.encapsByChassis
    .get(chassis.name)
    .filter((encap) => chassis.encaps.includes(encap._uuid) && config.encapTypes.includes(encap.type as EncapType));
  const type = preference.find((candidate) => encaps.some((encap) => encap.type === candidate));
  if (type === undefined) return [];
  return encaps
    .filter((encap) => encap.type === type)
    .map((encap) => {
      const options = new Map([['remote_ip', encap.ip], ['key', 'flow'], ...config.tunnelOptions]);
      const checksum = encap.options.get('csum');
      if (checksum === 'true' || checksum === 'false') options.set('csum', checksum);
      return { chassis: chassis.name, type, id: `${chassis.name}@${encap.ip}`, options };
    })
    .sort((x, y) => (x.id < y.id ? -1 : 1));
}

/** The address of `CHASSIS@IP`. */
const addressOf = (id: string): string => id.slice(id.lastIndexOf('@') + 1);

/** Chassis without a transport zone are in a default one. */
const shareZone = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === 0 && b.length === 0 ? true : a.some((zone) => b.includes(zone));

const sameOptions = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);

export const tunnels: Feature = (model, { ovsWrites }) => {
  const { runtime, tables } = model;
  const wanted = runtime.memo(
    'wanted tunnels',
    (chassis: SbRow<'Chassis'>) => wantedTunnels(model, chassis),
    isDeepStrictEqual,
  );
  /**
   * By address, which is one chassis' alone. The switch refuses a second tunnel to an address, so when a chassis changes its name its tunnel is handed
   * over, not made anew.
   */
  const byAddress = model.interfaces.index('tunnel by address', ['tunnelTo'], (row) =>
    row.tunnelTo === undefined ? undefined : addressOf(row.tunnelTo),
  );

  /** `ovn`, our own index, the first six characters of the chassis' name, and the least number that makes it unique. */
  const freeName = (index: string, chassis: string, taken: Set<string>): string => {
    const base = `ovn${index}-${chassis.slice(0, 6)}-`;
    for (let i = 0; ; i++) {
      const name = base + i.toString(16);
      if (taken.has(name) || model.interfaceByName.one(name) !== undefined) continue;
      taken.add(name);
      return name;
    }
  };
  /** A port of the integration bridge. */
  const portByName = (name: string): OvsRow<'Port'> | undefined => {
    for (const uuid of model.integrationBridge()?.ports ?? []) {
      const port = tables.ovs.Port.get(uuid);
      if (port?.name === name) return port;
    }
    return undefined;
  };
  /** Names given in the transaction that is being filled. */
  let given = new Set<string>();
  let givenFor: object | undefined;

  runtime.forEach(
    'tunnels',
    tables.sb.Chassis,
    (chassis) => {
      const bridge = model.integrationBridge();
      const index = model.chassisIndex();
      if (bridge === undefined || index === undefined) return undefined;
      const changes = wanted(chassis).flatMap((tunnel): TunnelChange[] => {
        const present = byAddress.one(addressOf(tunnel.id));
        if (present === undefined) return [{ tunnel, present: undefined, handOver: undefined }];
        const row = tables.ovs.Interface.get(present._uuid);
        const right = row === undefined || (row.type === tunnel.type && sameOptions(row.options, tunnel.options));
        const handOver = present.tunnelTo === tunnel.id ? undefined : present.port;
        return right && handOver === undefined ? [] : [{ tunnel, present: present._uuid, handOver }];
      });
      return changes.length === 0 ? undefined : { changes, index, bridge: bridge._uuid };
    },
    (chassis, change) =>
      ovsWrites.set(
        `tunnels ${chassis._uuid}`,
        change &&
          ((transaction) => {
            if (givenFor !== transaction) given = new Set();
            givenFor = transaction;
            for (const { tunnel, present, handOver } of change.changes) {
              const { type, options } = tunnel;
              if (present !== undefined) {
                transaction.update('Interface', present, { type, options });
                const port = handOver === undefined ? undefined : portByName(handOver);
                if (port !== undefined)
                  transaction.update('Port', port._uuid, {
                    external_ids: new Map([...port.external_ids, [tunnelOwner, tunnel.id]]),
                  });
                continue;
              }
              const name = freeName(change.index, tunnel.chassis, given);
              const made = transaction.insert('Interface', { name, type, options });
              const external_ids = new Map([[tunnelOwner, tunnel.id]]);
              const port = transaction.insert('Port', { name, interfaces: [made], external_ids });
              transaction.insertInto('Bridge', change.bridge, 'ports', [port]);
            }
          }),
      ),
    isDeepStrictEqual,
  );

  runtime.forEach(
    'stale tunnels',
    model.interfaces,
    (row: LocalInterface) => {
      if (row.tunnelTo === undefined) return undefined;
      if (!model.settled()) return undefined;
      // While we are not registered ourselves, nothing can be said of others.
      if (model.ownChassis() === undefined) return undefined;
      const address = addressOf(row.tunnelTo);
      const owner = model.encapByAddress(row.type, address)?.chassis_name;
      const chassis = owner === undefined ? undefined : model.chassisByName.one(owner);
      const isWanted = chassis !== undefined && wanted(chassis).some((tunnel) => addressOf(tunnel.id) === address);
      return isWanted && byAddress.one(address) === row ? undefined : row.port;
    },
    (row, stale) =>
      ovsWrites.set(
        `stale tunnel ${row._uuid}`,
        stale === undefined
          ? undefined
          : (transaction) => {
              const bridge = model.integrationBridge();
              const port = portByName(stale);
              if (bridge !== undefined && port !== undefined)
                transaction.deleteFrom('Bridge', bridge._uuid, 'ports', [port._uuid]);
            },
      ),
  );
};
