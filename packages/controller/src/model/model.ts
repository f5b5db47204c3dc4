/**
 * What every feature reads: the tables, indexes on them, and the facts about this chassis that follow from them. Nothing here writes anything.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Runtime } from '@weft/incremental/runtime';
import type { TrackedTable } from '@weft/incremental/table';
import { internalVersion } from '@weft/schemas/internal-version';
import type { SbRow } from '@weft/schemas/sb';
import type { OvsRow } from '@weft/schemas/vswitch';
import { type ControllerConfig, readConfig } from '../config.ts';
import { chassisIndex } from '../local/chassis-index.ts';
import { createTables, type Tables } from './tables.ts';

export type PortBinding = SbRow<'Port_Binding'>;

/** An interface on the integration bridge, with what of its port matters. */
export interface LocalInterface {
  readonly _uuid: string;
  readonly name: string;
  readonly port: string;
  readonly type: string;
  /** Undefined until the switch has given it a number, and when it could not. */
  readonly ofport: number | undefined;
  /** The logical port that it is for (`external_ids:iface-id`). */
  readonly ifaceId: string | undefined;
  /** `CHASSIS@IP` if it is our tunnel to that chassis. */
  readonly tunnelTo: string | undefined;
}

const localInterfaceColumns = ['name', 'port', 'type', 'ofport', 'ifaceId', 'tunnelTo'] as const;

/** A conntrack zone; `_uuid` is the name that it goes by. */
export interface CtZoneRow {
  readonly _uuid: string;
  readonly zone: number;
}

/** A row that says something by being there. */
export interface Mark {
  readonly _uuid: string;
}

/** The configuration that is in the switch. */
export interface Reported {
  readonly _uuid: string;
  readonly nbCfg: number;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
}

/** Port types that an interface of the chassis makes local by its iface-id. */
const vifTypes: ReadonlySet<string> = new Set(['', 'localport']);

export class Model {
  readonly runtime: Runtime;
  readonly tables: Tables;
  readonly interfaces: TrackedTable<LocalInterface>;
  readonly ctZones: TrackedTable<CtZoneRow>;
  /** Ports whose flows are in the switch. By uuid. */
  readonly installedPorts: TrackedTable<Mark>;
  /** What this chassis may say that it has done; one row, `reported`. */
  readonly reported: TrackedTable<Reported>;
  /** Things that have come to pass; see {@link settled}. */
  readonly marks: TrackedTable<Mark>;
  /** The chassis name from the command line. */
  readonly #name: string | undefined;

  readonly portByName;
  readonly portsByParent;
  readonly portByKey;
  readonly portsByDatapathAndType;
  readonly portsByChassis;
  readonly localnetPorts;
  readonly datapathByKey;
  readonly chassisByName;
  readonly chassisPrivateByName;
  readonly chassisPrivateByChassis;
  readonly encapsByChassis;
  readonly encapByAddress: (type: string, ip: string) => SbRow<'Encap'> | undefined;
  readonly bridgeByName;
  readonly vifByIfaceId;
  readonly interfaceByName;
  readonly tunnelInterfaces;
  readonly fdbByKey;
  readonly #macBindings;

  /** Undefined until the local database says who we are. */
  readonly config: () => ControllerConfig | undefined;
  /** Of this chassis among those of the machine; undefined while it is not written down. */
  readonly chassisIndex: () => string | undefined;
  /** The version of a northd that is to be waited for, if it is to be: another than ours. */
  readonly otherNorthdVersion: () => string | undefined;
  /** Our own row, when it is there. */
  readonly ownChassis: () => SbRow<'Chassis'> | undefined;
  readonly ownChassisUuid: () => string | undefined;
  readonly integrationBridge: () => OvsRow<'Bridge'> | undefined;
  /** The interface that makes a port local, through its parent for a container. Undefined if it is not local. */
  readonly interfaceOf: (port: PortBinding) => LocalInterface | undefined;
  /** Ports that an interface of this chassis makes local. By uuid. */
  readonly localPorts: () => Iterable<string>;
  /** Datapaths that packets of this chassis can be in: those of its ports, and what patch ports reach from there. By uuid. */
  readonly localDatapaths: () => ReadonlySet<string>;
  readonly isLocalDatapath: (uuid: string) => boolean;
  /** What logical flows need of a local datapath, in one piece; undefined if it is not local. */
  readonly localDatapath: (uuid: string) => LocalDatapath | undefined;
  /** The localnet port through which the datapath reaches a physical network from here, and its interface. */
  readonly localnetOf: (datapath: string) => LocalnetBinding | undefined;
  readonly zoneOf: (name: string) => number | undefined;
  /** All that `^name` can stand for on this chassis. */
  readonly templateVariables: () => ReadonlyMap<string, string> | undefined;
  /** The text for which `^name` stands on this chassis (ovn-sb(5), Chassis_Template_Var). */
  readonly templateVariable: (name: string) => string | undefined;
  /** The switch takes samples for the sets of collectors (ovs-vswitchd.conf.db(5)) of the bridge that the flows are in, and for no others. */
  readonly hasCollectorSet: (id: number) => boolean;

  constructor(runtime: Runtime, name?: string) {
    this.runtime = runtime;
    this.#name = name;
    this.tables = createTables(runtime);
    const { sb, ovs } = this.tables;
    this.interfaces = runtime.table<LocalInterface>('interfaces of the integration bridge', localInterfaceColumns);
    this.ctZones = runtime.table<CtZoneRow>('conntrack zones', ['zone']);

    this.installedPorts = runtime.table<Mark>('installed ports', []);
    this.marks = runtime.table<Mark>('marks', []);
    this.reported = runtime.table<Reported>('reported configuration', ['nbCfg', 'timestamp']);

    this.portByName = sb.Port_Binding.index('port by name', ['logical_port'], (row) => row.logical_port);
    this.portsByParent = sb.Port_Binding.index('ports by parent', ['parent_port'], (row) =>
      row.parent_port === '' ? undefined : row.parent_port,
    );
    this.portByKey = sb.Port_Binding.index(
      'port by datapath and key',
      ['datapath', 'tunnel_key'],
      (row) => `${row.datapath}/${row.tunnel_key}`,
    );
    this.portsByDatapathAndType = sb.Port_Binding.index('ports by datapath and type', ['datapath', 'type'], (row) =>
      row.type === '' ? undefined : `${row.datapath}/${row.type}`,
    );
    this.portsByChassis = sb.Port_Binding.index('ports by chassis', ['chassis'], (row) => row.chassis);
    this.localnetPorts = sb.Port_Binding.index('localnet ports', ['type'], (row) =>
      row.type === 'localnet' ? 'localnet' : undefined,
    );
    this.datapathByKey = sb.Datapath_Binding.index('datapath by key', ['tunnel_key'], (row) => row.tunnel_key);
    this.chassisByName = sb.Chassis.index('chassis by name', ['name'], (row) => row.name);
    this.chassisPrivateByName = sb.Chassis_Private.index('private chassis by name', ['name'], (row) => row.name);
    this.chassisPrivateByChassis = sb.Chassis_Private.index(
      'private chassis by chassis',
      ['chassis'],
      (row) => row.chassis,
    );
    this.encapsByChassis = sb.Encap.index('encaps by chassis', ['chassis_name'], (row) => row.chassis_name);
    const encaps = sb.Encap.index('encap by address', ['type', 'ip'], (row): string => `${row.type} ${row.ip}`);
    this.encapByAddress = (type, ip) => encaps.one(`${type} ${ip}`);
    this.bridgeByName = ovs.Bridge.index('bridge by name', ['name'], (row) => row.name);
    this.vifByIfaceId = this.interfaces.index('interface by iface-id', ['ifaceId', 'ofport'], (row) =>
      row.ofport === undefined ? undefined : row.ifaceId,
    );
    this.interfaceByName = this.interfaces.index('interface by name', ['name'], (row) => row.name);
    this.tunnelInterfaces = this.interfaces.index('tunnels by address', ['tunnelTo', 'ofport'], (row) =>
      row.ofport === undefined || row.tunnelTo === undefined
        ? undefined
        : row.tunnelTo.slice(row.tunnelTo.lastIndexOf('@') + 1),
    );

    this.fdbByKey = sb.FDB.index('FDB by key', ['dp_key', 'mac'], (row) => `${row.dp_key}/${row.mac.toLowerCase()}`);
    this.#macBindings = sb.MAC_Binding.index(
      'MAC binding by port and address',
      ['logical_port', 'ip'],
      (row) => `${row.logical_port} ${row.ip}`,
    );

    const config = runtime.memo('configuration', (_: 0) => this.#readConfig(), isDeepStrictEqual);
    this.config = () => config(0);
    const index = runtime.memo('index of the chassis', (_: 0) => {
      const name = this.config()?.systemId;
      for (const { other_config } of ovs.Open_vSwitch.rows())
        return name === undefined ? undefined : chassisIndex(other_config, name);
      return undefined;
    });
    this.chassisIndex = () => index(0);
    const otherNorthdVersion = runtime.memo('other version of northd', (_: 0) => {
      if (!this.config()?.matchNorthdVersion) return undefined;
      let version = '';
      for (const { options } of sb.SB_Global.rows()) version = options.get('northd_internal_version') ?? '';
      return version === internalVersion ? undefined : version;
    });
    this.otherNorthdVersion = () => otherNorthdVersion(0);
    const bridge = runtime.memo('integration bridge', (_: 0) => {
      const name = this.config()?.integrationBridge;
      return name === undefined ? undefined : this.bridgeByName.one(name);
    });
    this.integrationBridge = () => bridge(0);
    const own = runtime.memo('own chassis', (_: 0) => {
      const config = this.config();
      if (config === undefined) return undefined;
      return this.chassisByName.one(config.systemId) ?? this.#chassisUnderOldName(config);
    });
    this.ownChassis = () => own(0);
    this.ownChassisUuid = () => own(0)?._uuid;

    this.#followInterfaces();

    this.interfaceOf = runtime.memo('interface of a port', (port: PortBinding) => {
      if (!vifTypes.has(port.type) || !this.#mayBind(port)) return undefined;
      if (!isContainer(port)) return this.vifByIfaceId.one(port.logical_port);
      // A container is where its parent is, which cannot be a container itself.
      const parent = this.portByName.one(port.parent_port);
      const isHost = parent?.type === '' && !isContainer(parent) && this.#mayBind(parent);
      return isHost ? this.vifByIfaceId.one(parent.logical_port) : undefined;
    });

    const candidates = (row: LocalInterface): readonly PortBinding[] => {
      const { ifaceId } = row;
      if (ifaceId === undefined || row.ofport === undefined) return [];
      const port = this.portByName.one(ifaceId);
      const ports = [...(port === undefined ? [] : [port]), ...this.portsByParent.get(ifaceId)];
      return ports.filter((candidate) => this.interfaceOf(candidate) !== undefined);
    };
    const local = runtime.relation('local ports', this.interfaces, (row) =>
      candidates(row).map((port) => [port._uuid, row._uuid] as const),
    );
    this.localPorts = () => local.groups();
    const seeds = runtime.relation('datapaths of local interfaces', this.interfaces, (row) =>
      // A localport is for the guests of its chassis, and without them there is nothing for it to do.
      candidates(row)
        .filter((port) => port.type !== 'localport')
        .map((port) => [port.datapath, port._uuid] as const),
    );
    const closure = runtime.memo('local datapaths', (_: 0) => this.#reach(seeds.groups()), sameMembers);
    this.localDatapaths = () => closure(0);
    this.isLocalDatapath = runtime.memo('is the datapath local', (uuid: string) => closure(0).has(uuid));

    this.localDatapath = runtime.memo(
      'local datapath',
      (uuid: string): LocalDatapath | undefined => {
        const row = closure(0).has(uuid) ? sb.Datapath_Binding.get(uuid) : undefined;
        return row && { uuid, tunnelKey: row.tunnel_key, isSwitch: row.external_ids.has('logical-switch') };
      },
      (a, b) => a?.tunnelKey === b?.tunnelKey && a?.isSwitch === b?.isSwitch,
    );

    this.localnetOf = runtime.memo(
      'localnet of a datapath',
      (datapath: string) => this.#localnetOf(datapath),
      isDeepStrictEqual,
    );
    const collectorSets = ovs.Flow_Sample_Collector_Set.index('collector sets by id', ['id'], (row) => row.id);
    this.hasCollectorSet = runtime.memo('is there a collector set', (id: number) => {
      const bridge = this.integrationBridge()?._uuid;
      for (const set of collectorSets.get(id)) if (set.bridge === bridge) return true;
      return false;
    });
    this.zoneOf = (name) => this.ctZones.get(name)?.zone;
    const variables = sb.Chassis_Template_Var.index('variables by chassis', ['chassis'], (row) => row.chassis);
    // A memo for each variable: who names one is not compiled anew when another changes.
    this.templateVariables = () => {
      const config = this.config();
      return config && variables.one(config.systemId)?.variables;
    };
    this.templateVariable = runtime.memo('template variable', (name: string) => this.templateVariables()?.get(name));
  }

  /**
   * All that we asked the southbound database for has come. Until then, what it does not mention may be about to come, and nothing may be taken away
   * that an earlier controller made.
   */
  settled(): boolean {
    return this.marks.get('settled') !== undefined;
  }

  isInstalled(port: string): boolean {
    return this.installedPorts.get(port) !== undefined;
  }

  /** What is known of an address at a router port. */
  macBindingOf(logicalPort: string, ip: string): SbRow<'MAC_Binding'> | undefined {
    return this.#macBindings.one(`${logicalPort} ${ip}`);
  }

  /** The peer of a patch port. */
  peerOf(port: PortBinding): PortBinding | undefined {
    const peer = port.options.get('peer');
    return peer === undefined ? undefined : this.portByName.one(peer);
  }

  /** The names of the patch ports that connect the bridges for a localnet port. */
  patchNames(logicalPort: string): { readonly inside: string; readonly outside: string } {
    const bridge = this.config()?.integrationBridge ?? '';
    return { inside: `patch-${bridge}-to-${logicalPort}`, outside: `patch-${logicalPort}-to-${bridge}` };
  }

  /**
   * The chassis that has our encapsulations, which are unique: ours from before `system-id` changed. Its row is renamed, and until then everything
   * that hangs on it stays.
   */
  #chassisUnderOldName({ encapTypes, encapIps }: ControllerConfig): SbRow<'Chassis'> | undefined {
    for (const type of encapTypes)
      for (const ip of encapIps) {
        const encap = this.encapByAddress(type, ip);
        const chassis = encap && this.chassisByName.one(encap.chassis_name);
        if (chassis !== undefined) return chassis;
      }
    return undefined;
  }

  #readConfig(): ControllerConfig | undefined {
    for (const row of this.tables.ovs.Open_vSwitch.rows()) return readConfig(row.external_ids, this.#name);
    return undefined;
  }

  /** A chassis may be asked for (ovn-nb(5), Logical_Switch_Port options:requested-chassis): then it alone binds the port. */
  #mayBind(port: PortBinding): boolean {
    const requested = port.options.get('requested-chassis')?.split(',')[0] ?? '';
    if (requested === '') return true;
    const chosen = port.requested_chassis;
    if (chosen !== undefined) return chosen === this.ownChassisUuid();
    const config = this.config();
    return requested === config?.systemId || requested === config?.hostname;
  }

  /** Keeps `interfaces` in step with what is on the integration bridge. */
  #followInterfaces(): void {
    this.runtime.forEach(
      'interfaces of the integration bridge',
      () => this.integrationBridge()?.ports ?? [],
      (port) => this.#interfacesOf(port),
      (_port, next, previous) => {
        const kept = new Set(next?.map((row) => row._uuid));
        this.interfaces.apply([
          ...(previous ?? []).filter((row) => !kept.has(row._uuid)).map((row) => ({ uuid: row._uuid, old: row })),
          ...(next ?? []).map((row) => ({ uuid: row._uuid, new: row })),
        ]);
      },
      isDeepStrictEqual,
    );
  }

  #interfacesOf(portUuid: string): readonly LocalInterface[] | undefined {
    const port = this.tables.ovs.Port.get(portUuid);
    if (port === undefined) return undefined;
    const tunnelTo = port.external_ids.get('ovn-chassis-id');
    return port.interfaces.flatMap((uuid) => {
      const row = this.tables.ovs.Interface.get(uuid);
      if (row === undefined) return [];
      const { name, type, ofport } = row;
      return [
        {
          _uuid: uuid,
          name,
          port: port.name,
          type,
          ofport: ofport !== undefined && ofport > 0 ? ofport : undefined,
          ifaceId: row.external_ids.get('iface-id'),
          tunnelTo,
        },
      ];
    });
  }

  #reach(seeds: Iterable<string>): ReadonlySet<string> {
    const reached = new Set(seeds);
    const queue = [...reached];
    for (let datapath = queue.pop(); datapath !== undefined; datapath = queue.pop())
      for (const port of this.portsByDatapathAndType.get(`${datapath}/patch`)) {
        const peer = this.peerOf(port);
        if (peer?.type !== 'patch' || reached.has(peer.datapath) || this.#isGatewayElsewhere(port)) continue;
        reached.add(peer.datapath);
        queue.push(peer.datapath);
      }
    return reached;
  }

  /**
   * Packets leave through a distributed gateway port on its chassis only, unless an address of its own is translated on each chassis (ovn-sb(5),
   * Port_Binding options:always-redirect).
   */
  #isGatewayElsewhere(port: PortBinding): boolean {
    const redirect = this.portByName.one(port.options.get('chassis-redirect-port') ?? '');
    if (redirect?.options.get('always-redirect') !== 'true') return false;
    return redirect.chassis === undefined || redirect.chassis !== this.ownChassisUuid();
  }

  #localnetOf(datapath: string): LocalnetBinding | undefined {
    for (const port of this.portsByDatapathAndType.get(`${datapath}/localnet`)) {
      const network = port.options.get('network_name');
      const ofport = this.interfaceByName.one(this.patchNames(port.logical_port).inside)?.ofport;
      if (network === undefined || ofport === undefined) continue;
      return { uuid: port._uuid, portKey: port.tunnel_key, network, ofport };
    }
    return undefined;
  }
}

/** Whether a port is nested in another one (ovn-sb(5), Port_Binding parent_port). */
export function isContainer(port: PortBinding): port is PortBinding & { readonly parent_port: string } {
  return port.type === '' && port.parent_port !== undefined && port.parent_port !== '';
}

export interface LocalDatapath {
  readonly uuid: string;
  readonly tunnelKey: number;
  /** Not a router. */
  readonly isSwitch: boolean;
}

export interface LocalnetBinding {
  readonly uuid: string;
  readonly portKey: number;
  readonly network: string;
  readonly ofport: number;
}

const sameMembers = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((member) => b.has(member));
