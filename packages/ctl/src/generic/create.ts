/** `create` and `destroy`: whole records. */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseUuid } from '@weft/ovsdb/uuid';
import type { Command, Invocation } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import type { Transaction } from '../framework/transaction.ts';
import { checkId } from './get.ts';
import { toReads } from './list.ts';
import { findTable } from './names.ts';
import { findRecord, mustFindRecord, recordColumns } from './record.ts';
import { assign, parseAssignment } from './set.ts';

/** `create` (ovn-nbctl(8)). */
export function createCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  const tableOf = (invocation: Invocation) => findTable(schema, invocation.args[0]!);
  return {
    name: 'create',
    args: 'TABLE COLUMN[:KEY]=VALUE...',
    options: ['--id='],
    reads: (invocation) => toReads(new Map([[tableOf(invocation).name, []]])),
    summary: 'creates a record and prints its uuid',
    examples: ['create Address_Set name=as0', '--id=f81d4fae-7dec-11d0-a765-00a0c91e6bf6 create Address_Set name=as1'],
    warning: (invocation) => {
      const table = tableOf(invocation);
      if (invocation.options.has('--id') || table.schema.isRoot) return undefined;
      return `applying "create" command to table ${table.name} without --id option will have no effect`;
    },
    run: (context) => {
      const table = tableOf(context as unknown as Invocation);
      const tx = context.tx as unknown as Transaction;
      const id = context.options.get('--id');
      const fixed = id === undefined ? undefined : parseUuid(id);
      if (id !== undefined && fixed === undefined) checkId(id);
      const promised = id === undefined || fixed !== undefined ? undefined : context.symbols.promised(id);
      const given = fixed ?? promised;
      const uuid = tx.insert(table.name, {}, given === undefined ? {} : { uuid: given, fixed: fixed !== undefined });
      if (id !== undefined && fixed === undefined)
        context.symbols.define(id, uuid, table.schema.isRoot ? 'created as root' : 'created');
      for (const text of context.args.slice(1)) {
        assign(tx, table, uuid, parseAssignment(table, text), context.symbols.resolve);
      }
      context.write((uuidOf) => `${uuidOf(uuid)}\n`);
    },
  };
}

/** `destroy` (ovn-nbctl(8)). */
export function destroyCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  return {
    name: 'destroy',
    args: 'TABLE [RECORD]...',
    options: ['--if-exists', '--all'],
    reads: (invocation, program) =>
      toReads(recordColumns(program.recordNames, findTable(schema, invocation.args[0]!).name)),
    summary: 'deletes records',
    examples: ['destroy Address_Set as0', '--all destroy DHCP_Options'],
    run: (context) => {
      const table = findTable(schema, context.args[0]!);
      const tx = context.tx as unknown as Transaction;
      const records = context.args.slice(1);
      const all = context.options.has('--all');
      if (all && records.length > 0) throw new CtlError('--all and records argument should not be specified together');
      if (all && context.options.has('--if-exists')) {
        throw new CtlError('--all and --if-exists should not be specified together');
      }
      if (all) {
        for (const row of tx.rows(table.name)) tx.delete(table.name, row._uuid);
        return;
      }
      if (records.length === 0) {
        context.warn('either --all or records argument should be specified', 'db_ctl_base');
        return;
      }
      for (const record of records) {
        const row = context.options.has('--if-exists')
          ? findRecord(tx, context.program, table.name, record)
          : mustFindRecord(tx, context.program, table.name, record);
        if (row !== undefined) tx.delete(table.name, row._uuid);
      }
    },
  };
}
