import type { Relation } from '@weft/incremental/relation';
import type { TrackedIndex } from '@weft/incremental/tracked-index';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import type { Allocations } from '../allocations.ts';
import { isOn } from '../boolean-option.ts';
import type { Model } from '../model.ts';
import {
  eui64,
  formatIp4,
  type Ip4,
  ip4Range,
  ip6,
  macFromNumber,
  macToNumber,
  parseIp,
  parseIp4Value,
  parseIp6Value,
  parseMac,
  parsePortAddresses,
} from '../net.ts';
import { isDynamic } from './switch-port.ts';

type PortRow = NbRow<'Logical_Switch_Port'>;

/** What `other_config` of a switch says about the addresses that it gives out (ovn-nb(5), "IP Address Assignment"). */
interface Plan {
  readonly subnet: Ip4 | undefined;
  /** First and last of each range that is not given out. */
  readonly excluded: readonly (readonly [number, number])[];
  readonly prefix6: bigint | undefined;
}

/** Gives addresses to ports that ask for them with "dynamic". */
export class Ipam {
  readonly #model: Model;
  readonly #allocations: Allocations;
  readonly #plan: (ls: NbRow<'Logical_Switch'>) => Plan | undefined;
  /** `SWITCH ADDRESS` → names of the ports that have it configured; `MAC` → the same. */
  readonly #configured: Relation<string, string>;
  /** Ports by the IPv4 address and the MAC in `dynamic_addresses`. */
  readonly #given: TrackedIndex<PortRow, string>;
  /** What `dynamic_addresses` of a port should be. */
  readonly of: (row: PortRow) => string | undefined;

  constructor(model: Model, allocations: Allocations) {
    this.#model = model;
    this.#allocations = allocations;
    this.#plan = model.rt.memo('IPAM plan', (ls: NbRow<'Logical_Switch'>) => readPlan(ls, model.problem), samePlan);
    this.#configured = model.rt.relation('configured addresses', model.nb.Logical_Switch_Port, (row) => {
      const ls = model.switchOfPort.one(row._uuid);
      return ls === undefined || this.#plan(ls) === undefined ? [] : this.#configuredBy(row, ls._uuid);
    });
    this.#given = model.nb.Logical_Switch_Port.index(
      'ports by dynamic address',
      ['dynamic_addresses'],
      ({ dynamic_addresses }) => dynamic_addresses?.split(' ').slice(0, 2),
    );
    this.of = model.rt.memo('dynamic addresses', (row: PortRow) => this.#addressesOf(row));
  }

  /** What the port had been given on the switch is free. */
  release(ls: Uuid, port: Uuid): void {
    this.#allocations.releaseAddress(ls, port);
    this.#allocations.macs.release(port);
  }

  #configuredBy(row: PortRow, ls: string): readonly [string, string][] {
    const result: [string, string][] = [];
    const port = this.#model.switchPort(row);
    if (port === undefined) return result;
    const add = (mac: string, ips: readonly Ip4[]): void => {
      result.push([mac, row.name]);
      for (const { value } of ips) result.push([`${ls} ${value}`, row.name]);
    };
    for (const entry of row.addresses) {
      const { addresses } = isDynamic(entry) ? {} : parsePortAddresses(entry);
      if (addresses !== undefined) add(addresses.mac, addresses.ip4);
    }
    const { peer } = port;
    if (peer !== undefined) add(peer.mac, peer.ip4);
    return result;
  }

  #addressesOf(row: PortRow): string | undefined {
    const entry = row.addresses.find(isDynamic);
    const ls = entry === undefined ? undefined : this.#model.switchOfPort.one(row._uuid);
    const plan = ls && this.#plan(ls);
    if (entry === undefined || ls === undefined || plan === undefined) return undefined;
    const words = entry.split(/\s+/).filter((word) => word !== 'dynamic');
    const had = this.#model.rt.untracked(() => row.dynamic_addresses)?.split(' ') ?? [];
    const wanted = {
      mac: words.map(parseMac).find((mac) => mac !== undefined),
      ips: words.flatMap((w) => parseIp(w) ?? []),
    };

    const wanted4 = wanted.ips.find((ip) => ip.family === 4)?.value;
    const had4 = had.map(parseIp4Value).find((value) => value !== undefined);
    const value4 = plan.subnet && this.#address(row, ls._uuid, plan.subnet, plan.excluded, wanted4, had4);
    const mac =
      wanted.mac ??
      this.#mac(
        row,
        had.map(parseMac).find((word) => word !== undefined),
        value4,
      );
    if (mac === undefined) return undefined;
    const parts = [mac];
    if (value4 !== undefined) parts.push(formatIp4(value4));
    if (plan.prefix6 !== undefined) {
      const wanted6 = wanted.ips.find((ip) => ip.family === 6);
      parts.push(wanted6?.text ?? ip6(eui64(mac, plan.prefix6)).text);
    }
    return parts.join(' ');
  }

  #address(
    row: PortRow,
    ls: string,
    subnet: Ip4,
    excluded: Plan['excluded'],
    wanted: number | undefined,
    had: number | undefined,
  ): number | undefined {
    const pool = this.#allocations.addresses(ls);
    if (wanted !== undefined) {
      pool.assign(row._uuid, wanted);
      return wanted;
    }
    const [network, broadcast] = ip4Range(subnet);
    const free = (value: number): boolean => {
      const owner = pool.ownerOf(value);
      if (owner !== undefined && owner !== row._uuid) return false;
      if (this.#configured.get(`${ls} ${value}`).some((name) => name !== row.name)) return false;
      return this.#othersGiven(row, formatIp4(value), ls).length === 0;
    };
    // The first address is the router's, by convention.
    const usable = (value: number): boolean =>
      value > network + 1 && value < broadcast && !excluded.some(([first, last]) => value >= first && value <= last);
    for (const value of [pool.get(row._uuid), had]) {
      if (value === undefined || !usable(value) || !free(value)) continue;
      pool.assign(row._uuid, value);
      return value;
    }
    for (let value = network + 2; value < broadcast; value++) {
      if (!usable(value) || !free(value)) continue;
      pool.assign(row._uuid, value);
      return value;
    }
    this.#model.problem(
      `Logical_Switch_Port "${row.name}": the subnet ${subnet.network}/${subnet.plen} has no address left`,
    );
    return undefined;
  }

  /** Ports of the switch that have been given an address, other than `row`. */
  #othersGiven(row: PortRow, address: string, ls: string): readonly PortRow[] {
    return this.#given
      .get(address)
      .filter((other) => other._uuid !== row._uuid && this.#model.switchOfPort.one(other._uuid)?._uuid === ls);
  }

  /** `mac_prefix` and 24 bits of our choice, which follow the IPv4 address. */
  #mac(row: PortRow, had: string | undefined, value4: number | undefined): string | undefined {
    const pool = this.#allocations.macs;
    const free = (mac: string): boolean => {
      const owner = pool.ownerOf(macToNumber(mac));
      if (owner !== undefined && owner !== row._uuid) return false;
      if (this.#configured.get(mac).some((name) => name !== row.name)) return false;
      return this.#given.get(mac).every((other) => other._uuid === row._uuid);
    };
    if (had !== undefined && free(had)) {
      pool.assign(row._uuid, macToNumber(had));
      return had;
    }
    const prefix = parseMac(`${this.#model.option('mac_prefix') ?? ''}:00:00:00`);
    if (prefix === undefined) return undefined;
    const start = value4 ?? 0;
    for (let i = 1; i < 2 ** 24; i++) {
      const mac = macFromNumber(macToNumber(prefix) + ((start + i) % 2 ** 24));
      if (!free(mac)) continue;
      pool.assign(row._uuid, macToNumber(mac));
      return mac;
    }
    return undefined;
  }
}

function samePlan(a: Plan | undefined, b: Plan | undefined): boolean {
  const text = (plan: Plan | undefined) =>
    plan && `${plan.subnet?.text}/${plan.subnet?.plen} ${plan.excluded.join(' ')} ${plan.prefix6}`;
  return text(a) === text(b);
}

function readPlan(ls: NbRow<'Logical_Switch'>, problem: (message: string) => void): Plan | undefined {
  const config = ls.other_config;
  const complain = (option: string, value: string): undefined => {
    problem(`Logical_Switch "${ls.name}": other_config:${option} "${value}" makes no sense`);
  };
  const subnetText = config.get('subnet');
  const parsed = subnetText === undefined ? undefined : parseIp(subnetText);
  const subnet = parsed?.family === 4 && parsed.plen < 32 ? parsed : undefined;
  if (subnetText !== undefined && subnet === undefined) complain('subnet', subnetText);
  const prefixText = config.get('ipv6_prefix')?.replace(/\/64$/, '');
  const prefix6 = prefixText === undefined ? undefined : parseIp6Value(prefixText);
  if (prefixText !== undefined && prefix6 === undefined) complain('ipv6_prefix', prefixText);
  const macOnly = isOn(config, 'mac_only');
  if (subnet === undefined && prefix6 === undefined && !macOnly) return undefined;
  const excluded: [number, number][] = [];
  for (const word of (config.get('exclude_ips') ?? '').split(/\s+/).filter((text) => text !== '')) {
    const [first, last = first] = word.split('..').map(parseIp4Value);
    if (first === undefined || last === undefined || last < first) complain('exclude_ips', word);
    else excluded.push([first, last]);
  }
  return { subnet, excluded, prefix6: prefix6 === undefined ? undefined : (prefix6 >> 64n) << 64n };
}
