/**
 * Admission and port security: ls_in_check_port_sec, ls_in_apply_port_sec, ls_out_check_port_sec, ls_out_apply_port_sec. The rules themselves are
 * in Port_Binding.port_security; `check_in_port_sec()` applies them on the chassis (ovn-northd(8), Ingress Tables 0 and 1, Egress Tables 8 and 9).
 */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import type { SwitchPort } from '../model.ts';
import { lsIn, lsOut, switchRegister } from '../pipeline.ts';
import { queueOf } from '../sb/queues.ts';

const { portSecurityDrop, fromRamp } = switchRegister;

export const portSecurity: Feature = {
  name: 'port security',

  perSwitch(ls, emit) {
    if (!ls.vlanPassthru) emit(lsIn.check_port_sec, 100, 'vlan.present', 'drop;');
    emit(lsIn.check_port_sec, 100, 'eth.src[40]', 'drop;');
    emit(lsIn.check_port_sec, 50, '1', `${portSecurityDrop} = check_in_port_sec(); next;`);
    emit(lsIn.apply_port_sec, 50, `${portSecurityDrop} == 1`, 'drop;');
    emit(lsIn.apply_port_sec, 0, '1', 'next;');
    emit(lsOut.check_port_sec, 100, 'eth.mcast', `${portSecurityDrop} = 0; next;`);
    emit(lsOut.check_port_sec, 0, '1', `${portSecurityDrop} = check_out_port_sec(); next;`);
    emit(lsOut.apply_port_sec, 50, `${portSecurityDrop} == 1`, 'drop;');
    emit(lsOut.apply_port_sec, 0, '1', 'output;');
  },

  perSwitchPort(port, emit) {
    // An external port has no place of its own in the pipeline: its packets come and go through localnet ports.
    if (port.type === 'external') return;
    const name = quote(port.name);
    const options = { hint: port.uuid, inOutPort: port.name };
    if (!port.enabled) {
      emit(lsIn.check_port_sec, 100, `inport == ${name}`, `${portSecurityDrop} = 1; next;`, options);
      return;
    }
    const queue = queueAction(port);
    if (port.type === 'vtep') {
      const actions = `${queue}${fromRamp} = 1; next(pipeline=ingress, table=${lsIn.hairpin.table});`;
      emit(lsIn.check_port_sec, 70, `inport == ${name}`, actions, options);
    } else if (queue !== '') {
      const actions = `${queue}${portSecurityDrop} = check_in_port_sec(); next;`;
      emit(lsIn.check_port_sec, 70, `inport == ${name}`, actions, options);
      if (port.type === 'localnet') emit(lsOut.apply_port_sec, 100, `outport == ${name}`, `${queue}output;`, options);
    }
  },
};

function queueAction(port: SwitchPort): string {
  const queue = queueOf(port);
  return queue === undefined ? '' : `set_queue(${queue}); `;
}
