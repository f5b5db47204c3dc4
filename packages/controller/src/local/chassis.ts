/** How this chassis presents itself in the southbound database: Chassis, Encap, Chassis_Private (ovn-sb(5)). */
import { isDeepStrictEqual } from 'node:util';
import type { ControllerConfig } from '../config.ts';
import type { Feature } from '../feature.ts';
import type { Model } from '../model/model.ts';

interface WantedEncap {
  readonly type: string;
  readonly ip: string;
  readonly csum: string;
}

interface WantedChassis {
  readonly name: string;
  readonly hostname: string;
  readonly otherConfig: ReadonlyMap<string, string>;
  readonly transportZones: readonly string[];
  readonly encaps: readonly WantedEncap[];
}

/** What we want to be known of us; undefined while a chassis without a usable encapsulation, or without a bridge, has nothing to say. */
function wantedChassis(model: Model): WantedChassis | undefined {
  const config = model.config();
  const bridge = model.integrationBridge();
  if (config === undefined || bridge === undefined) return undefined;
  const encaps = config.encapTypes.flatMap((type) =>
    config.encapIps.map((ip) => ({ type, ip, csum: config.encapChecksum })),
  );
  if (encaps.length === 0) return undefined;
  return {
    name: config.systemId,
    hostname: config.hostname,
    otherConfig: otherConfig(model, config, bridge.datapath_type),
    transportZones: [...config.transportZones].sort(),
    encaps,
  };
}

function otherConfig(model: Model, config: ControllerConfig, datapathType: string): ReadonlyMap<string, string> {
  let ifaceTypes: readonly string[] = [];
  for (const row of model.tables.ovs.Open_vSwitch.rows()) ifaceTypes = row.iface_types;
  return new Map([
    // What northd may rely on.
    ['ct-no-masked-label', 'true'],
    ['mac-binding-timestamp', 'true'],
    ['ovn-ct-lb-related', 'true'],
    ['port-up-notif', 'true'],
    ['datapath-type', datapathType],
    ['iface-types', ifaceTypes.join(',')],
    ['is-interconn', String(config.isInterconnection)],
    ...config.published,
  ]);
}

export const chassis: Feature = (model, { sbWrites }) => {
  const { runtime, tables } = model;
  const here = () => (model.config() === undefined ? [] : ['here']);

  runtime.forEach(
    'chassis',
    here,
    () => {
      const wanted = wantedChassis(model);
      if (wanted === undefined) return undefined;
      // Under another name after `system-id` changed.
      const row = model.ownChassis();
      const encaps = model.encapsByChassis.get(row?.name ?? wanted.name);
      if (row === undefined) return { wanted, uuid: undefined, encaps: encaps.map((encap) => encap._uuid) };
      const presentEncaps = encaps.filter((encap) => row.encaps.includes(encap._uuid));
      const encapsRight =
        row.encaps.length === wanted.encaps.length &&
        wanted.encaps.every((encap) =>
          presentEncaps.some((e) => e.type === encap.type && e.ip === encap.ip && e.options.get('csum') === encap.csum),
        );
      const right =
        row.name === wanted.name &&
        encapsRight &&
        row.hostname === wanted.hostname &&
        isDeepStrictEqual([...row.transport_zones], [...wanted.transportZones]) &&
        [...wanted.otherConfig].every(([key, value]) => row.other_config.get(key) === value);
      return right
        ? undefined
        : { wanted, uuid: row._uuid, encaps: encapsRight && row.name === wanted.name ? undefined : row.encaps };
    },
    (_key, change) =>
      sbWrites.set(
        'chassis',
        change &&
          ((transaction) => {
            const { wanted, uuid, encaps } = change;
            const makeEncaps = () =>
              wanted.encaps.map(({ type, ip, csum }) => {
                const options = new Map([['csum', csum]]);
                const known = model.encapByAddress(type, ip);
                if (known !== undefined && (known.chassis_name === wanted.name || encaps?.includes(known._uuid))) {
                  transaction.update('Encap', known._uuid, { options, chassis_name: wanted.name });
                  return known._uuid;
                }
                return transaction.insert('Encap', { type: type as 'geneve', ip, options, chassis_name: wanted.name });
              });
            if (uuid === undefined) {
              const { name, hostname, otherConfig: other_config, transportZones: transport_zones } = wanted;
              transaction.comment(`ovn-controller: registering chassis '${name}'`);
              transaction.insert('Chassis', { name, hostname, other_config, transport_zones, encaps: makeEncaps() });
              return;
            }
            const row = tables.sb.Chassis.get(uuid);
            transaction.update('Chassis', uuid, {
              name: wanted.name,
              hostname: wanted.hostname,
              other_config: new Map([...(row?.other_config ?? []), ...wanted.otherConfig]),
              transport_zones: wanted.transportZones,
              ...(encaps === undefined ? {} : { encaps: makeEncaps() }),
            });
          }),
      ),
    isDeepStrictEqual,
  );

  runtime.forEach(
    'private chassis',
    here,
    () => {
      const name = model.config()?.systemId;
      const own = model.ownChassisUuid();
      if (name === undefined || own === undefined) return undefined;
      const row = model.chassisPrivateByName.one(name) ?? model.chassisPrivateByChassis.one(own);
      return row !== undefined && row.chassis === own && row.name === name
        ? undefined
        : { name, own, uuid: row?._uuid };
    },
    (_key, change) =>
      sbWrites.set(
        'private chassis',
        change &&
          ((transaction) => {
            if (change.uuid !== undefined) {
              const { name, own: chassis } = change;
              transaction.update('Chassis_Private', change.uuid, { name, chassis });
            } else transaction.insert('Chassis_Private', { name: change.name, chassis: change.own });
          }),
      ),
    isDeepStrictEqual,
  );
};
