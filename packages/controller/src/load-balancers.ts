/** Load balancers of the local datapaths. Balancing is the logical flows' work; what they leave to the chassis are hairpins. */
import { isDeepStrictEqual } from 'node:util';
import { expandTemplate } from '@weft/lflow/template';
import type { SbRow } from '@weft/schemas/sb';
import type { Feature } from './feature.ts';
import { hairpinFlows, parseSnatIps, parseVip, type SnatIps, type Vip } from './physical/hairpin.ts';

type LoadBalancer = SbRow<'Load_Balancer'>;

/** Written by northd as `true`, by hand in any case. */
const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === 'true';

export const loadBalancers: Feature = (model, { flows, log }) => {
  const { runtime, tables } = model;
  const { sb } = tables;

  // Most load balancers are on the same datapaths as many others.
  const localOfGroup = runtime.memo(
    'local datapaths of a group',
    (uuid: string) => (sb.Logical_DP_Group.get(uuid)?.datapaths ?? []).filter((each) => model.isLocalDatapath(each)),
    isDeepStrictEqual,
  );
  const localOf = ({ datapaths, datapath_group }: LoadBalancer): ReadonlySet<string> =>
    new Set([
      ...datapaths.filter((each) => model.isLocalDatapath(each)),
      ...(datapath_group === undefined ? [] : localOfGroup(datapath_group)),
    ]);

  const marked = runtime.memo('does northd mark balanced connections', (_: 0) => {
    for (const { options } of sb.SB_Global.rows())
      return options.get('lb_hairpin_use_ct_mark')?.toLowerCase() !== 'false';
    return true;
  });

  const vipsOf = ({ name, vips, options }: LoadBalancer): readonly Vip[] => {
    const expand = (text: string): string =>
      isTrue(options.get('template')) ? expandTemplate(text, model.templateVariable) : text;
    return [...vips].flatMap(([key, value]) => {
      const vip = parseVip(expand(key), expand(value));
      if (vip !== undefined) return [vip];
      log.warn(`load balancer ${name}: VIP '${key}' and its backends '${value}' do not fit together; skipped`);
      return [];
    });
  };

  const snatIpsOf = ({ name, options }: LoadBalancer): SnatIps => {
    const text = options.get('hairpin_snat_ip');
    const ips = parseSnatIps(text ?? '');
    if (ips === undefined) log.warn(`load balancer ${name}: hairpin_snat_ip '${text}' is no address; ignored`);
    return ips ?? {};
  };

  runtime.forEach(
    'hairpins of load balancers',
    sb.Load_Balancer,
    (row) => {
      const local = localOf(row);
      if (local.size === 0) return undefined;
      return hairpinFlows({
        uuid: row._uuid,
        protocol: row.protocol ?? 'tcp',
        vips: vipsOf(row),
        inRegisters: isTrue(row.options.get('hairpin_orig_tuple')),
        marked: marked(0),
        snatIps: snatIpsOf(row),
        datapathKeys: [...local].flatMap((uuid) => model.localDatapath(uuid)?.tunnelKey ?? []),
      });
    },
    (_row, next, previous) => flows.replace(next, previous),
  );
};
