/** What people may have configured and this northd does not do yet: it says so, once, instead of leaving them to find out. */
import type { RowSet, TableRow } from '@weft/incremental/table';
import type { Output } from '../northd.ts';

/** Tables of which no row has an effect. */
const tables = {
  Load_Balancer: 'load balancers',
  BFD: 'BFD sessions',
  Mirror: 'mirrors',
  Copp: 'policies for control packets',
  Forwarding_Group: 'forwarding groups',
} as const;

/** Reports rows and options without effect. */
export const notSupported: Output = ({ model }) => {
  const { rt, nb } = model;
  for (const table of Object.keys(tables) as (keyof typeof tables)[]) {
    rt.forEach(
      `rows without effect: ${table}`,
      nb[table] as RowSet<TableRow>,
      () => model.problem(`${table} rows are ignored: ${tables[table]} are not supported yet`),
      () => {},
    );
  }

  const report = (row: string, map: string, options: ReadonlyMap<string, string>, keys: readonly string[]): void => {
    for (const key of keys) {
      const value = options.get(key) ?? 'false';
      if (value !== 'false') model.problem(`${row} ${map}:${key}=${value} is ignored: it is not supported yet`);
    }
  };
  rt.forEach(
    'options without effect: Logical_Switch',
    nb.Logical_Switch,
    ({ name, other_config }) => report(`Logical_Switch "${name}"`, 'other_config', other_config, ['mcast_snoop']),
    () => {},
  );
  rt.forEach(
    'options without effect: Logical_Router',
    nb.Logical_Router,
    ({ name, options }) => report(`Logical_Router "${name}"`, 'options', options, ['mcast_relay', 'lb_force_snat_ip']),
    () => {},
  );
  rt.forEach(
    'options without effect: Logical_Router_Port',
    nb.Logical_Router_Port,
    ({ name, options }) => report(`Logical_Router_Port "${name}"`, 'options', options, ['prefix_delegation']),
    () => {},
  );
};
