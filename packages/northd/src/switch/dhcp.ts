/**
 * DHCPv4 and DHCPv6 for ports with `dhcpv4_options` or `dhcpv6_options`: the chassis itself answers. ovn-northd(8), "Ingress Table 20: DHCP option
 * processing" and "Ingress Table 21: DHCP responses"; ovn-nb(5), DHCP_Options; RFC 2131, RFC 8415.
 */
import type { NbRow } from '@weft/schemas/nb';
import { isOn } from '../boolean-option.ts';
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { SwitchPort } from '../model.ts';
import { formatIp4, type Ip4, type Ip6, linkLocalAddress, parseIp, parseMac, sameNetwork } from '../net.ts';
import { lsIn, lsOut, switchRegister } from '../pipeline.ts';

const { dhcpOptions: answered } = switchRegister;

/** Where a port's requests come in: its own port; for an external port the localnet ports, on the chassis that has claimed it. */
interface Entrance {
  readonly name: string;
  /** What the match ends with. */
  readonly where: string;
}

function entrances(port: SwitchPort): readonly Entrance[] {
  if (port.type !== 'external') return [{ name: port.name, where: '' }];
  if (port.row.ha_chassis_group === undefined) return [];
  const where = ` && is_chassis_resident(${quote(port.name)})`;
  return port.ls.localnetPorts.map(({ name }) => ({ name, where }));
}

export const dhcp: Feature = {
  name: 'DHCP',

  perSwitch(_ls, emit) {
    emit(lsIn.dhcp_options, 0, '1', 'next;');
    emit(lsIn.dhcp_response, 0, '1', 'next;');
  },

  perSwitchPort(port, emit) {
    const { dhcpv4_options: four, dhcpv6_options: six } = port.row;
    if (four === undefined && six === undefined) return;
    const { DHCP_Options } = port.model.nb;
    const row4 = four === undefined ? undefined : DHCP_Options.get(four);
    const row6 = six === undefined ? undefined : DHCP_Options.get(six);
    if (row4 !== undefined) dhcp4(port, row4, emit);
    if (row6 !== undefined) dhcp6(port, row6, emit);
  },
};

function dhcp4(port: SwitchPort, row: NbRow<'DHCP_Options'>, emit: Emit): void {
  const cidr = parseIp(row.cidr);
  const { options } = row;
  const server = options.get('server_id');
  const mac = options.get('server_mac');
  if (cidr?.family !== 4) {
    port.model.problem(`DHCP_Options: cidr "${row.cidr}" is not an IPv4 network`);
    return;
  }
  if (server === undefined || mac === undefined || !options.has('lease_time')) {
    port.model.problem(`port "${port.name}" gets no DHCPv4: its options lack server_id, server_mac or lease_time`);
    return;
  }
  const matching = port.addresses.flatMap(({ mac, ip4 }) => {
    const ip = ip4.find((ip) => sameNetwork(cidr, ip));
    return ip === undefined ? [] : [{ mac, ip }];
  });
  if (port.enabled && port.type !== 'router') {
    const given = optionsOf4(port, options, cidr);
    for (const entrance of entrances(port)) {
      const hint = { hint: row._uuid, inOutPort: entrance.name };
      for (const { mac: client, ip } of matching) {
        const from = `inport == ${quote(entrance.name)} && eth.src == ${client}`;
        const ports = `udp.src == 68 && udp.dst == 67`;
        const put = `${answered} = put_dhcp_opts(offerip = ${ip.text}, ${given}); next;`;
        for (const addresses of [
          'ip4.src == 0.0.0.0 && ip4.dst == 255.255.255.255',
          `ip4.src == ${ip.text} && ip4.dst == {${server}, 255.255.255.255}`,
        ]) {
          emit(lsIn.dhcp_options, 100, `${from} && ${addresses} && ${ports}${entrance.where}`, put, hint);
        }
        emit(
          lsIn.dhcp_response,
          100,
          `${from} && ip4 && ${ports} && ${answered}${entrance.where}`,
          `eth.dst = eth.src; eth.src = ${mac}; ip4.src = ${server}; udp.src = 67; udp.dst = 68; ` +
            'outport = inport; flags.loopback = 1; output;',
          hint,
        );
      }
    }
  }
  letReplyPass(port, row, `eth.src == ${mac} && ip4.src == ${server} && udp && udp.src == 67 && udp.dst == 68`, emit);
}

/** The options of the answer, by name: what the row says, the network's mask, and the port's own host name. */
function optionsOf4(port: SwitchPort, options: ReadonlyMap<string, string>, cidr: Ip4): string {
  const given = new Map(options);
  given.delete('server_mac');
  given.delete('offerip');
  given.set('netmask', formatIp4(cidr.plen === 0 ? 0 : (0xffffffff << (32 - cidr.plen)) >>> 0));
  const hostname = port.row.options.get('hostname');
  if (hostname !== undefined) given.set('hostname', hostname);
  return write(given);
}

function dhcp6(port: SwitchPort, row: NbRow<'DHCP_Options'>, emit: Emit): void {
  const cidr = parseIp(row.cidr);
  const { options } = row;
  const server = options.get('server_id');
  if (cidr?.family !== 6) {
    port.model.problem(`DHCP_Options: cidr "${row.cidr}" is not an IPv6 network`);
    return;
  }
  const mac = parseMac(server ?? '');
  if (server === undefined || mac === undefined) {
    port.model.problem(`port "${port.name}" gets no DHCPv6: its options have no server_id that is an Ethernet address`);
    return;
  }
  const source = linkLocalAddress(mac).text;
  if (port.enabled && port.type !== 'router') {
    const stateless = isOn(options, 'dhcpv6_stateless');
    const given = new Map(options);
    given.delete('dhcpv6_stateless');
    for (const entrance of entrances(port)) {
      const hint = { hint: row._uuid, inOutPort: entrance.name };
      for (const { mac: client, ip6 } of port.addresses) {
        const ip: Ip6 | undefined = ip6.find((ip) => sameNetwork(cidr, ip));
        if (ip === undefined) continue;
        const match =
          `inport == ${quote(entrance.name)} && eth.src == ${client} && ip6.dst == ff02::1:2 && ` +
          'udp.src == 546 && udp.dst == 547';
        const address = stateless ? '' : `ia_addr = ${ip.text}, `;
        const put = `${answered} = put_dhcpv6_opts(${address}${write(given)}); next;`;
        emit(lsIn.dhcp_options, 100, `${match}${entrance.where}`, put, hint);
        emit(
          lsIn.dhcp_response,
          100,
          `${match} && ${answered}${entrance.where}`,
          `eth.dst = eth.src; eth.src = ${server}; ip6.dst = ip6.src; ip6.src = ${source}; udp.src = 547; ` +
            'udp.dst = 546; outport = inport; flags.loopback = 1; output;',
          hint,
        );
      }
    }
  }
  letReplyPass(
    port,
    row,
    `eth.src == ${server} && ip6.src == ${source} && udp && udp.src == 547 && udp.dst == 546`,
    emit,
  );
}

/** ACLs do not stop the answers (ovn-northd(8), "Egress Table 4: to-lport ACLs"). */
function letReplyPass(port: SwitchPort, row: NbRow<'DHCP_Options'>, match: string, emit: Emit): void {
  if (port.type === 'external') return;
  const actions = port.model.acls.hasStateful(port.ls.uuid) ? 'ct_commit; next;' : 'next;';
  emit(lsOut.acl, 34000, `outport == ${quote(port.name)} && ${match}`, actions, {
    hint: row._uuid,
    inOutPort: port.name,
  });
}

const write = (options: ReadonlyMap<string, string>): string =>
  [...options]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
