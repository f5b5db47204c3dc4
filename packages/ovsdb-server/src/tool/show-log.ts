/** What happened to a database, as far as that is kept (ovsdb-tool(1): show-log). */
import { datumText } from '@weft/ovsdb/describe';
import { type Json, jsonText } from '@weft/ovsdb/json';
import { columnType, type DatabaseSchema } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import { decodeDatum, encodeDatum } from '@weft/ovsdb/wire';
import type { LogRecord } from '../store/log-file.ts';
import { type LoggedChange, readLogText } from '../store/logged-change.ts';
import { type Io, loadTables, type Tools, withStore } from './tool.ts';

export const logTools: Tools = {
  'show-log': {
    args: 'FILE',
    does: 'print when transactions were, and their comments; -m: what they changed; -mm: and to which values',
    run: ([file = ''], io) =>
      withStore(file, 'read', (store) => {
        const { schema } = store;
        io.out(`record 0: "${schema.name}" schema, version="${schema.version}", cksum="${schema.cksum ?? ''}"\n\n`);
        const log = new ShownLog(schema, io);
        if (io.more > 0) log.learnNames(loadTables(store, io).tables);
        for (const record of store.history()) log.show(record);
      }),
  },
};

/** Digits that a row is named by. */
const shortUuid = 8;

class ShownLog {
  readonly #schema: DatabaseSchema;
  readonly #io: Io;
  /** What people call a row: the value of its column `name`, as JSON text. */
  readonly #names = new Map<Uuid, string>();

  constructor(schema: DatabaseSchema, io: Io) {
    this.#schema = schema;
    this.#io = io;
  }

  /** Rows that came before what is kept are called by the names that they have now. */
  learnNames(tables: ReturnType<typeof loadTables>['tables']): void {
    for (const [table, { columns }] of Object.entries(this.#schema.tables)) {
      const type = columns.name?.type;
      if (type === undefined) continue;
      for (const row of tables.get(table)!.rows()) this.#names.set(row._uuid, jsonText(encodeDatum(type, row.name)));
    }
  }

  show({ sequence, changes: text }: LogRecord): void {
    const { changes, date, comment } = readLogText(text);
    const when = date === undefined ? '' : ` ${new Date(date).toISOString().replace('T', ' ').slice(0, -1)}`;
    this.#io.out(`record ${sequence}:${when}${comment === undefined ? '' : ` "${comment}"`}\n`);
    if (this.#io.more === 0) return;
    for (const change of changes) this.#showChange(change);
    this.#io.out('\n');
  }

  #showChange([table, uuid, what, columns = {}]: LoggedChange): void {
    const short = uuid.slice(0, shortUuid);
    const before = this.#names.get(uuid);
    const name = columns.name === undefined ? undefined : jsonText(columns.name);
    if (name !== undefined) this.#names.set(uuid, name);
    else if (what !== 'm') this.#names.delete(uuid);
    this.#io.out(
      what === 'i'
        ? `  table ${table} insert row ${name === undefined ? short : `${name} (${short})`}:\n`
        : `  table ${table} row ${before ?? short} (${short}) diff:\n`,
    );
    if (what === 'd') this.#io.out('    delete row\n');
    else if (this.#io.more > 1) {
      for (const [column, value] of Object.entries(columns))
        this.#io.out(`    ${column}=${this.#valueText(table, column, value)}\n`);
    }
  }

  /** A difference may have more members than the column. */
  #valueText(table: string, column: string, value: Json): string {
    const type = this.#schema.tables[table]?.columns[column]?.type;
    if (type === undefined) return jsonText(value);
    const { kind, key, value: mapped } = type;
    const unlimited = kind === 'set' || kind === 'map' ? columnType(key, mapped, 0, Number.POSITIVE_INFINITY) : type;
    return datumText(unlimited, decodeDatum(unlimited, value, { relaxed: true }));
  }
}
