/** `get`: values of a record. */
import type { Atom } from '@weft/ovsdb/atom';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Command, Invocation } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import { formatAtom, formatString } from '../framework/print-value.ts';
import type { Transaction } from '../framework/transaction.ts';
import { parseColumn, parseColumnKey } from './condition.ts';
import { toReads } from './list.ts';
import { columnReader, columnType, findTable, isUuidColumn } from './names.ts';
import { parseAtom } from './parse-value.ts';
import { findRecord, mustFindRecord, recordColumns } from './record.ts';

/** `get` (ovn-nbctl(8)). */
export function getCommand<D extends DatabaseSchema>(schema: D): Command<D> {
  const parts = (invocation: Invocation) => {
    const [tableName, record, ...texts] = invocation.args as [string, string, ...string[]];
    return { table: findTable(schema, tableName), record, texts, id: invocation.options.get('--id') };
  };
  return {
    name: 'get',
    args: 'TABLE RECORD [COLUMN[:KEY]]...',
    options: ['--if-exists', '--id='],
    reads: (invocation, program) => {
      const { table, texts } = parts(invocation);
      const reads = recordColumns(program.recordNames, table.name);
      // The uuid is no column to those who ask for a key in it.
      reads.get(table.name)!.push(...texts.map((text) => parseColumn(table, text, isUuidColumn(text))));
      return toReads(reads);
    },
    summary: 'prints values of columns, or of keys in them',
    examples: ['get Address_Set as0 addresses', 'get Port_Group pg0 _uuid'],
    run: (context) => {
      const { table, record, texts, id } = parts(context as unknown as Invocation);
      const tx = context.tx as unknown as Transaction;
      const missingIsFine = context.options.has('--if-exists');
      if (id !== undefined && missingIsFine) throw new CtlError('--if-exists and --id may not be specified together');
      const row: Row | undefined = missingIsFine
        ? findRecord(tx, context.program, table.name, record)
        : mustFindRecord(tx, context.program, table.name, record);
      if (row === undefined) return;
      if (id !== undefined) {
        checkId(id);
        context.symbols.define(id, row._uuid, 'found');
      }
      for (const text of texts) {
        const { column, key, reader } = parseColumnKey(table, text, isUuidColumn(text));
        if (!reader.atEnd) throw new CtlError(`${text}: trailing garbage "${reader.rest()}" in argument`);
        const type = columnType(table, column);
        if (key === undefined) {
          context.print(formatString(type, columnReader(table, column)(row)));
          continue;
        }
        if (type.kind !== 'map') throw new CtlError(`cannot specify key to get for non-map column ${column}`);
        const value = (row[column] as ReadonlyMap<Atom, Atom>).get(parseAtom(type.key, key, context.symbols.resolve));
        if (value !== undefined) context.print(formatAtom(type.value!.type, value));
        else if (missingIsFine) context.print('');
        else throw new CtlError(`no key "${key}" in ${table.name} record "${record}" column ${column}`);
      }
    },
  };
}

/** @throws CtlError unless `id` is an `@name`. */
export function checkId(id: string): void {
  if (!id.startsWith('@')) throw new CtlError(`row id "${id}" does not begin with "@"`);
}
