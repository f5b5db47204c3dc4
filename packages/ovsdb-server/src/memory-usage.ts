/** What the server holds in memory, counted as the C server counts it (ovsdb-server(1), "Memory Commands"). */
import type { Atom } from '@weft/ovsdb/atom';
import type { Datum } from '@weft/ovsdb/datum';
import type { BaseType } from '@weft/ovsdb/schema';
import type { MemoryTable } from './memory-table.ts';
import type { OvsdbServer } from './server.ts';

/**
 * The counts, and the memory of the process, as `memory/show` prints them. Atoms and weak references are counted by a look at every row, which nobody but a
 * person who asks is worth: without `inRows` they are left out.
 */
export function memoryText(server: OvsdbServer, { inRows = true } = {}): string {
  const { rss, heapUsed, external } = process.memoryUsage();
  const kB = (bytes: number): number => Math.round(bytes / 1024);
  const ofProcess = { 'buffers-kB': kB(external), 'heap-kB': kB(heapUsed), 'rss-kB': kB(rss) };
  const counts = Object.entries({ ...memoryUsage(server), ...(inRows ? countsInRows(server) : {}), ...ofProcess }).sort(
    ([a], [b]) => (a < b ? -1 : 1),
  );
  return counts.map(([name, count]) => `${name}:${count}`).join(' ');
}

/** Counts by name. Those of sessions and of the history are left out when they are 0. */
function memoryUsage(server: OvsdbServer): { readonly [name: string]: number } {
  const counts = { cells: 0, monitors: 0 };
  let transactions = 0;
  for (const name of server.databaseNames()) {
    const database = server.database(name)!;
    counts.monitors += database.monitors.size;
    transactions += database.history.length;
    for (const table of database.tables.values()) counts.cells += table.size * table.allColumns.length;
  }
  const sessions = [...server.sessions];
  const sum = (of: (session: (typeof sessions)[number]) => number): number =>
    sessions.reduce((total, session) => total + of(session), 0);
  const more = {
    sessions: sessions.length,
    triggers: sum((session) => session.waitingCount),
    backlog: sum(({ peer }) => peer.queuedBytes),
    'txn-history': transactions,
  };
  return { ...counts, ...Object.fromEntries(Object.entries(more).filter(([, count]) => count > 0)) };
}

function countsInRows(server: OvsdbServer): { readonly [name: string]: number } {
  const counts = { atoms: 0, 'n-weak-refs': 0 };
  for (const name of server.databaseNames()) {
    for (const table of server.database(name)!.tables.values()) {
      counts.atoms += atomsOf(table);
      counts['n-weak-refs'] += weakReferencesOf(table);
    }
  }
  return counts;
}

/** Keys and values, `_uuid` and `_version` among them. */
function atomsOf(table: MemoryTable): number {
  const columns = Object.keys(table.schema.columns);
  let atoms = table.size * (table.allColumns.length - columns.length);
  for (const row of table.rows()) for (const column of columns) atoms += atomCount(row[column]);
  return atoms;
}

/** A row that refers to itself does not count. */
function weakReferencesOf(table: MemoryTable): number {
  const isWeak = (base: BaseType | undefined): boolean => base?.refTable !== undefined && base.refType === 'weak';
  let count = 0;
  for (const [column, { type }] of Object.entries(table.schema.columns)) {
    const [ofKeys, ofValues] = [isWeak(type.key), isWeak(type.value)];
    if (!ofKeys && !ofValues) continue;
    for (const row of table.rows()) {
      for (const [key, value] of members(row[column])) {
        if (ofKeys && key !== row._uuid) count++;
        if (ofValues && value !== row._uuid) count++;
      }
    }
  }
  return count;
}

/** Keys, and the values of a map. */
function members(datum: Datum): Iterable<readonly [Atom, Atom?]> {
  if (datum === undefined) return [];
  if (datum instanceof Map) return datum as ReadonlyMap<Atom, Atom>;
  return Array.isArray(datum) ? (datum as readonly Atom[]).map((atom) => [atom] as const) : [[datum as Atom]];
}

function atomCount(datum: Datum): number {
  if (datum === undefined) return 0;
  if (datum instanceof Map) return 2 * datum.size;
  return Array.isArray(datum) ? datum.length : 1;
}
