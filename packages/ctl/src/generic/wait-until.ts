/** `wait-until`, which waits for another client, and `comment`, which does nothing. */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { type Command, type Invocation, NotYet } from '../framework/command.ts';
import type { Transaction } from '../framework/transaction.ts';
import { conditionTest, parseCondition } from './condition.ts';
import { toReads } from './list.ts';
import { findTable } from './names.ts';
import { findRecord, recordColumns } from './record.ts';

/** `wait-until` (ovn-nbctl(8)). */
export function waitUntilCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  const parts = (invocation: Invocation) => {
    const table = findTable(schema, invocation.args[0]!);
    return { table, conditions: invocation.args.slice(2).map((text) => parseCondition(table, text)) };
  };
  return {
    name: 'wait-until',
    args: 'TABLE RECORD [COLUMN[:KEY]=VALUE]...',
    reads: (invocation, program) => {
      const { table, conditions } = parts(invocation);
      const reads = recordColumns(program.recordNames, table.name);
      reads.get(table.name)!.push(...conditions.map(({ column }) => column));
      return toReads(reads);
    },
    summary: 'waits until a record exists and satisfies all conditions',
    examples: ['wait-until Address_Set as0', 'wait-until Connection ptcp:6641 is_connected=true'],
    run: (context) => {
      const { table, conditions } = parts(context as unknown as Invocation);
      const tests = conditions.map((condition) => conditionTest(table, condition, context.symbols.resolve));
      const row = findRecord(context.tx as unknown as Transaction, context.program, table.name, context.args[1]!);
      if (row === undefined || !tests.every((test) => test(row))) throw new NotYet();
    },
  };
}

/** `comment`, which only stands in the database’s log (ovn-nbctl(8)). */
export function commentCommand<D extends DatabaseSchema>(): Command<D> {
  return {
    name: 'comment',
    args: '[ARG]...',
    reads: {},
    summary: 'does nothing; what changes the database logs the command line with it',
    examples: ['comment moved for maintenance'],
    run: () => undefined,
  };
}
