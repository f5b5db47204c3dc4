/** What the `_Server` database says of one database (ovsdb-server(5)), and whether that server is the one to use. */
import { isObject, type Json, type JsonObject } from '@weft/ovsdb/json';
import { boolean, column, database, integer, optional, type RowOf, string, table, uuid } from '@weft/ovsdb/schema';

export const serverSchema = database('_Server', '1.2.0', {
  Database: table({
    name: column(string()),
    model: column(string()),
    schema: optional(string()),
    connected: column(boolean()),
    leader: column(boolean()),
    cid: optional(uuid()),
    sid: optional(uuid()),
    index: optional(integer()),
  }),
});

export type DatabaseStatus = RowOf<typeof serverSchema, 'Database'>;

export interface Wanted {
  readonly database: string;
  /** In a cluster, only the leader will do. */
  readonly leaderOnly: boolean;
  /** Only a member of this cluster will do. */
  readonly cid?: string;
  /** Highest `index` seen: a server behind it would show the past. */
  readonly minIndex: number;
}

/** Why this server cannot be used for the database; undefined if it can. */
export function whyNot(status: DatabaseStatus | undefined, wanted: Wanted): string | undefined {
  if (status === undefined) return `server does not have database ${wanted.database}`;
  if (wanted.cid !== undefined && status.cid !== undefined && !status.cid.startsWith(wanted.cid)) {
    return `server's cluster ID is ${status.cid}, not ${wanted.cid}`;
  }
  if (status.schema === undefined) return 'database server has not joined its cluster or reached its relay source yet';
  if (!status.connected) return 'database server is disconnected from its storage or cluster';
  if (wanted.leaderOnly && status.model === 'clustered' && !status.leader) return 'server is not the cluster leader';
  if (status.model === 'clustered' && (status.index ?? 0) < wanted.minIndex) return 'server has stale data';
  return undefined;
}

/** The tables and columns that a server has: an older or newer one differs from ours. */
export type ServerTables = ReadonlyMap<string, ReadonlySet<string>>;

/** Reads the names out of a schema in JSON (RFC 7047 section 3.2). */
export function tablesOf(schema: Json): ServerTables {
  const tables = new Map<string, ReadonlySet<string>>();
  const all: Json | undefined = isObject(schema) ? schema.tables : undefined;
  if (!isObject(all)) return tables;
  for (const [name, json] of Object.entries(all)) {
    const columns: JsonObject = isObject(json) && isObject(json.columns) ? json.columns : {};
    tables.set(name, new Set(Object.keys(columns)));
  }
  return tables;
}
