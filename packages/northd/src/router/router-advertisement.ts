/**
 * IPv6 Router Advertisements: the answer to solicitations, as flows, and the periodic ones, which the chassis sends by what the port's binding
 * says. ovn-northd(8), "Ingress Table 10: IPv6 ND RA option processing" and "Ingress Table 11: IPv6 ND RA responder"; ovn-nb(5),
 * Logical_Router_Port ipv6_ra_configs; RFC 4861, section 6.2.1.
 */
import { isOn } from '../boolean-option.ts';
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import type { RouterPort } from '../model.ts';
import { type Ip6, isLinkLocal, linkLocalAddress, networkText } from '../net.ts';
import { lrIn } from '../pipeline.ts';

const addressModes = new Set(['slaac', 'dhcpv6_stateful', 'dhcpv6_stateless']);

/** The bit that says that put_nd_ra_opts() made an advertisement. */
const advertisementMade = 'reg0[5]';

/** The least MTU of a link that carries IPv6, in octets (RFC 8200, section 5). */
const minimumMtu = 1280;

/** AdvDefault bounds of RFC 4861, section 6.2.1, in seconds. */
const interval = { default: 600, lowest: 4, highest: 1800, lowestMin: 3 } as const;

/** The address mode, where the port advertises itself: it is connected to a switch, and the mode is one that there is. */
function addressMode(port: RouterPort): string | undefined {
  const mode = port.row.ipv6_ra_configs.get('address_mode');
  if (mode === undefined || port.switchPort === undefined) return undefined;
  if (!addressModes.has(mode)) {
    port.model.problem(`Logical_Router_Port "${port.name}": ipv6_ra_configs: there is no address mode "${mode}"`);
    return undefined;
  }
  return mode;
}

function prefixes(port: RouterPort): readonly Ip6[] {
  return port.ip6.filter((ip) => !isLinkLocal(ip));
}

function mtu(port: RouterPort): number | undefined {
  const value = Number.parseInt(port.row.ipv6_ra_configs.get('mtu') ?? '', 10);
  return value >= minimumMtu ? value : undefined;
}

export const routerAdvertisement: Feature = {
  name: 'router advertisements',

  perRouter(_lr, emit) {
    emit(lrIn.nd_ra_options, 0, '1', 'next;');
    emit(lrIn.nd_ra_response, 0, '1', 'next;');
  },

  perRouterPort(port, emit) {
    const mode = addressMode(port);
    const on = prefixes(port);
    if (mode === undefined || on.length === 0) return;
    const configs = port.row.ipv6_ra_configs;
    const options = [`addr_mode = ${quote(mode)}`, `slla = ${port.mac}`];
    const size = mtu(port);
    if (size !== undefined) options.push(`mtu = ${size}`);
    const add = (name: string, key: string, write: (value: string) => string): void => {
      const value = configs.get(key) ?? '';
      if (value !== '') options.push(`${name} = ${write(value)}`);
    };
    add('router_preference', 'router_preference', quote);
    add('rdnss', 'rdnss', (value) => value);
    add('dnssl', 'dnssl', quote);
    add('route_info', 'route_info', quote);
    for (const ip of on) options.push(`prefix = ${networkText(ip)}`);

    const hint = { hint: port.uuid };
    const toRouters = `inport == ${quote(port.name)} && ip6.dst == ff02::2`;
    const make = `${advertisementMade} = put_nd_ra_opts(${options.join(', ')}); next;`;
    emit(lrIn.nd_ra_options, 50, `${toRouters} && nd_rs`, make, hint);
    emit(
      lrIn.nd_ra_response,
      50,
      `${toRouters} && nd_ra && ${advertisementMade}`,
      `eth.dst = eth.src; eth.src = ${port.mac}; ip6.dst = ip6.src; ip6.src = ${linkLocalAddress(port.mac).text}; ` +
        'outport = inport; flags.loopback = 1; output;',
      hint,
    );
  },
};

/** What a Port_Binding's options say of the periodic advertisements of its router port; nothing if it sends none. */
export function periodicAdvertisement(port: RouterPort): readonly (readonly [string, string])[] {
  const configs = port.row.ipv6_ra_configs;
  if (!isOn(configs, 'send_periodic')) return [];
  const mode = addressMode(port);
  if (mode === undefined) return [];
  const { max, min } = intervals(configs);
  const preference = configs.get('router_preference') ?? '';
  const options: [string, string][] = [
    ['ipv6_ra_send_periodic', 'true'],
    ['ipv6_ra_address_mode', mode],
    ['ipv6_ra_max_interval', String(max)],
    ['ipv6_ra_min_interval', String(min)],
    ['ipv6_ra_prefixes', prefixes(port).map(networkText).join(' ')],
    ['ipv6_ra_prf', preference === 'HIGH' || preference === 'LOW' ? preference : 'MEDIUM'],
    ['ipv6_ra_src_addr', linkLocalAddress(port.mac).text],
    ['ipv6_ra_src_eth', port.mac],
  ];
  const size = mtu(port);
  if (size !== undefined) options.push(['ipv6_ra_mtu', String(size)]);
  for (const key of ['rdnss', 'dnssl', 'route_info']) {
    const value = configs.get(key) ?? '';
    if (value !== '') options.push([`ipv6_ra_${key}`, value]);
  }
  return options;
}

/** MaxRtrAdvInterval and MinRtrAdvInterval in seconds, put within their bounds. */
function intervals(configs: ReadonlyMap<string, string>): { readonly max: number; readonly min: number } {
  const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
  const number = (key: string): number | undefined => {
    const value = Number.parseInt(configs.get(key) ?? '', 10);
    return Number.isNaN(value) ? undefined : value;
  };
  const max = clamp(number('max_interval') ?? interval.default, interval.lowest, interval.highest);
  const highestMin = Math.floor(max * 0.75);
  const byDefault = max >= 9 ? Math.floor(max / 3) : highestMin;
  return { max, min: clamp(number('min_interval') ?? byDefault, interval.lowestMin, highestMin) };
}
