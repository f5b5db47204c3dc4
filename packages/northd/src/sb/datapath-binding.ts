/** Datapath_Binding and IP_Multicast: a row for each switch and each enabled router (ovn-sb(5), Datapath_Binding). */
import type { Uuid } from '@weft/ovsdb/uuid';
import { isOff } from '../boolean-option.ts';
import type { Output } from '../northd.ts';

export const datapathBindings: Output = ({ model, rows, allocations }) => {
  const desired = rows.table('sb', 'Datapath_Binding');
  const multicast = rows.table('sb', 'IP_Multicast');
  const { Logical_Switch, Logical_Router } = model.nb;

  const sink = ({ _uuid }: { readonly _uuid: Uuid }, row: object | undefined): void => {
    desired.set(_uuid, row && { load_balancers: [], ...row });
    if (row === undefined) model.datapathKeys.release(_uuid);
  };

  model.rt.forEach(
    'Datapath_Binding of switch',
    Logical_Switch,
    (ls) => {
      const ids = new Map([
        ['logical-switch', ls._uuid],
        ['name', ls.name],
      ]);
      const name2 = ls.external_ids.get('neutron:network_name');
      if (name2 !== undefined) ids.set('name2', name2);
      const transit = ls.other_config.get('interconn-ts');
      if (transit !== undefined) ids.set('interconn-ts', transit);
      const tunnel_key = model.datapathKeys.of(ls._uuid);
      return tunnel_key === undefined ? undefined : { tunnel_key, external_ids: ids };
    },
    sink,
  );

  model.rt.forEach(
    'Datapath_Binding of router',
    Logical_Router,
    (row) => {
      const lr = model.router(row);
      if (lr === undefined) return undefined;
      const ids = new Map([
        ['logical-router', row._uuid],
        ['name', row.name],
      ]);
      const name2 = row.external_ids.get('neutron:router_name');
      if (name2 !== undefined) ids.set('name2', name2);
      const zone = row.options.get('snat-ct-zone');
      if (zone !== undefined) ids.set('snat-ct-zone', zone);
      if (isOff(row.options, 'always_learn_from_arp_request')) {
        ids.set('always_learn_from_arp_request', 'false');
      }
      const tunnel_key = model.datapathKeys.of(row._uuid);
      return tunnel_key === undefined ? undefined : { tunnel_key, external_ids: ids };
    },
    sink,
  );

  // Multicast snooping is off, as it is by default: the row says so to the chassis (ovn-sb(5), IP_Multicast).
  model.rt.forEach(
    'IP_Multicast',
    Logical_Switch,
    () => true,
    ({ _uuid }, wanted) => {
      const datapath = allocations.datapath(_uuid);
      multicast.set(
        datapath,
        wanted === undefined
          ? undefined
          : {
              datapath,
              enabled: false,
              querier: true,
              eth_src: '',
              ip4_src: '',
              ip6_src: '',
              table_size: 2048,
              idle_timeout: 300,
              query_interval: 150,
              query_max_resp: 1,
            },
      );
    },
  );
};
