/**
 * Quality of service: DSCP marks and rate limits for packets that match. ovn-northd(8), "from-lport QoS Marking", "from-lport QoS Meter" and their
 * counterparts on egress; ovn-nb(5), QoS.
 */
import type { Feature } from '../feature.ts';
import { lsIn, lsOut } from '../pipeline.ts';

export const qos: Feature = {
  name: 'QoS',

  perSwitch(_ls, emit) {
    for (const { qos_mark, qos_meter } of [lsIn, lsOut]) {
      emit(qos_mark, 0, '1', 'next;');
      emit(qos_meter, 0, '1', 'next;');
    }
  },

  perQos({ row }, emit) {
    const { qos_mark, qos_meter } = row.direction === 'from-lport' ? lsIn : lsOut;
    const hint = { hint: row._uuid };
    const dscp = row.action.get('dscp');
    if (dscp !== undefined) emit(qos_mark, row.priority, row.match, `ip.dscp = ${dscp}; next;`, hint);
    // Kilobits per second, and kilobits.
    const rate = row.bandwidth.get('rate');
    if (rate === undefined) return;
    const burst = row.bandwidth.get('burst');
    const meter = burst === undefined ? `set_meter(${rate})` : `set_meter(${rate}, ${burst})`;
    emit(qos_meter, row.priority, row.match, `${meter}; next;`, hint);
  },
};
