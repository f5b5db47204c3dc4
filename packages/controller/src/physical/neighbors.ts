/** What this chassis knows of neighbors: MAC_Binding, Static_MAC_Binding and FDB rows as flows of the tables that actions look up. */
import type { Flow } from '@weft/openflow/flow';
import { isIpv6Text } from '@weft/packet/address';
import { flag, register, table } from '../pipeline.ts';
import { flowsOf, ipValue, load, macValue, match, protocol, setFlag } from './terms.ts';

/** Between learned bindings there is no order; a static one goes before them or behind them as its row says. */
export const bindingPriority = { learned: 100, static: 50, staticOverride: 150 } as const;

export interface MacBinding {
  readonly uuid: string;
  readonly datapathKey: number;
  readonly portKey: number;
  readonly ip: string;
  readonly mac: string;
  readonly priority: number;
}

/** `get_arp`/`get_nd` find the MAC; `lookup_arp`/`lookup_nd` say whether the packet's own is the known one. */
export function macBindingFlows(binding: MacBinding): readonly Flow[] {
  const { flows, add } = flowsOf(binding.uuid);
  const { datapathKey, portKey, priority } = binding;
  const six = isIpv6Text(binding.ip);
  const address = { [six ? 'xxreg0' : 'reg0']: ipValue(binding.ip) };
  const on = (port: string) => ({ [port]: portKey, [register.datapath]: datapathKey });
  const found = setFlag(flag.lookupMac);
  const mac = macValue(binding.mac);
  add(table.macBinding, priority, match({ ...address, ...on(register.outport) }), [load('eth_dst', mac), found]);
  const kind = six ? { ...protocol.icmp6, icmpv6_code: 0 } : protocol.arp;
  add(table.macLookup, priority, match({ ...kind, ...address, ...on(register.inport), eth_src: mac }), [found]);
  return flows;
}

export interface FdbEntry {
  readonly uuid: string;
  readonly datapathKey: number;
  readonly portKey: number;
  readonly mac: string;
}

/** What a learned address makes: a flow that finds its port, and one that knows a packet from it (`get_fdb`, `lookup_fdb` of ovn-sb(5)). */
export function fdbFlows({ uuid, datapathKey, portKey, mac }: FdbEntry): readonly Flow[] {
  const { flows, add } = flowsOf(uuid);
  const address = macValue(mac);
  add(table.getFdb, 100, match({ [register.datapath]: datapathKey, eth_dst: address }), [
    load(register.outport, portKey),
  ]);
  const from = { [register.inport]: portKey, [register.datapath]: datapathKey };
  add(table.lookupFdb, 100, match({ ...from, eth_src: address }), [setFlag(flag.lookupFdb)]);
  return flows;
}
