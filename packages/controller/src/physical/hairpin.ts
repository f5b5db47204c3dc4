/**
 * Hairpins of load balancers: a backend that asks the VIP may be the one that is chosen. Then it must not see its own address as the client's, or it
 * would answer itself past the load balancer. `chk_lb_hairpin` finds such packets, `ct_snat_to_vip` gives them another source, and
 * `chk_lb_hairpin_reply` finds the answers, by flows that the former has the switch learn (ovn-sb(5), Logical_Flow actions).
 */
import { FlagBit, flagBit, LogicalField } from '@weft/lflow/pipeline';
import type { Action, LearnSpec } from '@weft/openflow/actions';
import { type Field, field, whole } from '@weft/openflow/fields';
import type { Flow } from '@weft/openflow/flow';
import { ipBytes, isIpv6Text } from '@weft/packet/address';
import { flag, register, table } from '../pipeline.ts';
import { cookieOf, flowsOf, ipValue, match, setFlag, type TermValue } from './terms.ts';

/** `IP`, `IP:PORT`, `[IP]` or `[IP]:PORT`. */
export interface Endpoint {
  readonly ip: string;
  /** Undefined if the text has none, or 0. */
  readonly port: number | undefined;
}

export interface Vip extends Endpoint {
  readonly backends: readonly Endpoint[];
}

export interface HairpinBalancer {
  readonly uuid: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly vips: readonly Vip[];
  /** Packets carry the address and port that they were sent to in registers (ovn-sb(5), Load_Balancer options:hairpin_orig_tuple), not in conntrack only. */
  readonly inRegisters: boolean;
  /** Connections whose destination was changed bear a mark, else a label (ovn-sb(5), SB_Global options:lb_hairpin_use_ct_mark). */
  readonly marked: boolean;
  /** What hairpins are sent from instead of the VIP (options:hairpin_snat_ip). */
  readonly snatIps: SnatIps;
  /** Tunnel keys of the datapaths here that have the load balancer. */
  readonly datapathKeys: readonly number[];
}

export interface SnatIps {
  readonly ipv4?: string | undefined;
  readonly ipv6?: string | undefined;
}

/** Undefined if the text is none. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const parts = /^\[(?<six>[^\]]*)\](?::(?<sixPort>\d{1,5}))?$/.exec(text)?.groups ??
    /^(?<four>[^:]*):(?<fourPort>\d{1,5})$/.exec(text)?.groups ?? { any: text };
  const { six, four, any, sixPort, fourPort } = parts;
  const ip = six ?? four ?? any ?? '';
  const port = Number(sixPort ?? fourPort ?? 0);
  if (ipBytes(ip) === undefined || port > 0xffff || (six !== undefined && !isIpv6Text(six))) return undefined;
  return { ip, port: port === 0 ? undefined : port };
}

/** A VIP and its backends, separated by commas, which must be of its family, and have ports if it has one. Undefined if they do not fit together. */
export function parseVip(vipText: string, backendsText: string): Vip | undefined {
  const vip = parseEndpoint(vipText);
  const backends = backendsText.split(',').flatMap((text) => (text === '' ? [] : [parseEndpoint(text)]));
  if (vip === undefined) return undefined;
  const fits = (backend: Endpoint | undefined): backend is Endpoint =>
    backend !== undefined &&
    isIpv6Text(backend.ip) === isIpv6Text(vip.ip) &&
    (backend.port === undefined) === (vip.port === undefined);
  return backends.every(fits) ? { ...vip, backends } : undefined;
}

/** The first IPv4 and the first IPv6 address of those that spaces or commas separate; undefined if a word is none. */
export function parseSnatIps(text: string): SnatIps | undefined {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.some((word) => ipBytes(word) === undefined)) return undefined;
  return { ipv4: words.find((word) => !isIpv6Text(word)), ipv6: words.find(isIpv6Text) };
}

const protocolNumbers = { tcp: 6, udp: 17, sctp: 132 } as const;
/** What `ct_lb_mark` or `ct_lb` leaves with connections whose destination it changed: ct_mark.natted, ct_label.natted. */
const natted = { mark: { ct_mark: [2, 2] }, label: { ct_label: [2n, 2n] } } as const;
/** Tracked, and with another destination than it was sent to: +trk+dnat. */
const translated: TermValue = [0xa0, 0xa0];
const low16 = 0xffff;

/** A flow with a source of its own goes before one with the VIP, and one with a port before one without. */
const snatPriority = { own: { port: 200, noPort: 190 }, vip: { port: 100, noPort: 90 } } as const;

/** The flows of a load balancer in the datapaths of this chassis. */
export function hairpinFlows(balancer: HairpinBalancer): readonly Flow[] {
  const { flows, add } = flowsOf(balancer.uuid);
  const changed = balancer.marked ? natted.mark : natted.label;
  for (const vip of balancer.vips) {
    const six = isIpv6Text(vip.ip);
    const own = six ? balancer.snatIps.ipv6 : balancer.snatIps.ipv4;
    const kind = {
      eth_type: six ? 0x86dd : 0x0800,
      ...(vip.port === undefined ? {} : { nw_proto: protocolNumbers[balancer.protocol] }),
    };
    const sentTo = { ...kind, ...originalDestination(balancer, vip) };
    const source = ipValue(own ?? vip.ip);

    const learn = learnReply(balancer, vip, source);
    for (const { ip, port } of vip.backends) {
      const address = ipValue(ip);
      const itself = { [six ? 'ipv6_src' : 'ip_src']: address, [six ? 'ipv6_dst' : 'ip_dst']: address };
      const to = port === undefined ? {} : { [`${balancer.protocol}_dst`]: port };
      add(table.checkLbHairpin, 100, match({ ...sentTo, ...changed, ...itself, ...to }), [
        setFlag(flag.lookupLbHairpin),
        learn,
      ]);
    }

    const priority = snatPriority[own === undefined ? 'vip' : 'own'][vip.port === undefined ? 'noPort' : 'port'];
    const snat: Action = {
      type: 'ct',
      commit: true,
      zone: LogicalField.snatZone,
      actions: [{ type: 'nat', direction: 'src', ip: { min: source } }],
    };
    if (own === undefined) add(table.ctSnatHairpin, priority, match(sentTo), [snat]);
    else
      for (const key of balancer.datapathKeys)
        add(table.ctSnatHairpin, priority, match({ ...sentTo, [register.datapath]: key }), [snat]);
  }
  return flows;
}

/** What a packet says of where it was sent before its destination was changed. */
function originalDestination({ inRegisters, protocol }: HairpinBalancer, { ip, port }: Vip) {
  const address = ipValue(ip);
  const six = isIpv6Text(ip);
  if (inRegisters)
    return {
      [six ? 'xxreg1' : 'reg1']: address,
      ...(port === undefined ? {} : { reg2: [port, low16] as const }),
    };
  return {
    ct_state: translated,
    [six ? 'ct_ipv6_dst' : 'ct_nw_dst']: address,
    ...(port === undefined ? {} : { ct_nw_proto: protocolNumbers[protocol], ct_tp_dst: port }),
  };
}

/** Finds the answers of a backend to itself: what comes from it, and goes to the source that its request was given. */
function learnReply({ uuid, protocol }: HairpinBalancer, { ip, port }: Vip, source: number | bigint): Action {
  const six = isIpv6Text(ip);
  const same = (of: Field): LearnSpec => ({ type: 'match-field', dst: whole(of), src: whole(of) });
  const is = (of: Field, value: number | bigint): LearnSpec => ({ type: 'match-value', dst: whole(of), value });
  const nwProto = field('nw_proto');
  return {
    type: 'learn',
    table: table.checkLbHairpinReply,
    deleteLearned: true,
    cookie: cookieOf(uuid),
    specs: [
      same(field(register.datapath)),
      is(field('eth_type'), six ? 0x86dd : 0x0800),
      same(field(six ? 'ipv6_src' : 'ip_src')),
      is(field(six ? 'ipv6_dst' : 'ip_dst'), source),
      ...(port === undefined
        ? [same(nwProto)]
        : [
            is(nwProto, protocolNumbers[protocol]),
            {
              type: 'match-field',
              dst: whole(field(`${protocol}_src`)),
              src: whole(field(`${protocol}_dst`)),
            } as const,
          ]),
      { type: 'load-value', dst: flagBit(FlagBit.lookupLbHairpin), value: 1 },
    ],
  };
}
