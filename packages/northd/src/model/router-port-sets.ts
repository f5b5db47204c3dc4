/** Which ports of a router are of some kind, kept port by port, so that asking does not mean looking at all the ports of the router. */
import type { Relation } from '@weft/incremental/relation';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { Model } from '../model.ts';
import type { RouterPort } from './router-port.ts';

export class RouterPortSets {
  readonly #model: Model;
  readonly #withMtu: Relation<Uuid, Uuid>;
  readonly #hasEnabled: (lr: Uuid) => boolean;
  readonly #gateways: Relation<Uuid, Uuid>;

  constructor(model: Model) {
    this.#model = model;
    const { rt, nb } = model;
    this.#withMtu = rt.relation('router ports with gateway_mtu', nb.Logical_Router_Port, (row) => {
      const port = row.options.has('gateway_mtu') ? model.routerPort(row) : undefined;
      return port === undefined ? [] : [[port.lr.uuid, port.uuid] as const];
    });
    this.#gateways = rt.relation('distributed gateway ports', nb.Logical_Router_Port, (row) => {
      const port = model.routerPort(row);
      return port?.isGateway ? [[port.lr.uuid, port.uuid] as const] : [];
    });
    const enabled = rt.relation('enabled router ports', nb.Logical_Router_Port, (row) => {
      const port = model.routerPort(row);
      return port?.enabled ? [[port.lr.uuid, port.uuid] as const] : [];
    });
    this.#hasEnabled = rt.memo('router has enabled ports', (lr: Uuid) => enabled.get(lr).length > 0);
  }

  /** Whether the router has a port that is enabled. */
  hasEnabled(lr: Uuid): boolean {
    return this.#hasEnabled(lr);
  }

  /** The router's ports that have the option `gateway_mtu`, ascending by uuid. */
  withMtu(lr: Uuid): readonly RouterPort[] {
    return this.#ports(this.#withMtu.get(lr));
  }

  /** The router's distributed gateway ports, ascending by uuid. */
  gateways(lr: Uuid): readonly RouterPort[] {
    return this.#ports(this.#gateways.get(lr));
  }

  #ports(uuids: readonly Uuid[]): readonly RouterPort[] {
    const ports: RouterPort[] = [];
    for (const uuid of uuids) {
      const row = this.#model.nb.Logical_Router_Port.get(uuid);
      const port = row && this.#model.routerPort(row);
      if (port !== undefined) ports.push(port);
    }
    return ports;
  }
}
