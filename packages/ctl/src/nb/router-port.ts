/** Logical router ports. */
import { toSet } from '@weft/ovsdb/datum';
import { type NbRow, nb } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import type { Transaction } from '../framework/transaction.ts';
import { findTable } from '../generic/names.ts';
import { assign, parseAssignment } from '../generic/set.ts';
import { formatNetworkWithLength, parseCidr, parseMac } from '../net/address.ts';
import { findRouterPort, listByName, needRouter, needRouterPort, notFound, parseState } from './find.ts';
import type { NbCommand, NbTransaction } from './types.ts';

/** The router that has the port, or gets it by an earlier command of the line. */
export function routerOf(tx: NbTransaction, port: { readonly _uuid: string }): NbRow<'Logical_Router'> | undefined {
  return tx.willHold('Logical_Router', 'ports', port._uuid)[0];
}

function nameOf(row: NbRow<'Logical_Router'>): string {
  return row.name === '' ? row._uuid : row.name;
}

const lrpAdd: NbCommand = {
  name: 'lrp-add',
  args: 'ROUTER PORT MAC NETWORK... [COLUMN[:KEY]=VALUE]...',
  options: ['--may-exist'],
  reads: {
    Logical_Router: ['name', 'ports'],
    // Any column may be given.
    Logical_Router_Port: Object.keys(nb.tables.Logical_Router_Port.columns) as never,
  },
  summary: 'adds a port to a router, with a MAC and one or more networks',
  examples: [
    'lrp-add lr0 lr0-sw0 00:00:00:00:ff:01 192.168.1.1/24 fd00::1/64',
    'lrp-add lr0 lr0-lr1 00:00:00:00:ff:02 10.0.0.1/30 peer=lr1-lr0',
  ],
  run: ({ tx, args, options, symbols }) => {
    const [routerName, name, mac, ...rest] = args as [string, string, string, ...string[]];
    const router = needRouter(tx, routerName);
    const settingsAt = rest.findIndex((text) => text.includes('='));
    const networks = settingsAt < 0 ? rest : rest.slice(0, settingsAt);
    const settings = settingsAt < 0 ? [] : rest.slice(settingsAt);
    if (networks.length === 0) throw new CtlError(`${name}: router port requires specifying a network`);
    if (parseMac(mac) === undefined) throw new CtlError(`${name}: invalid mac address ${mac}`);
    const existing = findRouterPort(tx, name);
    if (existing !== undefined) {
      if (!options.has('--may-exist')) throw new CtlError(`${name}: a port with this name already exists`);
      checkSame(tx, router, existing, name, mac, networks, settings);
      return;
    }
    for (const network of networks) {
      if (parseCidr(network) === undefined) throw new CtlError(`${name}: invalid network address: ${network}`);
    }
    const port = tx.insert('Logical_Router_Port', { name, mac, networks: toSet(networks) as readonly string[] });
    for (const text of settings) {
      const table = findTable(nb, 'Logical_Router_Port');
      const to = parseAssignment(table, text);
      assign(tx as unknown as Transaction, table, port, to, symbols.resolve);
    }
    tx.mutateSet('Logical_Router', router._uuid, 'ports', { insert: [port] });
  },
};

/** With `--may-exist`, a port of that name must be on the same router, and be the same. */
function checkSame(
  tx: NbTransaction,
  router: NbRow<'Logical_Router'>,
  existing: NbRow<'Logical_Router_Port'>,
  name: string,
  mac: string,
  networks: readonly string[],
  settings: readonly string[],
): void {
  const owner = routerOf(tx, existing);
  if (owner === undefined || owner._uuid !== router._uuid) {
    throw new CtlError(`${name}: port already exists but in router ${owner === undefined ? '' : nameOf(owner)}`);
  }
  const theirs = parseMac(existing.mac);
  if (parseMac(mac) !== theirs) throw new CtlError(`${name}: port already exists with mac ${existing.mac}`);
  const normal = (list: readonly string[]) =>
    [...new Set(list.map((text) => formatNetworkWithLength(parseCidr(text) ?? invalidNetworks(name))))]
      .sort()
      .join(' ');
  if (normal(networks) !== normal(existing.networks)) {
    throw new CtlError(`${name}: port already exists with different network`);
  }
  const peer = settings.find((text) => text.startsWith('peer='))?.slice('peer='.length);
  if (peer !== existing.peer) throw new CtlError(`${name}: port already exists with mismatching peer`);
}

function invalidNetworks(name: string): never {
  throw new CtlError(`${name}: Invalid networks configured`);
}

const lrpDel: NbCommand = {
  name: 'lrp-del',
  args: 'PORT',
  options: ['--if-exists'],
  reads: { Logical_Router: ['ports'], Logical_Router_Port: ['name'] },
  summary: 'deletes a router port',
  examples: ['lrp-del lr0-sw0'],
  run: ({ tx, args, options }) => {
    const name = args[0]!;
    const port = findRouterPort(tx, name);
    if (port === undefined) {
      if (options.has('--if-exists')) return;
      throw new CtlError(notFound(name, 'port'));
    }
    const owner = routerOf(tx, port);
    if (owner === undefined) throw new CtlError(`port ${name} is not part of any logical router`);
    tx.mutateSet('Logical_Router', owner._uuid, 'ports', { remove: [port._uuid] });
    tx.delete('Logical_Router_Port', port._uuid);
  },
};

const lrpList: NbCommand = {
  name: 'lrp-list',
  args: 'ROUTER',
  reads: { Logical_Router: ['name', 'ports'], Logical_Router_Port: ['name'] },
  summary: 'prints the ports of a router, ordered by name',
  examples: ['lrp-list lr0'],
  run: ({ tx, args, print }) => {
    const router = needRouter(tx, args[0]!);
    for (const line of listByName(tx.many('Logical_Router_Port', router.ports))) print(line);
  },
};

const lrpSetEnabled: NbCommand = {
  name: 'lrp-set-enabled',
  args: 'PORT STATE',
  reads: { Logical_Router_Port: ['name', 'enabled'] },
  summary: 'sets the administrative state of a router port, "enabled" or "disabled"',
  examples: ['lrp-set-enabled lr0-sw0 disabled'],
  run: ({ tx, args }) => {
    const port = needRouterPort(tx, args[0]!);
    tx.update('Logical_Router_Port', port._uuid, { enabled: parseState(args[1]!) });
  },
};

const lrpGetEnabled: NbCommand = {
  name: 'lrp-get-enabled',
  args: 'PORT',
  reads: { Logical_Router_Port: ['name', 'enabled'] },
  summary: 'prints the administrative state of a router port',
  examples: ['lrp-get-enabled lr0-sw0'],
  run: ({ tx, args, print }) => print(needRouterPort(tx, args[0]!).enabled === false ? 'disabled' : 'enabled'),
};

export const routerPortCommands: readonly NbCommand[] = [lrpAdd, lrpDel, lrpList, lrpSetEnabled, lrpGetEnabled];
