/** SB_Global's options and ipsec, which follow NB_Global's; and the options of NB_Global that northd itself sets (ovn-nb(5), ovn-sb(5)). */
import { internalVersion } from '@weft/schemas/internal-version';
import { parseMac } from '../net.ts';
import type { Output } from '../northd.ts';

export const globals: Output = ({ model, rows, allocations }) => {
  const nbGlobal = rows.table('nb', 'NB_Global');
  const sbGlobal = rows.table('sb', 'SB_Global');
  model.rt.forEach(
    'global options',
    model.nb.NB_Global,
    ({ options, ipsec, nb_cfg }) => {
      const all = new Map(options);
      // What is drawn is written down, so that it stays.
      if (parseMac(`${all.get('mac_prefix')}:00:00:00`) === undefined) {
        all.set('mac_prefix', allocations.drawn('mac_prefix', 3));
      }
      if (parseMac(all.get('svc_monitor_mac') ?? '') === undefined) {
        all.set('svc_monitor_mac', allocations.drawn('svc_monitor_mac', 6));
      }
      all.set('max_tunid', String(model.datapathKeys.max));
      all.set('northd_internal_version', internalVersion);
      const sorted = (map: ReadonlyMap<string, string>) => new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
      const toChassis = new Map(all);
      if (!model.usesCtMark) toChassis.set('lb_hairpin_use_ct_mark', 'false');
      return { nb: sorted(all), sb: sorted(toChassis), ipsec, nb_cfg };
    },
    ({ _uuid }, next) => {
      nbGlobal.set(_uuid, next && { options: next.nb });
      if (next !== undefined) sbGlobal.set('', { options: next.sb, ipsec: next.ipsec, nb_cfg: next.nb_cfg });
    },
  );
};
