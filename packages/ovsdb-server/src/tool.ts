/** The commands of `weft-ovsdb` that work on files and serve nothing. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { OvsdbError } from '@weft/ovsdb/error';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { readCFile, writeCFile } from './c-file.ts';
import { SqliteStore } from './store/sqlite.ts';
import { createTables } from './tables.ts';

/** Schemas that can be named instead of a file. */
export type NamedSchemas = { readonly [name: string]: () => Promise<DatabaseSchema> };

export interface Streams {
  out(text: string): void;
  err(text: string): void;
}

interface Tool {
  readonly usage: string;
  readonly args: number;
  readonly run: (args: readonly string[], streams: Streams, schemas: NamedSchemas) => void | Promise<void>;
}

const tools: { readonly [name: string]: Tool } = {
  create: {
    usage: 'create FILE SCHEMA      create a database; SCHEMA is a file, or nb, sb or vswitch',
    args: 2,
    run: async ([file = '', schema = ''], _, schemas) =>
      SqliteStore.create(file, await (schemas[schema]?.() ?? readSchema(schema))),
  },
  import: {
    usage: 'import FILE FROM        create a database with the contents of a file of ovsdb-server',
    args: 2,
    run: ([file = '', from = ''], { out, err }) => {
      const { schema, tables, transactions, damage } = readCFile(from);
      SqliteStore.create(file, schema);
      const store = SqliteStore.open(file);
      try {
        store.replace(schema, new Map([...tables].map(([name, table]) => [name, table.rows()])), randomUUID());
      } finally {
        store.close();
      }
      if (damage !== undefined) err(`${from}: ${damage}; what follows is lost`);
      const rows = [...tables.values()].reduce((sum, table) => sum + table.size, 0);
      out(`${schema.name}: ${rows} rows of ${transactions} transactions\n`);
    },
  },
  export: {
    usage: 'export FILE TO          write the contents to a new file that ovsdb-server opens',
    args: 2,
    run: ([file = '', to = '']) => {
      const store = SqliteStore.open(file, { readOnly: true });
      try {
        const { tables } = createTables(store.schema);
        store.load(tables);
        writeCFile(to, store.schema, tables, Date.now());
      } finally {
        store.close();
      }
    },
  },
  'db-name': {
    usage: 'db-name FILE            print the name of the database in FILE',
    args: 1,
    run: ([file = ''], { out }) => withSchema(file, (schema) => out(`${schema.name}\n`)),
  },
  'db-version': {
    usage: 'db-version FILE         print the version of its schema',
    args: 1,
    run: ([file = ''], { out }) => withSchema(file, (schema) => out(`${schema.version}\n`)),
  },
};

function withSchema(file: string, use: (schema: DatabaseSchema) => void): void {
  const store = SqliteStore.open(file, { readOnly: true });
  try {
    use(store.schema);
  } finally {
    store.close();
  }
}

export const toolNames: readonly string[] = Object.keys(tools);

/** Runs one; returns the exit status. */
export async function runTool(
  name: string,
  args: readonly string[],
  streams: Streams,
  schemas: NamedSchemas,
): Promise<number> {
  const tool = tools[name]!;
  if (args.length !== tool.args) {
    streams.err(`usage: weft-ovsdb ${tool.usage}`);
    return 1;
  }
  try {
    await tool.run(args, streams, schemas);
    return 0;
  } catch (error) {
    streams.err(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** Reads a schema file. Errors: `I/O error` if there is no such file, `syntax error` if it is no schema. */
function readSchema(file: string): DatabaseSchema {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new OvsdbError('I/O error', `${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  try {
    return parseSchema(JSON.parse(text));
  } catch (cause) {
    throw new OvsdbError('syntax error', `${file}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
