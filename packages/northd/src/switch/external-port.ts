/**
 * Ports of type external come in through the localnet port of every chassis; only the chassis that has claimed the port may let its packets to
 * the router (ovn-northd(8), Ingress Table 24).
 */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import { lsIn } from '../pipeline.ts';

export const externalPort: Feature = {
  name: 'external port',

  perSwitch(_ls, emit) {
    emit(lsIn.external_port, 0, '1', 'next;');
  },

  perSwitchPort(port, emit) {
    if (port.type !== 'external') return;
    const elsewhere = `!is_chassis_resident(${quote(port.name)})`;
    for (const localnet of port.ls.localnetPorts) {
      const options = { hint: port.uuid, inOutPort: localnet.name };
      for (const { mac } of port.addresses) {
        const from = `inport == ${quote(localnet.name)} && eth.src == ${mac}`;
        for (const { peer } of port.ls.routerPorts) {
          if (peer === undefined) continue;
          for (const { text } of peer.ip4) {
            const match = `${from} && ${elsewhere} && arp.tpa == ${text} && arp.op == 1`;
            emit(lsIn.external_port, 100, match, 'drop;', options);
          }
          for (const { text, solicitedNode } of peer.ip6) {
            const target = `nd_ns && ip6.dst == {${text}, ${solicitedNode}} && nd.target == ${text}`;
            emit(lsIn.external_port, 100, `${from} && ${elsewhere} && ${target}`, 'drop;', options);
          }
          const match = `${from} && eth.dst == ${peer.mac} && ${elsewhere}`;
          emit(lsIn.external_port, 100, match, 'drop;', options);
        }
      }
    }
  },
};
