/** Logical switch ports. */
import { toMap, toSet } from '@weft/ovsdb/datum';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { mapOrder } from '../framework/replica-order.ts';
import { findPort, keyValues, listByName, needPort, needSwitch, notFound, parseState } from './find.ts';
import { checkAddress, checkDuplicateAddresses } from './port-addresses.ts';
import type { NbCommand, NbTransaction } from './types.ts';

/** The switch that has the port, or gets it by an earlier command of the line. */
export function switchOf(tx: NbTransaction, port: NbRow<'Logical_Switch_Port'>): NbRow<'Logical_Switch'> | undefined {
  return tx.willHold('Logical_Switch', 'ports', port._uuid)[0];
}

function nameOf(row: NbRow<'Logical_Switch'>): string {
  return row.name === '' ? row._uuid : row.name;
}

const lspAdd: NbCommand = {
  name: 'lsp-add',
  args: 'SWITCH PORT [PARENT] [TAG]',
  options: ['--may-exist'],
  reads: { Logical_Switch: ['name', 'ports'], Logical_Switch_Port: ['name', 'parent_name', 'tag_request'] },
  summary: 'adds a logical port to a switch, or one inside another port, told apart by a VLAN tag',
  examples: ['lsp-add sw0 sw0-port1', 'lsp-add sw0 container1 sw0-port1 42'],
  run: ({ tx, args, options }) => {
    const [switchName, name, parent, tagText] = args as [string, string, string?, string?];
    const row = needSwitch(tx, switchName);
    if (parent !== undefined && tagText === undefined)
      throw new CtlError('lsp-add with parent must also specify a tag');
    let tag: number | undefined;
    if (tagText !== undefined) {
      // As strtol(3) reads it: what follows the digits does not matter.
      tag = Number.parseInt(tagText, 10);
      if (!(tag >= 0 && tag <= 4095)) throw new CtlError(`${tagText}: invalid tag (must be in range 0 to 4095)`);
    }
    const existing = findPort(tx, name);
    if (existing !== undefined) {
      if (!options.has('--may-exist')) throw new CtlError(`${name}: a port with this name already exists`);
      checkSame(tx, row, existing, name, parent, tag);
      return;
    }
    const port = tx.insert('Logical_Switch_Port', { name, parent_name: parent, tag_request: tag });
    tx.mutateSet('Logical_Switch', row._uuid, 'ports', { insert: [port] });
  },
};

/** With `--may-exist`, a port of that name must be on the same switch, and have the same parent. */
function checkSame(
  tx: NbTransaction,
  row: NbRow<'Logical_Switch'>,
  existing: NbRow<'Logical_Switch_Port'>,
  name: string,
  parent: string | undefined,
  tag: number | undefined,
): void {
  const owner = switchOf(tx, existing);
  if (owner === undefined || owner._uuid !== row._uuid) {
    throw new CtlError(`${name}: port already exists but in switch ${owner === undefined ? '' : nameOf(owner)}`);
  }
  if (parent === undefined) {
    if (existing.parent_name !== undefined) {
      throw new CtlError(`${name}: port already exists but has parent ${existing.parent_name}`);
    }
    return;
  }
  if (existing.parent_name === undefined) throw new CtlError(`${name}: port already exists but has no parent`);
  if (existing.parent_name !== parent) {
    throw new CtlError(`${name}: port already exists with different parent ${existing.parent_name}`);
  }
  if (existing.tag_request === undefined) throw new CtlError(`${name}: port already exists but has no tag_request`);
  if (existing.tag_request !== tag) {
    throw new CtlError(`${name}: port already exists with different tag_request ${existing.tag_request}`);
  }
}

const lspDel: NbCommand = {
  name: 'lsp-del',
  args: 'PORT',
  options: ['--if-exists'],
  reads: { Logical_Switch: ['ports'], Logical_Switch_Port: ['name'] },
  summary: 'deletes a logical port',
  examples: ['lsp-del sw0-port1'],
  run: ({ tx, args, options }) => {
    const name = args[0]!;
    const port = findPort(tx, name);
    if (port === undefined) {
      if (options.has('--if-exists')) return;
      throw new CtlError(notFound(name, 'port'));
    }
    const owner = switchOf(tx, port);
    if (owner === undefined) throw new CtlError(`logical port ${name} is not part of any logical switch`);
    tx.mutateSet('Logical_Switch', owner._uuid, 'ports', { remove: [port._uuid] });
    tx.delete('Logical_Switch_Port', port._uuid);
  },
};

const lspList: NbCommand = {
  name: 'lsp-list',
  args: 'SWITCH',
  reads: { Logical_Switch: ['name', 'ports'], Logical_Switch_Port: ['name'] },
  summary: 'prints the logical ports of a switch, ordered by name',
  examples: ['lsp-list sw0'],
  run: ({ tx, args, print }) => {
    const row = needSwitch(tx, args[0]!);
    for (const line of listByName(tx.many('Logical_Switch_Port', row.ports))) print(line);
  },
};

const lspGetParent: NbCommand = {
  name: 'lsp-get-parent',
  args: 'PORT',
  reads: { Logical_Switch_Port: ['name', 'parent_name'] },
  summary: 'prints the parent of a port that has one',
  examples: ['lsp-get-parent container1'],
  run: ({ tx, args, print }) => {
    const { parent_name } = needPort(tx, args[0]!);
    if (parent_name !== undefined) print(parent_name);
  },
};

const lspGetTag: NbCommand = {
  name: 'lsp-get-tag',
  args: 'PORT',
  reads: { Logical_Switch_Port: ['name', 'tag'] },
  summary: 'prints the VLAN tag of a port that has one',
  examples: ['lsp-get-tag container1'],
  run: ({ tx, args, print }) => {
    const { tag } = needPort(tx, args[0]!);
    if (tag !== undefined) print(String(tag));
  },
};

const lspSetAddresses: NbCommand = {
  name: 'lsp-set-addresses',
  args: 'PORT [ADDRESS]...',
  reads: {
    Logical_Switch: ['name', 'ports'],
    Logical_Switch_Port: ['name', 'type', 'addresses', 'dynamic_addresses'],
  },
  summary: 'sets the addresses of a port: a MAC with any number of IPs, "dynamic", "unknown" or "router"',
  examples: ['lsp-set-addresses sw0-port1 "00:00:00:00:00:01 192.168.1.10"', 'lsp-set-addresses sw0-uplink unknown'],
  run: ({ tx, args }) => {
    const [name, ...addresses] = args as [string, ...string[]];
    const port = needPort(tx, name);
    const owner = switchOf(tx, port);
    for (const address of addresses) checkAddress(address);
    if (owner !== undefined) {
      for (const address of addresses) {
        checkDuplicateAddresses(owner, tx.many('Logical_Switch_Port', owner.ports), port, address);
      }
    }
    tx.update('Logical_Switch_Port', port._uuid, { addresses: toSet(addresses) as readonly string[] });
  },
};

const lspGetAddresses: NbCommand = {
  name: 'lsp-get-addresses',
  args: 'PORT',
  reads: { Logical_Switch_Port: ['name', 'addresses'] },
  summary: 'prints the addresses of a port, one per line',
  examples: ['lsp-get-addresses sw0-port1'],
  run: ({ tx, args, print }) => {
    for (const address of needPort(tx, args[0]!).addresses) print(address);
  },
};

const lspSetPortSecurity: NbCommand = {
  name: 'lsp-set-port-security',
  args: 'PORT [ADDRS]...',
  reads: { Logical_Switch_Port: ['name', 'port_security'] },
  summary: 'sets the addresses that a port may send from and receive to; none switches port security off',
  examples: ['lsp-set-port-security sw0-port1 "00:00:00:00:00:01 192.168.1.10/24"'],
  run: ({ tx, args }) => {
    const [name, ...addresses] = args as [string, ...string[]];
    const port = needPort(tx, name);
    tx.update('Logical_Switch_Port', port._uuid, { port_security: toSet(addresses) as readonly string[] });
  },
};

const lspGetPortSecurity: NbCommand = {
  name: 'lsp-get-port-security',
  args: 'PORT',
  reads: { Logical_Switch_Port: ['name', 'port_security'] },
  summary: 'prints the port security addresses of a port, one per line',
  examples: ['lsp-get-port-security sw0-port1'],
  run: ({ tx, args, print }) => {
    for (const address of needPort(tx, args[0]!).port_security) print(address);
  },
};

const lspGetUp: NbCommand = {
  name: 'lsp-get-up',
  args: 'PORT',
  reads: { Logical_Switch_Port: ['name', 'up'] },
  summary: 'prints "up" if the port is in place on some chassis, else "down"',
  examples: ['lsp-get-up sw0-port1'],
  run: ({ tx, args, print }) => print(needPort(tx, args[0]!).up === true ? 'up' : 'down'),
};

const lspSetEnabled: NbCommand = {
  name: 'lsp-set-enabled',
  args: 'PORT STATE',
  reads: { Logical_Switch_Port: ['name', 'enabled'] },
  summary: 'sets the administrative state of a port, "enabled" or "disabled"',
  examples: ['lsp-set-enabled sw0-port1 disabled'],
  run: ({ tx, args }) => {
    const port = needPort(tx, args[0]!);
    tx.update('Logical_Switch_Port', port._uuid, { enabled: parseState(args[1]!) });
  },
};

const lspGetEnabled: NbCommand = {
  name: 'lsp-get-enabled',
  args: 'PORT',
  reads: { Logical_Switch_Port: ['name', 'enabled'] },
  summary: 'prints the administrative state of a port',
  examples: ['lsp-get-enabled sw0-port1'],
  run: ({ tx, args, print }) => print(needPort(tx, args[0]!).enabled === false ? 'disabled' : 'enabled'),
};

/** ovn-nb(5), column `type` of table Logical_Switch_Port. */
const portTypes = new Set([
  '',
  'l2gateway',
  'localnet',
  'localport',
  'router',
  'vtep',
  'external',
  'virtual',
  'remote',
]);

const lspSetType: NbCommand = {
  name: 'lsp-set-type',
  args: 'PORT TYPE',
  reads: { Logical_Switch_Port: ['name', 'type'] },
  summary: 'sets the type of a port; the empty string is that of a VM',
  examples: ['lsp-set-type sw0-lr0 router'],
  run: ({ tx, args }) => {
    const [name, type] = args as [string, string];
    const port = needPort(tx, name);
    if (!portTypes.has(type))
      throw new CtlError(`Logical switch port type '${type}' is unrecognized. Not setting type.`);
    tx.update('Logical_Switch_Port', port._uuid, { type });
  },
};

const lspGetType: NbCommand = {
  name: 'lsp-get-type',
  args: 'PORT',
  reads: { Logical_Switch_Port: ['name', 'type'] },
  summary: 'prints the type of a port',
  examples: ['lsp-get-type sw0-lr0'],
  run: ({ tx, args, print }) => print(needPort(tx, args[0]!).type),
};

const lspSetOptions: NbCommand = {
  name: 'lsp-set-options',
  args: 'PORT [KEY=VALUE]...',
  reads: { Logical_Switch_Port: ['name', 'options'] },
  summary: 'sets the options of a port, all others go',
  examples: ['lsp-set-options sw0-lr0 router-port=lr0-sw0'],
  run: ({ tx, args }) => {
    const [name, ...pairs] = args as [string, ...string[]];
    const port = needPort(tx, name);
    tx.update('Logical_Switch_Port', port._uuid, { options: toMap(keyValues(pairs)) as ReadonlyMap<string, string> });
  },
};

const lspGetOptions: NbCommand = {
  name: 'lsp-get-options',
  args: 'PORT',
  reads: { Logical_Switch_Port: ['name', 'options'] },
  summary: 'prints the options of a port, one KEY=VALUE per line',
  examples: ['lsp-get-options sw0-lr0'],
  run: ({ tx, args, print }) => {
    for (const [key, value] of mapOrder(needPort(tx, args[0]!).options)) print(`${key}=${value}`);
  },
};

const lspGetLs: NbCommand = {
  name: 'lsp-get-ls',
  args: 'PORT',
  reads: { Logical_Switch: ['name', 'ports'], Logical_Switch_Port: ['name'] },
  summary: 'prints the switch that has the port',
  examples: ['lsp-get-ls sw0-port1'],
  run: ({ tx, args, print }) => {
    // Of an earlier command of the line this one does not know.
    const owners = tx.holding('Logical_Switch', 'ports', needPort(tx, args[0]!)._uuid);
    for (const owner of tx.inOrder('Logical_Switch', owners)) print(`${owner._uuid} (${owner.name})`);
  },
};

export const portCommands: readonly NbCommand[] = [
  lspAdd,
  lspDel,
  lspList,
  lspGetParent,
  lspGetTag,
  lspSetAddresses,
  lspGetAddresses,
  lspSetPortSecurity,
  lspGetPortSecurity,
  lspGetUp,
  lspSetEnabled,
  lspGetEnabled,
  lspSetType,
  lspGetType,
  lspSetOptions,
  lspGetOptions,
  lspGetLs,
];
