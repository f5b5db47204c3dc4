/**
 * What decides whether a packet goes to conntrack: ls_*_pre_acl, ls_*_pre_lb, ls_*_pre_stateful (ovn-northd(8), Ingress Tables 4 to 6, Egress
 * Tables 0 to 2). A switch needs it if it has an ACL that wants to know of connections.
 */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import { lsIn, lsOut, switchRegister } from '../pipeline.ts';

const { aclStateless, conntrackDefrag, conntrackNat } = switchRegister;
/** Neighbour discovery and multicast listener discovery, which conntrack must not see. */
const discovery = 'nd || nd_rs || nd_ra || mldv1 || mldv2';

export const preConntrack: Feature = {
  name: 'before conntrack',

  perSwitch(ls, emit) {
    const lb = ls.model.usesCtMark ? 'ct_lb_mark;' : 'ct_lb;';
    const stateful = ls.model.acls.hasStateful(ls.uuid);
    for (const [pipeline, monitor] of [
      [lsIn, 'eth.dst'],
      [lsOut, 'eth.src'],
    ] as const) {
      emit(pipeline.pre_acl, 110, `${monitor} == $svc_monitor_mac`, 'next;');
      emit(pipeline.pre_acl, 0, '1', 'next;');
      if (stateful) {
        emit(pipeline.pre_acl, 110, 'eth.mcast', 'next;');
        emit(pipeline.pre_acl, 110, `${discovery} || (udp && udp.src == 546 && udp.dst == 547)`, 'next;');
        emit(pipeline.pre_acl, 100, 'ip', `${conntrackDefrag} = 1; next;`);
      }
      emit(pipeline.pre_lb, 110, `${monitor} == $svc_monitor_mac`, 'next;');
      emit(pipeline.pre_lb, 110, 'eth.mcast', 'next;');
      emit(pipeline.pre_lb, 110, discovery, 'next;');
      emit(pipeline.pre_lb, 110, `${aclStateless} == 1`, 'next;');
      emit(pipeline.pre_lb, 0, '1', 'next;');
      emit(pipeline.pre_stateful, 110, `${conntrackNat} == 1`, lb);
      emit(pipeline.pre_stateful, 100, `${conntrackDefrag} == 1`, 'ct_next;');
      emit(pipeline.pre_stateful, 0, '1', 'next;');
    }
  },

  perSwitchPort(port, emit) {
    // What comes from a router or a physical network has been through conntrack in a zone of its own.
    if (port.peer === undefined && port.type !== 'localnet') return;
    const name = quote(port.name);
    const options = { hint: port.uuid, inOutPort: port.name };
    emit(lsIn.pre_lb, 110, `ip && inport == ${name}`, 'next;', options);
    const stateful = port.model.acls.hasStateful(port.ls.uuid);
    emit(lsOut.pre_lb, 110, `ip && outport == ${name}`, stateful ? 'next;' : 'ct_clear; next;', options);
    if (!stateful) return;
    emit(lsIn.pre_acl, 110, `ip && inport == ${name}`, 'next;', options);
    emit(lsOut.pre_acl, 110, `ip && outport == ${name}`, 'next;', options);
  },
};
