/**
 * Queries for the names of a switch's DNS records are answered on the spot: ls_in_dns_lookup, ls_in_dns_response (ovn-northd(8), Ingress Tables
 * 22 and 23, Egress Table 4). The records themselves are in the DNS table.
 */
import type { Feature } from '../feature.ts';
import type { Switch } from '../model.ts';
import { lsIn, lsOut, switchRegister } from '../pipeline.ts';

const found = switchRegister.dnsLookup;

export const dns: Feature = {
  name: 'DNS',

  perSwitch(ls, emit) {
    emit(lsIn.dns_lookup, 0, '1', 'next;');
    emit(lsIn.dns_response, 0, '1', 'next;');
    if (!hasRecords(ls)) return;
    emit(lsIn.dns_lookup, 100, 'udp.dst == 53', `${found} = dns_lookup(); next;`);
    for (const ip of ['ip4', 'ip6']) {
      const reply =
        `eth.dst <-> eth.src; ${ip}.src <-> ${ip}.dst; udp.dst = udp.src; udp.src = 53; ` +
        'outport = inport; flags.loopback = 1; output;';
      emit(lsIn.dns_response, 100, `udp.dst == 53 && ${found}`, reply);
    }
    // An answer made on the spot meets no ACL on its way out.
    emit(lsOut.acl, 34000, 'udp.src == 53', ls.model.acls.hasStateful(ls.uuid) ? 'ct_commit; next;' : 'next;');
  },
};

function hasRecords(ls: Switch): boolean {
  return ls.row.dns_records.some((uuid) => (ls.model.nb.DNS.get(uuid)?.records.size ?? 0) > 0);
}
