/** MAC bindings that are given, not learned. */
import { CtlError } from '../framework/ctl-error.ts';
import { formatIp, parseIp, parseMac } from '../net/address.ts';
import { needRouterPort } from './find.ts';
import type { NbCommand, NbContext, NbReads } from './types.ts';

const reads: NbReads = { Logical_Router_Port: ['name'], Static_MAC_Binding: ['logical_port', 'ip', 'mac'] };

/** The binding's port as it was given, its address in its normal form, and its row if it is there. */
function findBinding({ tx, args }: NbContext) {
  const [portText, ipText] = args as [string, string];
  needRouterPort(tx, portText);
  const address = parseIp(ipText);
  if (address === undefined) throw new CtlError(`${ipText}: Not a valid IPv4 or IPv6 address.`);
  const ip = formatIp(address);
  const row = tx.holding('Static_MAC_Binding', 'logical_port', portText).find((binding) => binding.ip === ip);
  return { port: portText, ip, row };
}

const add: NbCommand = {
  name: 'static-mac-binding-add',
  args: 'LOGICAL_PORT IP MAC',
  options: ['--may-exist'],
  reads,
  summary: 'gives a router port the MAC of an IP',
  examples: ['static-mac-binding-add lr0-sw0 192.168.1.10 00:00:00:00:00:01'],
  run: (context) => {
    const { tx, args, options } = context;
    const mac = args[2]!;
    const { port, ip, row } = findBinding(context);
    if (parseMac(mac) === undefined) throw new CtlError(`invalid mac address ${mac}.`);
    if (row === undefined) {
      tx.insert('Static_MAC_Binding', { logical_port: port, ip, mac });
      return;
    }
    if (!options.has('--may-exist')) {
      throw new CtlError(`${port}, ${ip}: a Static_MAC_Binding with this logical_port and ip already exists`);
    }
    tx.update('Static_MAC_Binding', row._uuid, { mac });
  },
};

const del: NbCommand = {
  name: 'static-mac-binding-del',
  args: 'LOGICAL_PORT IP',
  options: ['--if-exists'],
  reads,
  summary: 'takes the MAC of an IP back',
  examples: ['static-mac-binding-del lr0-sw0 192.168.1.10'],
  run: (context) => {
    const { port, ip, row } = findBinding(context);
    if (row !== undefined) context.tx.delete('Static_MAC_Binding', row._uuid);
    else if (!context.options.has('--if-exists')) {
      throw new CtlError(`no matching Static_MAC_Binding with port ${port} and ip ${ip}`);
    }
  },
};

const list: NbCommand = {
  name: 'static-mac-binding-list',
  args: '',
  reads,
  summary: 'prints the static MAC bindings',
  examples: ['static-mac-binding-list'],
  run: ({ tx, print }) => {
    const lines = tx
      .all('Static_MAC_Binding')
      .map((row) => `${row.logical_port.padEnd(25)}${row.ip.padEnd(25)}${row.mac}`)
      .sort();
    if (lines.length === 0) return;
    print(`${'LOGICAL_PORT'.padEnd(25)}${'IP'.padEnd(25)}MAC`);
    for (const line of lines) print(line);
  },
};

export const staticMacBindingCommands: readonly NbCommand[] = [add, del, list];
