/** Commands that make database files, or make them anew (ovsdb-tool(1): create, convert, needs-conversion, compact). */
import { randomUUID } from 'node:crypto';
import { canonicalText } from '@weft/ovsdb/json';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import type { Uuid } from '@weft/ovsdb/uuid';
import { readCFile, writeCFile } from '../c-file.ts';
import { convert } from '../convert.ts';
import type { MemoryTable } from '../memory-table.ts';
import { makeFile } from '../new-file.ts';
import { SqliteStore } from '../store/sqlite.ts';
import { loadTables, type Tools, withStore } from './tool.ts';

export const fileTools: Tools = {
  create: {
    args: 'FILE SCHEMA',
    does: 'create a database; SCHEMA is a file, or nb, sb or vswitch',
    run: async ([file = '', schema = ''], io) => SqliteStore.create(file, await io.schema(schema)),
  },
  import: {
    args: 'FILE FROM',
    does: 'create a database with the contents of a file of ovsdb-server',
    run: ([file = '', from = ''], { out, err }) => {
      const { schema, tables, transactions, damage } = readCFile(from);
      createWith(file, schema, tables, randomUUID(), 'imported by weft-ovsdb');
      if (damage !== undefined) err(`${from}: ${damage}; what follows is lost`);
      const rows = [...tables.values()].reduce((sum, table) => sum + table.size, 0);
      out(`${schema.name}: ${rows} rows of ${transactions} transactions\n`);
    },
  },
  export: {
    args: 'FILE TO',
    does: 'write the contents to a new file that ovsdb-server opens',
    run: ([file = '', to = ''], io) =>
      withStore(file, 'read', (store) => writeCFile(to, store.schema, loadTables(store, io).tables, Date.now())),
  },
  compact: {
    args: 'FILE [TO]',
    does: 'give back the room that old data takes, in FILE or in a new file',
    run: ([file = '', to], io) =>
      withStore(file, to === undefined ? 'write' : 'read', (store) => {
        const { tables, loaded } = loadTables(store, io);
        if (to === undefined) store.compact();
        else createWith(to, store.schema, tables, loaded.lastId, 'compacted by weft-ovsdb');
      }),
  },
  convert: {
    args: 'FILE SCHEMA [TO]',
    does: 'put the contents under another schema, in FILE or in a new file',
    run: async ([file = '', name = '', to], io) => {
      const schema = await io.schema(name);
      withStore(file, to === undefined ? 'write' : 'read', (store) => {
        const { tables } = convert(loadTables(store, io).tables, schema);
        if (to === undefined) store.replace(schema, rowsOf(tables), randomUUID(), 'converted by weft-ovsdb');
        else createWith(to, schema, tables, randomUUID(), 'converted by weft-ovsdb');
      });
    },
  },
  'needs-conversion': {
    args: 'FILE SCHEMA',
    does: 'print "yes" if the schema in FILE is another one, else "no"',
    run: async ([file = '', name = ''], io) => {
      const schema = text(await io.schema(name));
      io.out(withStore(file, 'read', (store) => (text(store.schema) === schema ? 'no\n' : 'yes\n')));
    },
  },
};

function text(schema: DatabaseSchema): string {
  return canonicalText(schemaToJson(schema));
}

function rowsOf(tables: ReadonlyMap<string, MemoryTable>) {
  return new Map([...tables].map(([name, table]) => [name, table.rows()] as const));
}

/** A new database file. `id` names its state; `comment` says where it comes from. */
function createWith(
  file: string,
  schema: DatabaseSchema,
  tables: ReadonlyMap<string, MemoryTable>,
  id: Uuid,
  comment: string,
): void {
  makeFile(file, (unfinished) => {
    SqliteStore.create(unfinished, schema);
    withStore(unfinished, 'write', (store) => store.replace(schema, rowsOf(tables), id, comment));
  });
}
