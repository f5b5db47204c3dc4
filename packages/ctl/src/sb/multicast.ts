/** IP multicast: what switches have learned. */
import { CtlError } from '../framework/ctl-error.ts';
import type { Transaction } from '../framework/transaction.ts';
import { findRecord } from '../generic/record.ts';
import type { SbCommand } from './types.ts';

const flush: SbCommand = {
  name: 'ip-multicast-flush',
  args: '[SWITCH]',
  reads: { Datapath_Binding: ['external_ids'], IP_Multicast: ['datapath', 'seq_no'] },
  summary: 'has chassis forget the multicast groups that they learned, on a switch or on all',
  examples: ['ip-multicast-flush sw0'],
  run: ({ tx, args, program }) => {
    const [text] = args;
    const find = (name: string) => findRecord(tx as unknown as Transaction, program, 'Datapath_Binding', name);
    const datapath = text === undefined ? undefined : find(text);
    if (text !== undefined && datapath === undefined) throw new CtlError(`${text} is not a valid datapath`);
    const rows =
      datapath === undefined ? tx.rows('IP_Multicast') : tx.holding('IP_Multicast', 'datapath', datapath._uuid);
    for (const row of rows) {
      tx.update('IP_Multicast', row._uuid, { seq_no: row.seq_no + 1 });
    }
  },
};

export const multicastCommands: readonly SbCommand[] = [flush];
