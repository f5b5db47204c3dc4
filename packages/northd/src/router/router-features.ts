/** Every router feature, in the order of the pipeline. */
import type { Feature } from '../feature.ts';
import { admission } from './admission.ts';
import { arpRequest } from './arp-request.ts';
import { arpResolve } from './arp-resolve.ts';
import { delivery } from './delivery.ts';
import { gatewayRedirect } from './gateway.ts';
import { largerPackets } from './gateway-mtu.ts';
import { icmpReply } from './icmp-reply.ts';
import { ipInput } from './ip-input.ts';
import { nat } from './nat.ts';
import { neighbor } from './neighbor.ts';
import { neighborReply } from './neighbor-reply.ts';
import { passThrough } from './pass-through.ts';
import { policy } from './policy.ts';
import { routerAdvertisement } from './router-advertisement.ts';
import { routing } from './routing.ts';

export const routerFeatures: readonly Feature[] = [
  admission,
  neighbor,
  ipInput,
  neighborReply,
  icmpReply,
  nat,
  passThrough,
  routerAdvertisement,
  routing,
  policy,
  arpResolve,
  largerPackets,
  gatewayRedirect,
  arpRequest,
  delivery,
];
