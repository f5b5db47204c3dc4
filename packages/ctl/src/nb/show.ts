/** The overview of switches and routers. */
import type { NbRow } from '@weft/schemas/nb';
import { findRouter, findSwitch } from './find.ts';
import type { NbCommand, NbContext } from './types.ts';

type Print = NbContext['print'];

const shownColumns = {
  Logical_Switch: ['name', 'ports', 'external_ids'],
  Logical_Switch_Port: ['name', 'type', 'parent_name', 'tag', 'addresses', 'options', 'external_ids'],
  Logical_Router: ['name', 'ports', 'nat', 'external_ids'],
  Logical_Router_Port: ['name', 'mac', 'networks', 'gateway_chassis'],
  Gateway_Chassis: ['chassis_name'],
  NAT: ['external_ip', 'external_port_range', 'logical_ip', 'type'],
} as const;
const shown = Object.keys(shownColumns) as (keyof typeof shownColumns)[];

const show: NbCommand = {
  name: 'show',
  args: '[SWITCH]',
  reads: shownColumns,
  summary: 'prints an overview of the switches and routers, or of the one named',
  examples: ['show', 'show sw0'],
  run: (context) => {
    const { tx, args } = context;
    const name = args[0];
    if (name === undefined) {
      // All that is shown, at once.
      const ordered = ['Logical_Switch', 'Logical_Router'];
      tx.prefetch(shown.map((table) => ({ kind: ordered.includes(table) ? 'all' : 'rows', table })));
      for (const row of tx.all('Logical_Switch')) showSwitch(context, row);
      for (const row of tx.all('Logical_Router')) showRouter(context, row);
      return;
    }
    const row = findSwitch(tx, name);
    if (row !== undefined) showSwitch(context, row);
    const router = findRouter(tx, name);
    if (router !== undefined) showRouter(context, router);
  },
};

/** The names by which OpenStack's networking knows things (ovn-nb(5), `external_ids`). */
function aliases(externalIds: ReadonlyMap<string, string>, keys: readonly string[]): string {
  if (externalIds.size === 0) return '';
  return keys
    .map((key) => externalIds.get(key) ?? '')
    .filter((alias) => alias !== '')
    .map((alias) => ` (aka ${alias})`)
    .join('');
}

function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => `"${value}"`).join(', ')}]`;
}

function showSwitch({ tx, print }: NbContext, row: NbRow<'Logical_Switch'>): void {
  print(`switch ${row._uuid} (${row.name})${aliases(row.external_ids, ['neutron:network_name'])}`);
  for (const port of tx.many('Logical_Switch_Port', row.ports)) showPort(print, port);
}

function showPort(print: Print, port: NbRow<'Logical_Switch_Port'>): void {
  print(`    port ${port.name}${aliases(port.external_ids, ['neutron:port_name'])}`);
  if (port.type !== '') print(`        type: ${port.type}`);
  if (port.parent_name !== undefined) print(`        parent: ${port.parent_name}`);
  if (port.tag !== undefined) print(`        tag: ${port.tag}`);
  // A port to a router has the addresses of the port there.
  const inherited = port.addresses.length === 1 && port.addresses[0] === 'router';
  if (port.addresses.length > 0 && !inherited) print(`        addresses: ${quotedList(port.addresses)}`);
  const peer = port.options.get('router-port');
  if (peer !== undefined) print(`        router-port: ${peer}`);
}

function showRouter({ tx, print }: NbContext, row: NbRow<'Logical_Router'>): void {
  print(`router ${row._uuid} (${row.name})${aliases(row.external_ids, ['neutron:router_name'])}`);
  for (const port of tx.many('Logical_Router_Port', row.ports)) {
    print(`    port ${port.name}`);
    print(`        mac: "${port.mac}"`);
    if (port.networks.length > 0) print(`        networks: ${quotedList(port.networks)}`);
    const chassis = tx.many('Gateway_Chassis', port.gateway_chassis);
    if (chassis.length > 0)
      print(`        gateway chassis: [${chassis.map((gateway) => gateway.chassis_name).join(' ')}]`);
  }
  for (const nat of tx.many('NAT', row.nat)) {
    print(`    nat ${nat._uuid}`);
    print(`        external ip: "${nat.external_ip}"`);
    if (nat.external_port_range !== '') print(`        external port(s): "${nat.external_port_range}"`);
    print(`        logical ip: "${nat.logical_ip}"`);
    print(`        type: "${nat.type}"`);
  }
}

export const showCommands: readonly NbCommand[] = [show];
