/** `list` and `find`: records as a table. */
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Command, Context, Invocation, ProgramFacts, Reads } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import type { Table } from '../framework/table.ts';
import type { Transaction } from '../framework/transaction.ts';
import { conditionQuery, conditionTest, parseCondition } from './condition.ts';
import { columnReader, columnsOf, columnType, findColumn, findTable, isStored, type NamedTable } from './names.ts';
import { findRecord, mustFindRecord, recordColumns } from './record.ts';

/** The columns to show: those of `--columns`, or all in alphabetical order. */
function shownColumns(table: NamedTable, option: string | undefined): readonly string[] {
  if (option === undefined) return ['_uuid', ...columnsOf(table)];
  const names = option.split(/[, ]/).filter((name) => name !== '');
  if (names.length === 0) throw new CtlError('must specify at least one column name');
  return names.map((name) => findColumn(table, name, true));
}

function tableOf(table: NamedTable, columns: readonly string[], rows: readonly Row[]): Table {
  return {
    columns: columns.map((column) => ({
      heading: column,
      type: columnType(table, column),
      value: columnReader(table, column),
    })),
    rows,
  };
}

/** Columns of a table, with those that name its records: the C programs replicate these too, records or not. */
function withNames(program: ProgramFacts, { name }: NamedTable, columns: readonly string[]): Map<string, string[]> {
  const reads = recordColumns(program.recordNames, name);
  return reads.set(name, [...(reads.get(name) ?? []), ...columns]);
}

/** The reads of a command, from columns by table. */
export function toReads<D extends DatabaseSchema>(columns: ReadonlyMap<string, readonly string[]>): Reads<D> {
  const reads: { [table: string]: readonly string[] } = {};
  for (const [table, names] of columns) reads[table] = names.filter((name) => isStored(table, name));
  return reads as Reads<D>;
}

/** `list` (ovn-nbctl(8)). */
export function listCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  const parts = (invocation: Invocation) => {
    const table = findTable(schema, invocation.args[0]!);
    return { table, columns: shownColumns(table, invocation.options.get('--columns')) };
  };
  return {
    name: 'list',
    args: 'TABLE [RECORD]...',
    options: ['--if-exists', '--columns='],
    reads: (invocation, program) => {
      const { table, columns } = parts(invocation);
      return toReads(withNames(program, table, columns));
    },
    summary: 'lists the records of a table, or the given ones',
    examples: ['--columns=name,addresses list Address_Set', 'list Meter m0'],
    run: (context) => {
      const { table, columns } = parts(context as unknown as Invocation);
      const tx = context.tx as unknown as Transaction;
      const records = context.args.slice(1);
      let rows: readonly Row[];
      if (records.length === 0) rows = tx.select({ kind: 'all', table: table.name });
      else if (context.options.has('--if-exists')) {
        rows = records.flatMap((record) => findRecord(tx, context.program, table.name, record) ?? []);
      } else rows = records.map((record) => mustFindRecord(tx, context.program, table.name, record));
      context.table(tableOf(table, columns, rows));
    },
  };
}

/** `find` (ovn-nbctl(8)). */
export function findCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  const parts = (invocation: Invocation) => {
    const table = findTable(schema, invocation.args[0]!);
    const columns = shownColumns(table, invocation.options.get('--columns'));
    return { table, columns, conditions: invocation.args.slice(1).map((text) => parseCondition(table, text)) };
  };
  return {
    name: 'find',
    args: 'TABLE [COLUMN[:KEY]=VALUE]...',
    options: ['--columns='],
    reads: (invocation: Invocation, program: ProgramFacts) => {
      const { table, columns, conditions } = parts(invocation);
      return toReads(withNames(program, table, [...columns, ...conditions.map(({ column }) => column)]));
    },
    summary: 'lists the records whose columns satisfy all conditions',
    examples: ['find Port_Group name=pg0', '--columns=target find Connection inactivity_probe!=0'],
    run: (context: Context<D>) => {
      const { table, columns, conditions } = parts(context as unknown as Invocation);
      const tx = context.tx as unknown as Transaction;
      const resolve = context.symbols.resolve;
      const tests = conditions.map((condition) => conditionTest(table, condition, resolve));
      const query = conditionQuery(table, conditions);
      const found = tx.select(query).filter((row) => tests.every((test) => test(row)));
      // All rows come in their order.
      context.table(tableOf(table, columns, query.kind === 'all' ? found : tx.inOrder(table.name, found)));
    },
  };
}
