/** The stages that no feature fills yet: packets go on to the next stage. */
import type { Feature } from '../feature.ts';
import { lsIn, type Stage } from '../pipeline.ts';

const passing: readonly Stage[] = [
  lsIn.lb_aff_check,
  lsIn.lb,
  lsIn.lb_aff_learn,
  lsIn.pre_hairpin,
  lsIn.nat_hairpin,
  lsIn.hairpin,
];

export const defaults: Feature = {
  name: 'defaults',
  perSwitch(_ls, emit) {
    for (const stage of passing) emit(stage, 0, '1', 'next;');
  },
};
