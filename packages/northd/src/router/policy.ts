/**
 * Routing policies: what happens to a packet by more than its destination, after it is routed. ovn-northd(8), "Ingress Table 15: Router policies" and
 * "Ingress Table 16: ECMP handling for router policies"; ovn-nb(5), Logical_Router_Policy.
 */
import type { Feature } from '../feature.ts';
import type { RoutePath } from '../model/routing.ts';
import type { Policy } from '../model.ts';
import { type Ip, parseIp } from '../net.ts';
import { lrIn, routerRegister } from '../pipeline.ts';
import { hop } from './routing.ts';

const { ecmpGroup, ecmpMember } = routerRegister;
const stage = lrIn.policy;

export const policy: Feature = {
  name: 'routing policies',

  perRouter(_lr, emit) {
    emit(stage, 0, '1', `${ecmpGroup} = 0; next;`);
    emit(lrIn.policy_ecmp, 150, `${ecmpGroup} == 0`, 'next;');
    emit(lrIn.policy_ecmp, 0, '1', 'drop;');
  },

  perPolicy(policy, emit) {
    const { row, lr, model } = policy;
    const { priority, match } = row;
    const hint = { hint: row._uuid };
    if (row.action === 'drop') {
      emit(stage, priority, match, 'drop;', hint);
      return;
    }
    const mark = markOf(policy);
    if (row.action === 'allow') {
      emit(stage, priority, match, `${mark}${ecmpGroup} = 0; next;`, hint);
      return;
    }
    const hops = nextHops(policy);
    if (hops.length === 0) return;
    const [only] = hops;
    if (hops.length === 1 && only !== undefined) {
      const forward = `${mark}${hop(only.nexthop, only.path)} flags.loopback = 1; ${ecmpGroup} = 0; next;`;
      emit(stage, priority, match, forward, hint);
      return;
    }
    const group = model.routing.policyNumber(lr.uuid, row._uuid);
    const members = hops.map((_, i) => i + 1).join(', ');
    emit(stage, priority, match, `${ecmpGroup} = ${group}; ${ecmpMember} = select(${members});`, hint);
    for (const [i, { nexthop, path }] of hops.entries()) {
      const selected = `${ecmpGroup} == ${group} && ${ecmpMember} == ${i + 1}`;
      emit(lrIn.policy_ecmp, 100, selected, `${mark}${hop(nexthop, path)} flags.loopback = 1; next;`, hint);
    }
  },
};

function markOf({ row }: Policy): string {
  const mark = Number(row.options.get('pkt_mark') ?? 0);
  return Number.isInteger(mark) && mark > 0 ? `pkt.mark = ${mark}; ` : '';
}

interface Hop {
  readonly nexthop: Ip;
  readonly path: RoutePath;
}

/** The next hops with their ports; none, and a report, if one of them leads nowhere. */
function nextHops({ row, lr, model }: Policy): readonly Hop[] {
  const texts = row.nexthops.length > 0 ? row.nexthops : row.nexthop === undefined ? [] : [row.nexthop];
  const hops: Hop[] = [];
  for (const text of texts) {
    const nexthop = parseIp(text);
    const path = nexthop && model.routing.pathTo(lr.uuid, nexthop);
    if (nexthop === undefined || path === undefined) {
      model.problem(`routing policy of priority ${row.priority} (${row._uuid}) is skipped: no port leads to "${text}"`);
      return [];
    }
    hops.push({ nexthop, path });
  }
  return hops;
}
