/** L2 admission: what a router sees at all. ovn-northd(8), "Ingress Table 0: L2 Admission Control". */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import { lrIn, routerRegister } from '../pipeline.ts';
import { whereResident } from './gateway.ts';
import { bypassMtu, checkLarger } from './gateway-mtu.ts';

const stage = lrIn.admission;

export const admission: Feature = {
  name: 'router admission',

  perRouter(_lr, emit) {
    // VLAN tags and multicast sources.
    emit(stage, 100, 'vlan.present || eth.src[40]', 'drop;');
    emit(stage, 0, '1', 'drop;');
  },

  perRouterPort(port, emit) {
    if (!port.enabled) return;
    const hint = { hint: port.uuid };
    const admit = `${routerRegister.inportEth} = ${port.mac}; next;`;
    const check = checkLarger(port);
    const bypass = bypassMtu(port);
    // A switch with a vtep port hands its packets to the router where they come in.
    const resident = port.switchPort?.ls.hasVtep ? '' : whereResident(port);
    const inport = `inport == ${quote(port.name)}`;
    for (const match of [`eth.mcast && ${inport}`, `eth.dst == ${port.mac} && ${inport}${resident}`]) {
      emit(stage, 50, match, `${check}${admit}`, hint);
      if (bypass !== undefined) emit(stage, 55, `${match} && (${bypass})`, admit, hint);
    }
  },
};
