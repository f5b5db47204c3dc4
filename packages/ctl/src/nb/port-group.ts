/** Port groups. */
import { toSet } from '@weft/ovsdb/datum';
import { CtlError } from '../framework/ctl-error.ts';
import { findPortGroup, needPort, notFound } from './find.ts';
import type { NbCommand, NbTransaction } from './types.ts';

function ports(tx: NbTransaction, names: readonly string[]): readonly string[] {
  return toSet(names.map((name) => needPort(tx, name)._uuid)) as readonly string[];
}

const pgAdd: NbCommand = {
  name: 'pg-add',
  args: 'PG [PORT]...',
  reads: { Port_Group: ['name'], Logical_Switch_Port: ['name'] },
  summary: 'adds a port group',
  examples: ['pg-add pg0 sw0-port1 sw0-port2'],
  run: ({ tx, args }) => {
    const [name, ...names] = args as [string, ...string[]];
    tx.insert('Port_Group', { name, ports: ports(tx, names) });
  },
};

const pgSetPorts: NbCommand = {
  name: 'pg-set-ports',
  args: 'PG PORT...',
  reads: { Port_Group: ['name', 'ports'], Logical_Switch_Port: ['name'] },
  summary: 'sets the ports of a port group',
  examples: ['pg-set-ports pg0 sw0-port1'],
  run: ({ tx, args }) => {
    const [name, ...names] = args as [string, ...string[]];
    const group = findPortGroup(tx, name);
    if (group === undefined) throw new CtlError(notFound(name, 'port group'));
    tx.update('Port_Group', group._uuid, { ports: ports(tx, names) });
  },
};

const pgDel: NbCommand = {
  name: 'pg-del',
  args: 'PG',
  reads: { Port_Group: ['name'] },
  summary: 'deletes a port group',
  examples: ['pg-del pg0'],
  run: ({ tx, args }) => {
    const group = findPortGroup(tx, args[0]!);
    if (group === undefined) throw new CtlError(notFound(args[0]!, 'port group'));
    tx.delete('Port_Group', group._uuid);
  },
};

export const portGroupCommands: readonly NbCommand[] = [pgAdd, pgSetPorts, pgDel];
