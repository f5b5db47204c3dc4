/** Mirrors, and the ports that they copy. */
import { CtlError } from '../framework/ctl-error.ts';
import { inNameOrder } from '../framework/replica-order.ts';
import { parseIp } from '../net/address.ts';
import { needPort } from './find.ts';
import type { NbCommand, NbTransaction } from './types.ts';

const mirrorAdd: NbCommand = {
  name: 'mirror-add',
  args: 'NAME TYPE INDEX FILTER IP',
  options: ['--may-exist'],
  reads: { Mirror: ['name'] },
  summary: 'adds a mirror: a gre or erspan tunnel to an IP, for packets from-lport or to-lport',
  examples: ['mirror-add m0 gre 1 from-lport 10.10.10.1'],
  run: ({ tx, args }) => {
    const [name, type, indexText, filter, sink] = args as [string, string, string, string, string];
    if (tx.holding('Mirror', 'name', name).length > 0) throw new CtlError(`Mirror with ${name} name already exists.`);
    if (type !== 'gre' && type !== 'erspan') throw new CtlError(`${type}: type must be "gre" or "erspan"`);
    if (!/^\s*[+-]?\d+$/.test(indexText)) throw new CtlError('Invalid Index');
    if (!/^[tf]/.test(filter)) throw new CtlError(`${filter}: selection must be "to-lport" or "from-lport"`);
    if (parseIp(sink) === undefined) throw new CtlError(`Invalid sink ip: ${sink}`);
    tx.insert('Mirror', {
      name,
      type,
      index: Number(indexText),
      filter: filter.startsWith('t') ? 'to-lport' : 'from-lport',
      sink,
    });
  },
};

const mirrorDel: NbCommand = {
  name: 'mirror-del',
  args: '[NAME]',
  reads: { Mirror: ['name'] },
  summary: 'deletes a mirror, or all',
  examples: ['mirror-del m0'],
  run: ({ tx, args: [name] }) => {
    const mirrors = name === undefined ? tx.rows('Mirror') : tx.holding('Mirror', 'name', name);
    for (const mirror of mirrors) tx.delete('Mirror', mirror._uuid);
  },
};

const mirrorList: NbCommand = {
  name: 'mirror-list',
  args: '',
  reads: { Mirror: ['name', 'type', 'sink', 'filter', 'index'] },
  summary: 'prints the mirrors',
  examples: ['mirror-list'],
  run: ({ tx, print }) => {
    for (const mirror of inNameOrder(tx.all('Mirror'), (row) => row.name)) {
      print(`${mirror.name}:`);
      print(`  Type     :  ${mirror.type}`);
      print(`  Sink     :  ${mirror.sink}`);
      print(`  Filter   :  ${mirror.filter}`);
      print(`  Index/Key:  ${mirror.index}`);
      print('');
    }
  },
};

function needMirror(tx: NbTransaction, name: string): { readonly _uuid: string } {
  const mirror = tx.holding('Mirror', 'name', name)[0];
  if (mirror === undefined) throw new CtlError(`${name}: mirror name not found`);
  return mirror;
}

const lspAttachMirror: NbCommand = {
  name: 'lsp-attach-mirror',
  args: 'PORT MIRROR',
  options: ['--may-exist'],
  reads: { Mirror: ['name'], Logical_Switch_Port: ['name', 'mirror_rules'] },
  summary: 'has a mirror copy the packets of a port',
  examples: ['lsp-attach-mirror sw0-port1 m0'],
  run: ({ tx, args, options }) => {
    const [portName, mirrorName] = args as [string, string];
    const port = needPort(tx, portName);
    const mirror = needMirror(tx, mirrorName);
    if (port.mirror_rules.includes(mirror._uuid)) {
      if (options.has('--may-exist')) return;
      throw new CtlError(`mirror ${mirrorName} is already attached to the logical port ${portName}.`);
    }
    tx.mutateSet('Logical_Switch_Port', port._uuid, 'mirror_rules', { insert: [mirror._uuid] });
  },
};

const lspDetachMirror: NbCommand = {
  name: 'lsp-detach-mirror',
  args: 'PORT MIRROR',
  reads: { Mirror: ['name'], Logical_Switch_Port: ['name', 'mirror_rules'] },
  summary: 'has a mirror copy the packets of a port no longer',
  examples: ['lsp-detach-mirror sw0-port1 m0'],
  run: ({ tx, args }) => {
    const [portName, mirrorName] = args as [string, string];
    const port = needPort(tx, portName);
    const mirror = needMirror(tx, mirrorName);
    tx.mutateSet('Logical_Switch_Port', port._uuid, 'mirror_rules', { remove: [mirror._uuid] });
  },
};

export const mirrorCommands: readonly NbCommand[] = [mirrorAdd, mirrorDel, mirrorList];
export const portMirrorCommands: readonly NbCommand[] = [lspAttachMirror, lspDetachMirror];
