/** ls_in_stateful and ls_out_stateful: connections are committed where an ACL has asked for it (ovn-northd(8), Ingress Table 18, Egress Table 7). */
import type { Feature } from '../feature.ts';
import { lsIn, lsOut, switchRegister } from '../pipeline.ts';

const { aclLabel, conntrackCommit, label } = switchRegister;

export const stateful: Feature = {
  name: 'stateful',

  perSwitch(ls, emit) {
    const blocked = ls.model.usesCtMark ? 'ct_mark.blocked' : 'ct_label.blocked';
    for (const { stateful: stage } of [lsIn, lsOut]) {
      const labelled = `ct_commit { ${blocked} = 0; ct_label.label = ${label}; }; next;`;
      emit(stage, 100, `${conntrackCommit} == 1 && ${aclLabel} == 1`, labelled);
      emit(stage, 100, `${conntrackCommit} == 1 && ${aclLabel} == 0`, `ct_commit { ${blocked} = 0; }; next;`);
      emit(stage, 0, '1', 'next;');
    }
  },
};
