/**
 * Learning of Ethernet addresses behind ports that take unknown destinations and have no port security: ls_in_lookup_fdb, ls_in_put_fdb
 * (ovn-northd(8), Ingress Tables 2 and 3).
 */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import { lsIn, switchRegister } from '../pipeline.ts';

const known = switchRegister.fdbLookup;

export const fdb: Feature = {
  name: 'fdb',

  perSwitch(_ls, emit) {
    emit(lsIn.lookup_fdb, 0, '1', 'next;');
    emit(lsIn.put_fdb, 0, '1', 'next;');
  },

  perSwitchPort(port, emit) {
    if (port.type !== '' || !port.hasUnknown || port.hasPortSecurity) return;
    const name = quote(port.name);
    const options = { hint: port.uuid, inOutPort: port.name };
    emit(lsIn.lookup_fdb, 100, `inport == ${name}`, `${known} = lookup_fdb(inport, eth.src); next;`, options);
    emit(lsIn.put_fdb, 100, `inport == ${name} && ${known} == 0`, 'put_fdb(inport, eth.src); next;', options);
  },
};
