/**
 * What features read: the NB tables (and the SB tables that chassis write) as tracked tables with the indexes and relations over them, and the
 * network's objects (switch, switch port, router, router port) as thin views of their rows. Nothing here is state: every getter reads tables,
 * and each read is tracked, so a derivation runs again only when something that it read has changed.
 */
import type { Relation } from '@weft/incremental/relation';
import type { Runtime } from '@weft/incremental/runtime';
import type { TrackedTable } from '@weft/incremental/table';
import type { TrackedIndex } from '@weft/incremental/tracked-index';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { type NbRow, type NbTable, nb } from '@weft/schemas/nb';
import { type SbRow, type SbTable, sb } from '@weft/schemas/sb';
import { type Allocations, maxQueue } from './allocations.ts';
import { Expiry } from './expiry.ts';
import { Acl, Acls } from './model/acls.ts';
import { DatapathKeys } from './model/datapath-keys.ts';
import { Ipam } from './model/ipam.ts';
import { Nat, Nats } from './model/nats.ts';
import { Policy } from './model/policy.ts';
import { Qos } from './model/qos.ts';
import { Router } from './model/router.ts';
import { RouterPort, type RouterPortAddresses, routerPortAddresses } from './model/router-port.ts';
import { RouterPortSets } from './model/router-port-sets.ts';
import { Routing } from './model/routing.ts';
import { StaticRoute } from './model/static-route.ts';
import { Switch } from './model/switch.ts';
import { SwitchPort } from './model/switch-port.ts';
import { Tags } from './model/tags.ts';
import type { NumberPool } from './number-pool.ts';

export { Acl, Nat, Policy, Qos, Router, RouterPort, StaticRoute, Switch, SwitchPort };

/** The SB tables that others than northd write to, and that northd reads. */
export const sbInputs = [
  'Chassis',
  'Chassis_Private',
  'Encap',
  'Datapath_Binding',
  'Port_Binding',
  'MAC_Binding',
  'FDB',
] as const satisfies readonly SbTable[];
type SbInput = (typeof sbInputs)[number];

type NbTables = { readonly [T in NbTable]: TrackedTable<NbRow<T>> };
type SbTables = { readonly [T in SbInput]: TrackedTable<SbRow<T>> };

/** Why the ports of a switch are looked up: see {@link Model.portsOf}. */
export type PortRole =
  /** Is enabled. */
  | 'enabled'
  /** Is enabled and not connected to a router. */
  | 'vif'
  /** Is not connected to a router port that exists, enabled or not. */
  | 'unrouted'
  /** Is enabled and takes packets to unknown destinations. */
  | 'unknown'
  /** Is enabled and gets all multicast traffic. */
  | 'static'
  /** Is enabled and gets all reports of group members. */
  | 'reports'
  /** By type, enabled or not. */
  | 'router'
  | 'localnet'
  | 'vtep'
  | 'external';

export class Model {
  readonly rt: Runtime;
  readonly nb: NbTables;
  readonly sb: SbTables;
  /** Logs what is wrong with a row; each message once. */
  readonly problem: (message: string) => void;

  /** By uuid of the port. */
  readonly switchOfPort: TrackedIndex<NbRow<'Logical_Switch'>, Uuid>;
  readonly switchOfQos: TrackedIndex<NbRow<'Logical_Switch'>, Uuid>;
  readonly routerOfPort: TrackedIndex<NbRow<'Logical_Router'>, Uuid>;
  readonly routerOfStaticRoute: TrackedIndex<NbRow<'Logical_Router'>, Uuid>;
  readonly routerOfPolicy: TrackedIndex<NbRow<'Logical_Router'>, Uuid>;
  readonly switchPortByName: TrackedIndex<NbRow<'Logical_Switch_Port'>, string>;
  readonly routerPortByName: TrackedIndex<NbRow<'Logical_Router_Port'>, string>;
  /** Switch ports of type router by `options:router-port`. */
  readonly switchPortByRouterPort: TrackedIndex<NbRow<'Logical_Switch_Port'>, string>;
  /** Router ports by the `peer` that they name. */
  readonly routerPortByPeer: TrackedIndex<NbRow<'Logical_Router_Port'>, string>;
  /** SB Port_Binding by logical port. */
  readonly bindingByName: TrackedIndex<SbRow<'Port_Binding'>, string>;
  /** SB Datapath_Binding by tunnel key, and Port_Binding by `DATAPATH KEY`. */
  readonly datapathByKey: TrackedIndex<SbRow<'Datapath_Binding'>, number>;
  readonly bindingByKey: TrackedIndex<SbRow<'Port_Binding'>, string>;
  readonly chassisByHostname: TrackedIndex<SbRow<'Chassis'>, string>;
  readonly chassisByName: TrackedIndex<SbRow<'Chassis'>, string>;
  /** `ROLE SWITCH` → names of the switch's ports in that role. */
  readonly #portsByRole: Relation<string, string>;
  readonly #meterByName: TrackedIndex<NbRow<'Meter'>, string>;
  readonly #hasPortIn: (roleAndSwitch: string) => boolean;
  readonly #routerPortAddresses: (row: NbRow<'Logical_Router_Port'>) => RouterPortAddresses | undefined;
  readonly #options: (name: string) => string | undefined;
  readonly #usesCtMark: (key: 'all chassis') => boolean;
  readonly #queues: NumberPool;
  readonly datapathKeys: DatapathKeys;
  readonly tags: Tags;
  readonly ipam: Ipam;

  readonly portGroupsOfPort: TrackedIndex<NbRow<'Port_Group'>, Uuid>;
  /** Rows that live for a time only. */
  readonly expiry: Expiry;
  /** Which ACLs hold where. */
  readonly acls: Acls;
  /** Which ports of a router are of some kind. */
  readonly routerPortSets: RouterPortSets;
  readonly nats: Nats;
  /** Static routes and where they lead. */
  readonly routing: Routing;

  readonly #switches = new WeakMap<object, Switch>();
  readonly #switchPorts = new WeakMap<object, SwitchPort>();
  readonly #routers = new WeakMap<object, Router>();
  readonly #routerPorts = new WeakMap<object, RouterPort>();

  constructor(rt: Runtime, allocations: Allocations, problem: (message: string) => void) {
    this.rt = rt;
    this.problem = problem;
    this.#queues = allocations.queues;
    this.nb = tables(rt, nb, Object.keys(nb.tables)) as unknown as NbTables;
    this.sb = tables(rt, sb, sbInputs) as unknown as SbTables;
    const { Logical_Switch, Logical_Router, Logical_Switch_Port, Logical_Router_Port, NB_Global } = this.nb;

    this.switchOfPort = Logical_Switch.index('switch of port', ['ports'], (ls) => ls.ports);
    this.switchOfQos = Logical_Switch.index('switch of QoS rule', ['qos_rules'], (ls) => ls.qos_rules);
    this.routerOfPort = Logical_Router.index('router of port', ['ports'], (lr) => lr.ports);
    this.routerOfStaticRoute = Logical_Router.index('router of route', ['static_routes'], (lr) => lr.static_routes);
    this.routerOfPolicy = Logical_Router.index('router of policy', ['policies'], (lr) => lr.policies);
    this.switchPortByName = Logical_Switch_Port.index('switch port by name', ['name'], (lsp) => lsp.name);
    this.routerPortByName = Logical_Router_Port.index('router port by name', ['name'], (lrp) => lrp.name);
    this.switchPortByRouterPort = Logical_Switch_Port.index('switch port by router port', ['type', 'options'], (lsp) =>
      lsp.type === 'router' ? lsp.options.get('router-port') : undefined,
    );
    this.routerPortByPeer = Logical_Router_Port.index('router port by peer', ['peer'], (lrp) => lrp.peer);
    this.bindingByName = this.sb.Port_Binding.index('binding by name', ['logical_port'], (pb) => pb.logical_port);
    this.bindingByKey = this.sb.Port_Binding.index(
      'binding by key',
      ['datapath', 'tunnel_key'],
      (pb) => `${pb.datapath} ${pb.tunnel_key}`,
    );
    this.datapathByKey = this.sb.Datapath_Binding.index('datapath by key', ['tunnel_key'], (dp) => dp.tunnel_key);
    this.chassisByHostname = this.sb.Chassis.index('chassis by host name', ['hostname'], (chassis) => chassis.hostname);
    this.chassisByName = this.sb.Chassis.index('chassis by name', ['name'], (chassis) => chassis.name);

    this.#options = rt.memo('NB_Global option', (name: string) => {
      for (const global of NB_Global.rows()) return global.options.get(name);
      return undefined;
    });
    this.#usesCtMark = rt.memo('all chassis match ct_mark', () => {
      for (const { other_config } of this.sb.Chassis.rows()) {
        if (other_config.get('is-remote') !== 'true' && other_config.get('ct-no-masked-label') !== 'true') return false;
      }
      return true;
    });
    this.#routerPortAddresses = rt.memo('router port addresses', (row: NbRow<'Logical_Router_Port'>) =>
      routerPortAddresses(row, problem),
    );
    this.datapathKeys = new DatapathKeys(this, allocations);
    this.tags = new Tags(this, allocations);
    this.ipam = new Ipam(this, allocations);
    this.#portsByRole = rt.relation('switch ports by role', Logical_Switch_Port, (row) => {
      const port = this.switchPort(row);
      return port === undefined
        ? []
        : port.roles().map((role): [string, string] => [`${role} ${port.ls.uuid}`, port.name]);
    });
    this.#hasPortIn = rt.memo('switch has port in role', (key: string) => this.#portsByRole.get(key).length > 0);
    this.portGroupsOfPort = this.nb.Port_Group.index('port groups of port', ['ports'], (group) => group.ports);
    this.#meterByName = this.nb.Meter.index('meter by name', ['name'], (meter) => meter.name);
    this.expiry = new Expiry(rt);
    this.acls = new Acls(this);
    this.routerPortSets = new RouterPortSets(this);
    this.nats = new Nats(this);
    this.routing = new Routing(this);
  }

  /** An option of NB_Global. */
  option(name: string): string | undefined {
    return this.#options(name);
  }

  /** An option that is a boolean, by OVN's rule: it has its default value unless it says the contrary. */
  booleanOption(name: string, byDefault: boolean): boolean {
    const value = this.option(name)?.toLowerCase();
    return byDefault ? value !== 'false' : value === 'true';
  }

  /** Whether connections are marked with ct_mark, which every chassis must know (`other_config:ct-no-masked-label`), or with ct_label. */
  get usesCtMark(): boolean {
    return this.#usesCtMark('all chassis');
  }

  /** The chassis of a name or, failing that, of a host name. */
  chassisNamed(name: string): SbRow<'Chassis'> | undefined {
    return this.chassisByName.one(name) ?? this.chassisByHostname.one(name);
  }

  /** The queue of a port that wants one: an allocation. */
  queueOf(port: string): number | undefined {
    return this.#queues.allocate(port, maxQueue);
  }

  /** The uuid of the Logical_Switch or Logical_Router that has the logical port of this name. */
  datapathOfPort(name: string): Uuid | undefined {
    const lrp = this.routerPortByName.one(name);
    const routerPort = lrp && this.routerPort(lrp);
    if (routerPort !== undefined) return routerPort.lr.uuid;
    const lsp = this.switchPortByName.one(name);
    return lsp && this.switchPort(lsp)?.ls.uuid;
  }

  /** The meter of this name if it is fair: one for each of its users (ovn-nb(5), Meter). */
  fairMeter(name: string): NbRow<'Meter'> | undefined {
    const meter = this.#meterByName.one(name);
    return meter?.fair === true ? meter : undefined;
  }

  /** The name of the meter that limits an ACL's log. */
  aclMeter(name: string, acl: Uuid): string {
    return this.fairMeter(name) === undefined ? name : `${name}__${acl}`;
  }

  switch(row: NbRow<'Logical_Switch'>): Switch {
    return cached(this.#switches, row, () => new Switch(this, row));
  }

  /** The port, or undefined while no switch has it, or if a router port has its name. */
  switchPort(row: NbRow<'Logical_Switch_Port'>): SwitchPort | undefined {
    if (this.switchOfPort.one(row._uuid) === undefined) return undefined;
    const rival = this.routerPortByName.one(row.name);
    if (rival !== undefined && this.routerPort(rival) !== undefined) {
      this.problem(`Logical_Switch_Port "${row.name}" has the name of a Logical_Router_Port, and is skipped`);
      return undefined;
    }
    return cached(this.#switchPorts, row, () => new SwitchPort(this, row));
  }

  /** The router, or undefined if it is disabled. */
  router(row: NbRow<'Logical_Router'>): Router | undefined {
    return row.enabled === false ? undefined : cached(this.#routers, row, () => new Router(this, row));
  }

  /** The port, or undefined if its Ethernet address makes no sense, or it is in no router (that is enabled). */
  routerPort(row: NbRow<'Logical_Router_Port'>): RouterPort | undefined {
    const lr = this.routerOfPort.one(row._uuid);
    if (lr === undefined || lr.enabled === false || this.#routerPortAddresses(row) === undefined) return undefined;
    return cached(this.#routerPorts, row, () => new RouterPort(this, row));
  }

  /** The addresses of a router port that {@link routerPort} gave out. */
  addressesOf(row: NbRow<'Logical_Router_Port'>): RouterPortAddresses {
    const addresses = this.#routerPortAddresses(row);
    if (addresses === undefined) throw new Error(`router port ${row.name} has no addresses`);
    return addresses;
  }

  /** The names of the ports of a switch in a role, ascending. The reader runs again when one comes or goes. */
  portNames(ls: Uuid, role: PortRole): readonly string[] {
    return this.#portsByRole.get(`${role} ${ls}`);
  }

  /** The ports of a switch in a role, ascending by name. For roles that few ports have; the reader also depends on each of these. */
  portsOf(ls: Uuid, role: PortRole): readonly SwitchPort[] {
    const ports: SwitchPort[] = [];
    for (const name of this.portNames(ls, role)) {
      const row = this.switchPortByName.one(name);
      const port = row && this.switchPort(row);
      if (port !== undefined) ports.push(port);
    }
    return ports;
  }

  /** Whether the switch has a port in a role. The reader runs again when the answer changes, not with every port. */
  hasPortIn(ls: Uuid, role: PortRole): boolean {
    return this.#hasPortIn(`${role} ${ls}`);
  }
}

function tables(
  rt: Runtime,
  schema: DatabaseSchema,
  names: readonly string[],
): Record<string, TrackedTable<{ readonly _uuid: Uuid }>> {
  return Object.fromEntries(
    names.map((name) => [name, rt.table(name, Object.keys(schema.tables[name]?.columns ?? {}))]),
  );
}

function cached<T>(objects: WeakMap<object, T>, row: object, make: () => T): T {
  let object = objects.get(row);
  if (object === undefined) {
    object = make();
    objects.set(row, object);
  }
  return object;
}
