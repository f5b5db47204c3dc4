/** Actions that make flows out of packets: `learn` of ovs-actions(7). */
import type { Action } from '@weft/openflow/actions';
import { type FieldValue, field, type Subfield, subfield, whole } from '@weft/openflow/fields';
import type { Endpoint, LflowAction, Protocol } from './action-ast.ts';
import { FlagBit, flagBit, LogicalField, Table } from './pipeline.ts';

type ActionOf<K extends LflowAction['kind']> = LflowAction & { readonly kind: K };

const REG4 = whole(field('reg4'));
const REG8_LOW = subfield(field('reg8'), 0, 16);
const XXREG0 = whole(field('xxreg0'));
const XXREG1 = whole(field('xxreg1'));
const ETH_SRC = whole(field('eth_src'));
const ETH_TYPE = whole(field('eth_type'));
const NW_PROTO = whole(field('nw_proto'));
const METADATA = whole(LogicalField.datapath);

const protocolNumbers: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** `commit_ecmp_nh`: packets of the connection, both ways, come from and go back to the next hop that the packet came from. */
export function learnEcmpNextHop({ ipv6, protocol }: ActionOf<'commit_ecmp_nh'>): Action[] {
  const src = whole(field(ipv6 ? 'ipv6_src' : 'ip_src'));
  const dst = whole(field(ipv6 ? 'ipv6_dst' : 'ip_dst'));
  const srcPort = whole(field(`${protocol}_src`));
  const dstPort = whole(field(`${protocol}_dst`));
  const common = { type: 'learn', idleTimeout: 20, hardTimeout: 30, deleteLearned: true } as const;
  const type = { type: 'match-value', dst: ETH_TYPE, value: ipv6 ? 0x86dd : 0x800 } as const;
  const proto = { type: 'match-value', dst: NW_PROTO, value: protocolNumbers[protocol] } as const;
  const found = { type: 'load-value', dst: flagBit(FlagBit.lookupCommitEcmpNextHop), value: 1 } as const;
  const match = (d: Subfield, s: Subfield) => ({ type: 'match-field', dst: d, src: s }) as const;
  return [
    {
      ...common,
      table: Table.ecmpNextHopMac,
      specs: [
        match(METADATA, METADATA),
        match(ETH_SRC, ETH_SRC),
        type,
        match(src, src),
        match(dst, dst),
        proto,
        match(srcPort, srcPort),
        match(dstPort, dstPort),
        found,
      ],
    },
    {
      ...common,
      table: Table.ecmpNextHop,
      specs: [
        match(METADATA, METADATA),
        type,
        match(src, dst),
        match(dst, src),
        proto,
        match(srcPort, dstPort),
        match(dstPort, srcPort),
        found,
      ],
    },
  ];
}

/** `commit_lb_aff`: later connections of the client to the VIP go to the same backend. */
export function learnLbAffinity(
  { vip, backend, protocol, timeout }: ActionOf<'commit_lb_aff'>,
  datapathType: 'switch' | 'router',
): Action {
  const ipv6 = vip.family === 'ipv6';
  const address = (endpoint: Endpoint): FieldValue => (ipv6 ? BigInt(endpoint.address) : endpoint.address);
  const client = whole(field(ipv6 ? 'ipv6_src' : 'ip_src'));
  const target = whole(field(ipv6 ? 'ipv6_dst' : 'ip_dst'));
  // Where the pipelines of switches and routers expect the backend's address; its port is expected in reg8.
  const stored = ipv6 ? (datapathType === 'switch' ? XXREG0 : XXREG1) : REG4;
  return {
    type: 'learn',
    table: Table.checkLbAffinity,
    idleTimeout: timeout,
    deleteLearned: true,
    specs: [
      { type: 'match-field', dst: METADATA, src: METADATA },
      { type: 'match-value', dst: ETH_TYPE, value: ipv6 ? 0x86dd : 0x800 },
      { type: 'match-field', dst: client, src: client },
      { type: 'match-value', dst: target, value: address(vip) },
      ...(protocol === undefined || vip.port === undefined
        ? []
        : ([
            { type: 'match-value', dst: NW_PROTO, value: protocolNumbers[protocol] },
            { type: 'match-value', dst: whole(field(`${protocol}_dst`)), value: vip.port },
          ] as const)),
      { type: 'load-value', dst: flagBit(FlagBit.useLbAffinity), value: 1 },
      { type: 'load-value', dst: stored, value: address(backend) },
      ...(backend.port === undefined ? [] : ([{ type: 'load-value', dst: REG8_LOW, value: backend.port }] as const)),
    ],
  };
}
