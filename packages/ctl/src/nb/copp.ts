/** Control plane protection: meters for the packets that go to controllers. */
import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { mapOrder } from '../framework/replica-order.ts';
import { needRouter, needSwitch } from './find.ts';
import type { NbCommand, NbReads, NbTransaction } from './types.ts';

/** ovn-nb(5), table Copp. */
const protocols = [
  'arp',
  'arp-resolve',
  'dhcpv4-opts',
  'dhcpv6-opts',
  'dns',
  'event-elb',
  'icmp4-error',
  'icmp6-error',
  'igmp',
  'nd-na',
  'nd-ns',
  'nd-ns-resolve',
  'nd-ra-opts',
  'tcp-reset',
  'bfd',
  'reject',
  'svc-monitor',
];

const reads: NbReads = { Copp: ['name', 'meters'] };

function findCopp(tx: NbTransaction, text: string): NbRow<'Copp'> | undefined {
  return tx.get('Copp', parseUuid(text)) ?? tx.holding('Copp', 'name', text)[0];
}

function needCopp(tx: NbTransaction, text: string): NbRow<'Copp'> {
  const copp = findCopp(tx, text);
  if (copp === undefined) throw new CtlError(`${text}: copp name not found`);
  return copp;
}

function checkProtocol(text: string): void {
  if (protocols.includes(text)) return;
  throw new CtlError(`Invalid control protocol. Allowed values: ${protocols.join(', ')}.`);
}

const coppAdd: NbCommand = {
  name: 'copp-add',
  args: 'NAME PROTO METER',
  reads,
  summary: 'has a policy meter the control packets of a protocol; makes the policy if it is not there',
  examples: ['copp-add copp0 arp meter0'],
  details: `PROTO is one of ${protocols.join(', ')}.`,
  run: ({ tx, args }) => {
    const [name, protocol, meter] = args as [string, string, string];
    checkProtocol(protocol);
    const uuid = findCopp(tx, name)?._uuid ?? tx.insert('Copp', { name });
    tx.mutateMap('Copp', uuid, 'meters', { insert: [[protocol, meter]] });
  },
};

const coppDel: NbCommand = {
  name: 'copp-del',
  args: 'NAME [PROTO]',
  reads,
  summary: 'deletes a policy, or the meter of one protocol in it',
  examples: ['copp-del copp0 arp', 'copp-del copp0'],
  run: ({ tx, args }) => {
    const [name, protocol] = args as [string, string?];
    if (protocol !== undefined) checkProtocol(protocol);
    const copp = findCopp(tx, name);
    if (copp === undefined) return;
    if (protocol !== undefined && copp.meters.has(protocol)) {
      tx.mutateMap('Copp', copp._uuid, 'meters', { remove: [protocol] });
    }
    // A policy that meters nothing goes too, also one that did not before.
    const others = [...copp.meters.keys()].filter((metered) => metered !== protocol);
    if (protocol === undefined || others.length === 0) tx.delete('Copp', copp._uuid);
  },
};

const coppList: NbCommand = {
  name: 'copp-list',
  args: 'NAME',
  reads,
  summary: 'prints the meters of a policy by protocol',
  examples: ['copp-list copp0'],
  run: ({ tx, args, print }) => {
    const copp = findCopp(tx, args[0]!);
    for (const [protocol, meter] of mapOrder(copp?.meters ?? new Map<string, string>())) print(`${protocol}: ${meter}`);
  },
};

const lsCoppAdd: NbCommand = {
  name: 'ls-copp-add',
  args: 'NAME SWITCH',
  reads: { ...reads, Logical_Switch: ['name', 'copp'] },
  summary: 'applies a policy to a switch',
  examples: ['ls-copp-add copp0 sw0'],
  run: ({ tx, args }) => {
    const row = needSwitch(tx, args[1]!);
    tx.update('Logical_Switch', row._uuid, { copp: needCopp(tx, args[0]!)._uuid });
  },
};

const lrCoppAdd: NbCommand = {
  name: 'lr-copp-add',
  args: 'NAME ROUTER',
  reads: { ...reads, Logical_Router: ['name', 'copp'] },
  summary: 'applies a policy to a router',
  examples: ['lr-copp-add copp0 lr0'],
  run: ({ tx, args }) => {
    const row = needRouter(tx, args[1]!);
    tx.update('Logical_Router', row._uuid, { copp: needCopp(tx, args[0]!)._uuid });
  },
};

export const coppCommands: readonly NbCommand[] = [coppAdd, coppDel, coppList, lsCoppAdd, lrCoppAdd];
