/** Tunnels between chassis (ovn-architecture(7), "Tunnel Encapsulations"). */
import type { Action } from '@weft/openflow/actions';
import type { Flow } from '@weft/openflow/flow';
import type { EncapType } from '../config.ts';
import { geneveOption, minMulticastKey, register, table } from '../pipeline.ts';
import { flowsOf, load, loadMasked, match, move, output, resubmit } from './terms.ts';

export interface Tunnel {
  readonly type: EncapType;
  readonly ofport: number;
}

/**
 * Puts the logical state into the tunnel's metadata. Geneve has 24 bits for the datapath, 15 for the input and 16 for the output port. VXLAN has
 * 24 in all: 12 for the datapath, 12 for the output port, of which the highest says that it is a multicast group.
 */
export function encapsulate(type: EncapType, datapathKey: number, outportKey: number): readonly Action[] {
  if (type === 'vxlan') {
    const multicast = outportKey >= minMulticastKey;
    const port = multicast ? 0x800 | (outportKey & 0x7ff) : outportKey & 0xfff;
    return [loadMasked('tun_id', (port << 12) | datapathKey, 0xffffff)];
  }
  if (type === 'stt')
    return [
      load('tun_id', (BigInt(outportKey) << 24n) | BigInt(datapathKey)),
      move(register.inport, 0, 'tun_id', 40, 15),
    ];
  return [
    loadMasked('tun_id', datapathKey, 0xffffff),
    load(geneveOption.field, outportKey),
    move(register.inport, 0, geneveOption.field, 16, 15),
  ];
}

/** From a tunnel to local output: the sender's logical pipeline has chosen the port. */
export function tunnelInputFlows({ type, ofport }: Tunnel): readonly Flow[] {
  const { flows, add } = flowsOf(undefined);
  const deliver = resubmit(table.localOutput);
  if (type === 'geneve')
    add(table.physicalToLogical, 100, match({ in_port: ofport }), [
      move('tun_id', 0, register.datapath, 0, 24),
      move(geneveOption.field, 16, register.inport, 0, 15),
      move(geneveOption.field, 0, register.outport, 0, 16),
      deliver,
    ]);
  else if (type === 'stt')
    add(table.physicalToLogical, 100, match({ in_port: ofport }), [
      move('tun_id', 0, register.datapath, 0, 24),
      move('tun_id', 40, register.inport, 0, 15),
      move('tun_id', 24, register.outport, 0, 16),
      deliver,
    ]);
  else {
    add(table.physicalToLogical, 100, match({ in_port: ofport }), [
      move('tun_id', 12, register.outport, 0, 12),
      move('tun_id', 0, register.datapath, 0, 12),
      deliver,
    ]);
    add(table.physicalToLogical, 105, match({ in_port: ofport, tun_id: [0x800000n, 0x800000n] }), [
      loadMasked(register.outport, minMulticastKey, minMulticastKey),
      move('tun_id', 12, register.outport, 0, 11),
      move('tun_id', 0, register.datapath, 0, 12),
      deliver,
    ]);
  }
  return flows;
}

/** To a port on another chassis. */
export function remotePortFlows(
  port: { readonly uuid: string; readonly datapathKey: number; readonly portKey: number },
  tunnel: Tunnel,
): readonly Flow[] {
  const { flows, add } = flowsOf(port.uuid);
  const to = { [register.outport]: port.portKey, [register.datapath]: port.datapathKey };
  add(table.remoteOutput, 100, match(to), [
    ...encapsulate(tunnel.type, port.datapathKey, port.portKey),
    output(tunnel.ofport),
    resubmit(table.localOutput),
  ]);
  return flows;
}
