import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { isOn } from '../boolean-option.ts';
import type { Model } from '../model.ts';
import { type Ip4, type Ip6, linkLocalAddress, type PortAddresses, parseIp, parseMac } from '../net.ts';
import type { Router } from './router.ts';
import type { SwitchPort } from './switch-port.ts';

/** What `mac` and `networks` of a Logical_Router_Port say. */
export interface RouterPortAddresses extends PortAddresses {
  readonly mac: string;
  /** In the order of `networks`. */
  readonly ip4: readonly Ip4[];
  /** In the order of `networks`, then the link-local address that the Ethernet address makes. */
  readonly ip6: readonly Ip6[];
}

/** A Logical_Router_Port whose addresses make sense, in a router that is enabled. */
export class RouterPort implements PortAddresses {
  readonly model: Model;
  readonly row: NbRow<'Logical_Router_Port'>;
  readonly uuid: Uuid;

  constructor(model: Model, row: NbRow<'Logical_Router_Port'>) {
    this.model = model;
    this.row = row;
    this.uuid = row._uuid;
  }

  get name(): string {
    return this.row.name;
  }

  get mac(): string {
    return this.model.addressesOf(this.row).mac;
  }

  get ip4(): readonly Ip4[] {
    return this.model.addressesOf(this.row).ip4;
  }

  get ip6(): readonly Ip6[] {
    return this.model.addressesOf(this.row).ip6;
  }

  get lr(): Router {
    const row = this.model.routerOfPort.one(this.uuid);
    const router = row && this.model.router(row);
    if (router === undefined) throw new Error(`port ${this.name} is in no router`);
    return router;
  }

  /** Whether the port is bound to gateway chassis, so that its router is a distributed gateway router. */
  get isGateway(): boolean {
    return this.row.gateway_chassis.length > 0 || this.row.ha_chassis_group !== undefined;
  }

  /** The name of the port's chassisredirect port binding. */
  get redirectName(): string {
    return `cr-${this.name}`;
  }

  /**
   * The chassisredirect port on whose chassis this port is to be found from a physical network: its own if it is a gateway port, that of its router's
   * gateway port if it has `options:reside-on-redirect-chassis`, else none.
   */
  get residence(): string | undefined {
    if (this.isGateway) return this.redirectName;
    if (!isOn(this.row.options, 'reside-on-redirect-chassis')) return undefined;
    return this.model.routerPortSets.gateways(this.lr.uuid)[0]?.redirectName;
  }

  get enabled(): boolean {
    return this.row.enabled !== false;
  }

  /** The switch port that is connected to this port: the one whose `router-port` option names it. */
  get switchPort(): SwitchPort | undefined {
    const row = this.model.switchPortByRouterPort.one(this.name);
    return row && this.model.switchPort(row);
  }

  /** The router port on the other end of a direct connection between routers (`peer`). */
  get peerRouterPort(): RouterPort | undefined {
    const { peer } = this.row;
    const row = peer === undefined ? undefined : this.model.routerPortByName.one(peer);
    return row && this.model.routerPort(row);
  }
}

/** Reads `mac` and `networks`. Reports what makes no sense: without a MAC there is no port; a network that cannot be read is left out. */
export function routerPortAddresses(
  row: NbRow<'Logical_Router_Port'>,
  problem: (message: string) => void,
): RouterPortAddresses | undefined {
  const mac = parseMac(row.mac);
  if (mac === undefined) {
    problem(`Logical_Router_Port "${row.name}" is skipped: mac "${row.mac}" is not an Ethernet address`);
    return undefined;
  }
  const ip4: Ip4[] = [];
  const ip6: Ip6[] = [];
  for (const text of row.networks) {
    const ip = parseIp(text);
    if (ip === undefined) {
      problem(`Logical_Router_Port "${row.name}": networks "${text}" is not an address with a prefix, and is skipped`);
      continue;
    }
    // 0.0.0.0 is no host's address.
    if (ip.family === 6) ip6.push(ip);
    else if (ip.value !== 0) ip4.push(ip);
  }
  ip6.push(linkLocalAddress(mac));
  return { mac, ip4, ip6 };
}
