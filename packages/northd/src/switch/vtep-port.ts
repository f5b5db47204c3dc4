/** Packets of a VTEP gateway skip what was decided before the L2 lookup (ovn-northd(8), Ingress Table 16). */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import { lsIn, switchRegister } from '../pipeline.ts';

export const vtepPort: Feature = {
  name: 'vtep port',

  perSwitch(ls, emit) {
    if (!ls.hasVtep) return;
    const actions = `next(pipeline=ingress, table=${lsIn.l2_lkup.table});`;
    emit(lsIn.hairpin, 1000, `${switchRegister.fromRamp} == 1`, actions);
  },

  perSwitchPort(port, emit) {
    const { peer } = port;
    if (peer === undefined || !peer.isGateway || !port.ls.hasVtep) return;
    // On the chassis of a gateway port the packets go on to the router.
    const here = `${switchRegister.fromRamp} == 1 && is_chassis_resident(${quote(peer.redirectName)})`;
    emit(lsIn.hairpin, 2000, here, 'next;');
  },
};
