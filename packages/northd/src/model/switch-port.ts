import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { isOn } from '../boolean-option.ts';
import type { Model, PortRole } from '../model.ts';
import { type PortAddresses, parsePortAddresses } from '../net.ts';
import type { RouterPort } from './router-port.ts';
import type { Switch } from './switch.ts';

/** A Logical_Switch_Port that is in a switch. */
export class SwitchPort {
  readonly model: Model;
  readonly row: NbRow<'Logical_Switch_Port'>;
  readonly uuid: Uuid;

  constructor(model: Model, row: NbRow<'Logical_Switch_Port'>) {
    this.model = model;
    this.row = row;
    this.uuid = row._uuid;
  }

  get name(): string {
    return this.row.name;
  }

  get type(): string {
    return this.row.type;
  }

  get ls(): Switch {
    const row = this.model.switchOfPort.one(this.uuid);
    if (row === undefined) throw new Error(`port ${this.name} is in no switch`);
    return this.model.switch(row);
  }

  get enabled(): boolean {
    return this.row.enabled !== false;
  }

  get isRouter(): boolean {
    return this.type === 'router';
  }

  /** For a port of type router: the router port that it is connected to, if that exists and makes sense. */
  get peer(): RouterPort | undefined {
    const name = this.isRouter ? this.row.options.get('router-port') : undefined;
    const row = name === undefined ? undefined : this.model.routerPortByName.one(name);
    return row && this.model.routerPort(row);
  }

  /** `addresses` has "unknown". */
  get hasUnknown(): boolean {
    return this.row.addresses.includes('unknown');
  }

  /**
   * The addresses that the port is known to have: those of `addresses` that start with an Ethernet address, for "dynamic" what
   * `dynamic_addresses` says, and for "router" the router port's. Entries that cannot be read are reported and left out.
   */
  get addresses(): readonly PortAddresses[] {
    const peer = this.row.addresses.includes('router') ? this.peer : undefined;
    return peer === undefined ? this.ownAddresses : [...this.ownAddresses, peer];
  }

  /** {@link addresses} without the router port's. */
  get ownAddresses(): readonly PortAddresses[] {
    const found: PortAddresses[] = [];
    for (const entry of this.row.addresses) {
      if (entry === 'unknown' || entry === 'router') continue;
      const text = isDynamic(entry) ? (this.model.ipam.of(this.row) ?? entry.split(/\s/)[0]) : entry;
      if (text === undefined || text === 'dynamic') continue;
      const { addresses, error } = parsePortAddresses(text);
      if (error !== undefined) this.model.problem(`Logical_Switch_Port "${this.name}": addresses: ${error}`);
      if (addresses !== undefined) found.push(addresses);
    }
    return found;
  }

  /** Whether `port_security` restricts the port. An entry that cannot be read does not. */
  get hasPortSecurity(): boolean {
    return this.row.port_security.some((entry) => parsePortAddresses(entry).addresses !== undefined);
  }

  /** In what roles the switch's other derivations look for this port. */
  roles(): readonly PortRole[] {
    const roles: PortRole[] = [];
    const { type } = this;
    if (this.enabled) {
      roles.push('enabled');
      if (type !== 'router') roles.push('vif');
      if (isOn(this.row.options, 'mcast_flood')) roles.push('static');
      if (isOn(this.row.options, 'mcast_flood_reports')) roles.push('reports');
      if (type !== 'external' && this.hasUnknown) roles.push('unknown');
    }
    if (this.peer === undefined) roles.push('unrouted');
    if (type === 'router' || type === 'localnet' || type === 'vtep' || type === 'external') roles.push(type);
    return roles;
  }
}

/** `dynamic`, `dynamic IP`, `MAC dynamic`: northd chooses the rest. */
export function isDynamic(entry: string): boolean {
  return /(^|\s)dynamic(\s|$)/.test(entry);
}
