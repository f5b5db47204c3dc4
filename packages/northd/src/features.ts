/** Every feature, by the subject that it owns. A new feature is a new file and a line here (a router feature: in `router/router-features.ts`). */
import type { Feature } from './feature.ts';
import { routerFeatures } from './router/router-features.ts';
import { acl } from './switch/acl.ts';
import { arpResponder } from './switch/arp-responder.ts';
import { defaults } from './switch/defaults.ts';
import { dhcp } from './switch/dhcp.ts';
import { dns } from './switch/dns.ts';
import { externalPort } from './switch/external-port.ts';
import { fdb } from './switch/fdb.ts';
import { l2Lookup } from './switch/l2-lookup.ts';
import { portSecurity } from './switch/port-security.ts';
import { preConntrack } from './switch/pre-conntrack.ts';
import { qos } from './switch/qos.ts';
import { stateful } from './switch/stateful.ts';
import { virtualPort } from './switch/virtual-port.ts';
import { vtepPort } from './switch/vtep-port.ts';

const switchFeatures: readonly Feature[] = [
  portSecurity,
  fdb,
  preConntrack,
  acl,
  qos,
  stateful,
  arpResponder,
  dhcp,
  virtualPort,
  externalPort,
  vtepPort,
  dns,
  l2Lookup,
  defaults,
];

export const allFeatures: readonly Feature[] = [...switchFeatures, ...routerFeatures];
