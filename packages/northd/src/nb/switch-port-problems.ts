/**
 * Switch ports that make no sense to the network that they are in: they are named in the log, once, and everything else works on. What cannot be
 * read in `addresses` is reported where it is read.
 */
import type { Uuid } from '@weft/ovsdb/uuid';
import type { Model, SwitchPort } from '../model.ts';
import { parsePortAddresses } from '../net.ts';
import type { Output } from '../northd.ts';

interface Claim {
  readonly ls: Uuid;
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Reports router ports that do not exist, port security that cannot be read, and addresses that two ports of a switch have. */
export const switchPortProblems: Output = ({ model }) => {
  // Kept by the sink, not tracked: only who comes to an address that is taken has to look, which is cheaper than a dependency for each address.
  const owners = new Owners();
  model.rt.forEach(
    'problems of switch ports',
    model.nb.Logical_Switch_Port,
    (row): Claim | undefined => {
      const port = model.switchPort(row);
      if (port === undefined) return undefined;
      reportRouterPort(model, port);
      reportPortSecurity(model, port);
      return { ls: port.ls.uuid, name: port.name, addresses: addressesOf(port) };
    },
    (_row, next, previous) => {
      if (previous !== undefined) owners.remove(previous);
      if (next !== undefined) owners.add(next, (address, other) => reportDuplicate(model, next, address, other));
    },
  );
};

function reportRouterPort(model: Model, port: SwitchPort): void {
  if (port.isRouter && port.row.options.has('arp_proxy'))
    model.problem(`Logical_Switch_Port "${port.name}" options:arp_proxy is ignored: it is not supported yet`);
  const name = port.isRouter ? port.row.options.get('router-port') : undefined;
  if (name === undefined || model.routerPortByName.one(name) !== undefined) return;
  model.problem(`Logical_Switch_Port "${port.name}" leads nowhere: there is no Logical_Router_Port "${name}"`);
}

function reportPortSecurity(model: Model, port: SwitchPort): void {
  for (const entry of port.row.port_security) {
    const { error } = parsePortAddresses(entry);
    if (error !== undefined) model.problem(`Logical_Switch_Port "${port.name}": port_security: ${error}`);
  }
}

/** The other port may have lost the address in the same change: what it has now decides. */
function reportDuplicate(model: Model, claim: Claim, address: string, other: string): void {
  const row = model.switchPortByName.one(other);
  const port = row && model.switchPort(row);
  if (port === undefined || port.ls.uuid !== claim.ls || !addressesOf(port).includes(address)) return;
  const [first, second] = [claim.name, other].sort();
  model.problem(
    `duplicate address ${address} in Logical_Switch "${port.ls.row.name}": ports "${first}" and "${second}"`,
  );
}

/** The addresses at which a port takes packets: none while it is disabled. */
function addressesOf(port: SwitchPort): readonly string[] {
  if (!port.enabled) return [];
  return port.ownAddresses.flatMap(({ mac, ip4, ip6 }) => [mac, ...[...ip4, ...ip6].map(({ text }) => text)]);
}

/** Who has an address in a switch: nearly always one port. */
class Owners {
  readonly #switches = new Map<Uuid, Map<string, string | Set<string>>>();

  /** `taken` hears of each other port that has one of the addresses. */
  add({ ls, name, addresses }: Claim, taken: (address: string, other: string) => void): void {
    let owners = this.#switches.get(ls);
    if (owners === undefined) {
      owners = new Map();
      this.#switches.set(ls, owners);
    }
    for (const address of addresses) {
      const present = owners.get(address);
      if (present === undefined || present === name) {
        owners.set(address, name);
        continue;
      }
      const all = typeof present === 'string' ? new Set([present]) : present;
      for (const other of all) if (other !== name) taken(address, other);
      owners.set(address, all.add(name));
    }
  }

  remove({ ls, name, addresses }: Claim): void {
    const owners = this.#switches.get(ls);
    for (const address of addresses) {
      const present = owners?.get(address);
      if (present === name) owners?.delete(address);
      else if (present instanceof Set && present.delete(name) && present.size === 0) owners?.delete(address);
    }
    if (owners?.size === 0) this.#switches.delete(ls);
  }
}
