/**
 * What a router answers to packets for itself, and to packets whose time is up: echo replies, unreachable messages, resets, time exceeded.
 * ovn-northd(8), "Ingress Table 3: IP Input"; RFC 792, RFC 4443.
 */
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { RouterPort } from '../model.ts';
import { type Ip, isLinkLocal, networkText } from '../net.ts';
import { lrIn } from '../pipeline.ts';
import { isGatewayRouter } from './gateway.ts';
import { oneOrSet } from './text.ts';

const stage = lrIn.ip_input;

export const icmpReply: Feature = {
  name: 'ICMP replies',

  perRouterPort(port, emit) {
    echo(port, emit);
    if (!isGatewayRouter(port.lr)) {
      for (const ip of port.ip4) unreachable(port, ip, { protocol: 2, port: 3, type: 3 }, emit);
      for (const ip of port.ip6) unreachable(port, ip, { protocol: 3, port: 4, type: 1 }, emit);
    }
    timeExceeded(port, emit);
  },
};

function echo(port: RouterPort, emit: Emit): void {
  const hint = { hint: port.uuid };
  if (port.ip4.length > 0) {
    emit(
      stage,
      90,
      `ip4.dst == ${oneOrSet(port.ip4)} && icmp4.type == 8 && icmp4.code == 0`,
      'ip4.dst <-> ip4.src; ip.ttl = 255; icmp4.type = 0; flags.loopback = 1; next; ',
      hint,
    );
  }
  if (port.ip6.length > 0) {
    emit(
      stage,
      90,
      `ip6.dst == ${oneOrSet(port.ip6)} && icmp6.type == 128 && icmp6.code == 0`,
      'ip6.dst <-> ip6.src; ip.ttl = 255; icmp6.type = 129; flags.loopback = 1; next; ',
      hint,
    );
  }
}

/** The type and the codes of "destination unreachable" in the version of ICMP that goes with the address. */
interface Unreachable {
  readonly type: number;
  /** No such protocol (ICMP), no such address (ICMPv6). */
  readonly protocol: number;
  readonly port: number;
}

function unreachable(port: RouterPort, ip: Ip, codes: Unreachable, emit: Emit): void {
  const hint = { hint: port.uuid };
  const version = ip.family;
  const toRouter = `ip${version} && ip${version}.dst == ${ip.text} && !ip.later_frag`;
  const back = `eth.dst <-> eth.src; ip${version}.dst <-> ip${version}.src;`;
  const icmp = (code: number): string =>
    `icmp${version} {${back} ip.ttl = 255; icmp${version}.type = ${codes.type}; icmp${version}.code = ${code}; next; };`;
  emit(stage, 80, `${toRouter} && udp`, icmp(codes.port), hint);
  emit(stage, 80, `${toRouter} && tcp`, `tcp_reset {${back} next; };`, hint);
  emit(stage, 80, `${toRouter} && sctp`, `sctp_abort {${back} next; };`, hint);
  emit(stage, 70, toRouter, icmp(codes.protocol), hint);
}

function timeExceeded(port: RouterPort, emit: Emit): void {
  const hint = { hint: port.uuid };
  const name = quote(port.name);
  // The packet may have come to a gateway port for an address of NAT, and is answered from where it went.
  const answerFrom = ({ family, text }: Ip): string =>
    port.isGateway
      ? `ip${family}.dst <-> ip${family}.src`
      : `ip${family}.dst = ip${family}.src; ip${family}.src = ${text}`;
  for (const ip of port.ip4) {
    emit(
      stage,
      31,
      `inport == ${name} && ip4 && ip.ttl == {0, 1} && !ip.later_frag`,
      'icmp4 {eth.dst <-> eth.src; icmp4.type = 11; /* Time exceeded */ icmp4.code = 0; /* TTL exceeded in transit */ ' +
        `${answerFrom(ip)} ; ip.ttl = 254; outport = ${name}; flags.loopback = 1; output; };`,
      hint,
    );
  }
  for (const ip of port.ip6) {
    if (isLinkLocal(ip)) continue;
    emit(
      stage,
      31,
      `inport == ${name} && ip6 && ip6.src == ${networkText(ip)} && ip.ttl == {0, 1} && !ip.later_frag`,
      `icmp6 {eth.dst <-> eth.src; ${answerFrom(ip)} ; ip.ttl = 254; ` +
        'icmp6.type = 3; /* Time exceeded */ icmp6.code = 0; /* TTL exceeded in transit */ ' +
        `outport = ${name}; flags.loopback = 1; output; };`,
      hint,
    );
  }
}
