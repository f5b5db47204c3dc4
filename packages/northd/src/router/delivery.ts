/** Output to enabled ports. ovn-northd(8), router "Egress Table 6: Delivery". */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import { lrOut } from '../pipeline.ts';

export const delivery: Feature = {
  name: 'router delivery',

  perRouter(lr, emit) {
    // C gives a router that has nothing to deliver to no flow at all here.
    if (lr.model.routerPortSets.hasEnabled(lr.uuid)) emit(lrOut.delivery, 0, '1', 'drop;');
  },

  perRouterPort(port, emit) {
    if (port.enabled) emit(lrOut.delivery, 100, `outport == ${quote(port.name)}`, 'output;');
  },
};
