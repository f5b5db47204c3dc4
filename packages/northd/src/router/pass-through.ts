/**
 * What every router has in the stages that only act for load balancers and symmetric ECMP replies, which are not there yet: packets go on. The
 * feature that owns one of these stages takes its line along.
 */
import type { Feature } from '../feature.ts';
import { lrIn } from '../pipeline.ts';

export const passThrough: Feature = {
  name: 'stages that pass packets on',

  perRouter(_lr, emit) {
    for (const stage of [lrIn.defrag, lrIn.lb_aff_check, lrIn.lb_aff_learn, lrIn.ecmp_stateful]) {
      emit(stage, 0, '1', 'next;');
    }
  },
};
