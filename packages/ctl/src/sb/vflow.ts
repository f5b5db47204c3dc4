/** `lflow-list --vflows`: the records besides logical flows from which chassis make OpenFlow flows. */
import type { SbRow } from '@weft/schemas/sb';
import { mapOrder } from '../framework/replica-order.ts';
import { datapathName } from './datapath.ts';
import type { SbContext } from './types.ts';

type Datapath = Pick<SbRow<'Datapath_Binding'>, '_uuid' | 'external_ids'>;

export const vflowReads = {
  Port_Binding: ['datapath', 'logical_port', 'tunnel_key'],
  MAC_Binding: ['datapath', 'logical_port', 'ip', 'mac'],
  Multicast_Group: ['datapath', 'name', 'tunnel_key', 'ports'],
  Chassis: ['name'],
  Load_Balancer: ['name', 'protocol', 'vips', 'datapaths', 'datapath_group'],
} as const;

/** Prints the records of a datapath, or of all, each followed by what `printSwitchFlows` has for it. */
export function printVflows(
  context: SbContext,
  only: Datapath | undefined,
  printSwitchFlows: (row: { readonly _uuid: string }) => void,
): void {
  const { tx, options, print } = context;
  const listed = ['Port_Binding', 'MAC_Binding', 'Multicast_Group', 'Chassis', 'Load_Balancer'] as const;
  const named = ['Datapath_Binding', 'Logical_DP_Group'] as const;
  tx.prefetch([
    ...listed.map((table) => ({ kind: 'all', table }) as const),
    ...named.map((table) => ({ kind: 'rows', table }) as const),
  ]);
  const uuid = (row: { readonly _uuid: string }) => (options.has('--uuid') ? `uuid=0x${row._uuid.slice(0, 8)}, ` : '');
  // The datapath is said where it is not given.
  const datapath = (of: string) => {
    if (only !== undefined) return '';
    const row = tx.get('Datapath_Binding', of);
    return `datapath=${row === undefined ? '' : datapathName(row)}, `;
  };
  const section = <R extends { readonly _uuid: string }>(
    title: string,
    rows: readonly R[],
    line: (row: R) => string,
  ) => {
    if (rows.length === 0) return;
    print('');
    print(`${title}:`);
    for (const row of rows) {
      print(line(row));
      printSwitchFlows(row);
    }
  };
  const here = (row: { readonly datapath: string }) => only === undefined || row.datapath === only._uuid;

  section(
    'Port Bindings',
    tx.all('Port_Binding').filter(here),
    (row) =>
      `  ${uuid(row)}${datapath(row.datapath)}logical_port=${row.logical_port}, tunnel_key=${String(row.tunnel_key).padEnd(5)}`,
  );
  section(
    'MAC Bindings',
    tx.all('MAC_Binding').filter(here),
    (row) => `  ${uuid(row)}${datapath(row.datapath)}logical_port=${row.logical_port}, ip=${row.ip}, mac=${row.mac}`,
  );
  section('MC Groups', tx.all('Multicast_Group').filter(here), (row) => {
    const ports = tx.many('Port_Binding', row.ports).map((port) => port.logical_port);
    return `  ${uuid(row)}${datapath(row.datapath)}name=${row.name}, tunnel_key=${row.tunnel_key}, ports=(${ports.join(', ')})`;
  });
  section('Chassis', tx.all('Chassis'), (row) => `  ${uuid(row)}name=${row.name}`);
  const balancers: string[] = [];
  for (const row of tx.all('Load_Balancer')) {
    const datapaths = [...row.datapaths, ...(tx.get('Logical_DP_Group', row.datapath_group)?.datapaths ?? [])];
    if (only !== undefined && !datapaths.includes(only._uuid)) continue;
    // The C program prints a protocol that is not set in this way.
    const protocol = row.protocol ?? '(null)';
    balancers.push(
      `  ${uuid(row)}name="${row.name}", protocol="${protocol}", ${datapaths.map(datapath).join('')}`,
      '  vips:',
    );
    for (const [vip, ips] of mapOrder(row.vips)) balancers.push(`    ${vip} = ${ips}`);
    balancers.push('');
  }
  if (balancers.length === 0) return;
  print('');
  print('Load Balancers:');
  for (const line of balancers) print(line);
}
