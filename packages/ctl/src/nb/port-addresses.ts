/** The addresses of logical switch ports: what they may be, and that no two ports of a switch have the same IP. */
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { formatIp, type IpAddress, parseCidr, parseMac } from '../net/address.ts';

/** A MAC at the beginning, or a keyword; what follows the MAC is not looked at (ovn-nb(5), column `addresses`). */
export function checkAddress(text: string): void {
  if (text === 'unknown' || text === 'router') return;
  if (isDynamic(text) || leadingMac(text) !== undefined) return;
  throw new CtlError(
    `${text}: Invalid address format. See ovn-nb(5). Hint: An Ethernet address must be listed before an IP address, together as a single argument.`,
  );
}

function leadingMac(text: string): string | undefined {
  const match = /^\s*([0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5})/.exec(text);
  return match === null ? undefined : parseMac(match[1]!);
}

/** What looks like the beginning of an address is not looked at further: northd does. */
const dynamicWithIp = /^dynamic *[0-9a-fA-F:.]/;

/** `dynamic`, `dynamic IPV4`, `dynamic IPV6`, `dynamic IPV4 IPV6`. */
function isDynamic(text: string): boolean {
  return text === 'dynamic' || dynamicWithIp.test(text);
}

/** The IP addresses after the MAC of an address; an address that cannot be read whole has none. */
export function addressIps(text: string): readonly IpAddress[] {
  const mac = leadingMac(text);
  if (mac === undefined) return [];
  const ips: IpAddress[] = [];
  for (const word of text.trim().split(/\s+/).slice(1)) {
    const ip = parseCidr(word);
    if (ip === undefined) return ips;
    ips.push(ip);
  }
  return ips;
}

type Port = Pick<NbRow<'Logical_Switch_Port'>, '_uuid' | 'name' | 'addresses' | 'dynamic_addresses'>;

/** Addresses that northd chose count where the port asks for them. */
function takenAddresses(port: Port): readonly string[] {
  return port.addresses.map((address) => (address.startsWith('dynamic') ? (port.dynamic_addresses ?? '') : address));
}

/** @throws CtlError if another port of the switch has one of the address's IPs. */
export function checkDuplicateAddresses(
  owner: Pick<NbRow<'Logical_Switch'>, 'name'>,
  ports: readonly Port[],
  port: Port,
  address: string,
): void {
  const ips = addressIps(address);
  if (ips.length === 0) return;
  for (const other of ports) {
    if (other._uuid === port._uuid) continue;
    for (const theirs of takenAddresses(other).flatMap(addressIps)) {
      const same = ips.find((ip) => ip.bits === theirs.bits && ip.value === theirs.value);
      if (same === undefined) continue;
      throw new CtlError(
        `Error on switch ${owner.name}: duplicate IPv${same.bits === 32 ? 4 : 6} address '${formatIp(same)}' found on logical switch port '${other.name}'`,
      );
    }
  }
}
