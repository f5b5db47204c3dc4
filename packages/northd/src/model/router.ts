import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import type { Model } from '../model.ts';
import type { RouterPort } from './router-port.ts';

/** A Logical_Router that is enabled. */
export class Router {
  readonly model: Model;
  readonly row: NbRow<'Logical_Router'>;
  readonly uuid: Uuid;

  constructor(model: Model, row: NbRow<'Logical_Router'>) {
    this.model = model;
    this.row = row;
    this.uuid = row._uuid;
  }

  get name(): string {
    return this.row.name;
  }

  /** `options:chassis`: the chassis that a gateway router is bound to. */
  get gatewayChassis(): string | undefined {
    return this.row.options.get('chassis');
  }

  /** Its valid ports, by uuid. The reader runs again when a port comes or goes: not for derivations of single ports. */
  get ports(): readonly RouterPort[] {
    const ports: RouterPort[] = [];
    for (const uuid of this.row.ports) {
      const row = this.model.nb.Logical_Router_Port.get(uuid);
      const port = row && this.model.routerPort(row);
      if (port !== undefined) ports.push(port);
    }
    return ports;
  }
}
