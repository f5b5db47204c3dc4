/** Makes a history of concurrent transactions against a server that is killed and started again, as `serial-order` checks it. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { Random } from '../../interop/database/random-transactions.ts';
import type { Transaction, Witness } from './serial-order.ts';
import { ServerProcess } from './server-process.ts';

export interface HistoryOptions {
  readonly program: string;
  readonly folder: string;
  /** So many are to be answered, over all lives. */
  readonly transactions: number;
  readonly lives: number;
  readonly clients: number;
  readonly seed?: number;
}

export interface History {
  readonly initial: ReadonlyMap<string, number>;
  readonly transactions: readonly Transaction[];
  readonly final: ReadonlyMap<string, number>;
  readonly witnesses: readonly Witness[];
  /** Registers that were written because all that had been read was still the same. */
  readonly swaps: number;
  /** Transactions that failed because another one was faster. */
  readonly conflicts: number;
  readonly lives: number;
}

const schema = database('History', '1.0.0', {
  Register: table(
    { name: column(string()), version: column(integer()), writer: column(string()) },
    { isRoot: true, indexes: [['name']] },
  ),
  /** A row that is there has version 1, one that is not yet there version 0. */
  Claim: table({ name: column(string()), writer: column(string()) }, { isRoot: true, indexes: [['name']] }),
});

/** A `wait` with a timeout of 0, and the unique index. */
const expectedErrors: ReadonlySet<string> = new Set(['timed out', 'constraint violation']);

const registers = Array.from({ length: 5 }, (_, i) => `r${i}`);
const readOne = (name: string): Json => ({
  op: 'select',
  table: 'Register',
  where: [['name', '==', name]],
  columns: ['version', 'writer'],
});

interface Result {
  readonly error?: string;
  readonly count?: number;
  readonly rows?: readonly { readonly version: number; readonly writer: string }[];
}

/** Takes the testimony of a result of `readOne`. Returns the version that was read. */
type Hear = (item: string, result: Result) => number;

/** One transaction to try: what it sends, and what its results say. */
interface Attempt {
  readonly operations: readonly Json[];
  readonly writes: readonly string[];
  /** Versions that it wrote, if it is committed; undefined if it lost to another. */
  read(results: readonly Result[]): { reads: [string, number][]; writes: [string, number][] } | undefined;
}

/** Writes one register, if all are still what they were when they were read by another transaction. */
function compareAndSet(names: readonly string[], versions: readonly number[], id: string): Attempt {
  const target = names[0]!;
  const waits = names.map((name, i) => ({
    op: 'wait',
    table: 'Register',
    where: [['name', '==', name]],
    columns: ['version'],
    until: '==',
    rows: [{ version: versions[i]! }],
    timeout: 0,
  }));
  const row = { version: versions[0]! + 1, writer: id };
  return {
    operations: [...waits, { op: 'update', table: 'Register', where: [['name', '==', target]], row }],
    writes: [target],
    read: (results) =>
      results.some((result) => result?.error !== undefined)
        ? undefined
        : { reads: names.map((name, i) => [name, versions[i]!]), writes: [[target, versions[0]! + 1]] },
  };
}

/** Increments some registers and reads others, all in one transaction. */
function increment(names: readonly string[], others: readonly string[], id: string, hear: Hear): Attempt {
  const operations = names.flatMap((name): Json[] => [
    readOne(name),
    { op: 'mutate', table: 'Register', where: [['name', '==', name]], mutations: [['version', '+=', 1]] },
    { op: 'update', table: 'Register', where: [['name', '==', name]], row: { writer: id } },
    readOne(name),
  ]);
  return {
    operations: [...operations, ...others.map(readOne)],
    writes: names,
    read: (results) => {
      const at = (name: string, i: number): [string, number] => [name, hear(name, results[i]!)];
      return {
        reads: [...names.map((name, i) => at(name, i * 4)), ...others.map((name, i) => at(name, names.length * 4 + i))],
        writes: names.map((name, i) => at(name, i * 4 + 3)),
      };
    },
  };
}

/** Claims a name that nobody may have yet, and increments a register if that works. */
function claim(name: string, register: string, id: string, hear: Hear): Attempt {
  const item = `claim ${name}`;
  return {
    operations: [
      { op: 'insert', table: 'Claim', row: { name, writer: id } },
      readOne(register),
      { op: 'update', table: 'Register', where: [['name', '==', register]], row: { writer: id } },
      { op: 'mutate', table: 'Register', where: [['name', '==', register]], mutations: [['version', '+=', 1]] },
      readOne(register),
    ],
    writes: [item, register],
    read: (results) => {
      // The unique index is checked at the end, and has a result of its own then.
      if (results.some((result) => result?.error !== undefined)) return { reads: [[item, 1]], writes: [] };
      return {
        reads: [
          [item, 0],
          [register, hear(register, results[1]!)],
        ],
        writes: [
          [item, 1],
          [register, hear(register, results[4]!)],
        ],
      };
    },
  };
}

export async function runHistory(options: HistoryOptions): Promise<History> {
  const file = join(options.folder, 'history.db');
  const socket = join(options.folder, 'history.sock');
  rmSync(file, { force: true });
  SqliteStore.create(file, schema);
  const random = new Random(options.seed ?? 1);
  const pick = (count: number): string[] =>
    registers
      .map((name) => ({ name, key: random.below(1_000_000) }))
      .sort((a, b) => a.key - b.key)
      .slice(0, count)
      .map(({ name }) => name);
  const initial = new Map(registers.map((name) => [name, 0]));
  const transactions: Transaction[] = [];
  const witnesses: Witness[] = [];
  const hear: Hear = (item, { rows }) => {
    const { version, writer } = rows![0]!;
    // Nobody wrote what was there at the beginning.
    if (version > 0) witnesses.push({ item, version, writer });
    return version;
  };
  let tick = 0;
  let swaps = 0;
  let conflicts = 0;
  let answered = 0;
  let number = 0;
  let claims = 0;

  const client = async (server: ServerProcess, until: number): Promise<void> => {
    const peer = await server.connect();
    while (answered < until) {
      const id = `T${++number}`;
      let attempt: Attempt;
      const kind = random.below(3);
      let start = ++tick;
      try {
        if (kind === 0) {
          const names = pick(2 + random.below(2));
          const seen = await peer.call('transact', ['History', ...names.map(readOne)]);
          // The reading is a transaction of the history too, whatever becomes of the writing.
          const versions = names.map((name, i) => hear(name, (seen as unknown as readonly Result[])[i]!));
          const reads = new Map(names.map((name, i) => [name, versions[i]!]));
          transactions.push({ id: `${id} reading`, reads, writes: new Map(), start, end: ++tick });
          attempt = compareAndSet(names, versions, id);
          start = ++tick;
        } else if (kind === 1) attempt = increment(pick(1 + random.below(2)), pick(1), id, hear);
        else {
          // Several clients want the same name.
          const name = `c${Math.floor(claims++ / 3)}`;
          initial.set(`claim ${name}`, 0);
          attempt = claim(name, pick(1)[0]!, id, hear);
        }
      } catch {
        return;
      }
      let results: readonly Result[];
      try {
        results = (await peer.call('transact', ['History', ...attempt.operations])) as unknown as readonly Result[];
      } catch {
        transactions.push({
          id,
          reads: new Map(),
          writes: new Map(attempt.writes.map((item) => [item, undefined])),
          start,
        });
        return;
      }
      const end = ++tick;
      answered++;
      for (const result of results) {
        if (result?.error !== undefined && !expectedErrors.has(result.error)) throw new Error(JSON.stringify(results));
      }
      const outcome = attempt.read(results);
      if (outcome === undefined || outcome.writes.length === 0) conflicts++;
      else if (kind === 0) swaps++;
      transactions.push({ id, reads: new Map(outcome?.reads), writes: new Map(outcome?.writes), start, end });
    }
    peer.close();
  };

  let final = new Map<string, number>();
  for (let life = 1; life <= options.lives; life++) {
    rmSync(socket, { force: true });
    const server = new ServerProcess(options.program, [file], socket);
    try {
      if (life === 1) {
        const peer = await server.connect();
        const inserts = registers.map((name) => ({ op: 'insert', table: 'Register', row: { name } }));
        await peer.call('transact', ['History', ...inserts]);
        peer.close();
      }
      const last = life === options.lives;
      const until = Math.ceil((options.transactions * life) / options.lives);
      // Before the last life's end all clients are still busy when the server dies.
      const clients = Array.from({ length: options.clients }, () =>
        client(server, last ? until : Number.POSITIVE_INFINITY),
      );
      if (!last) {
        while (answered < until && server.running) await new Promise((resolve) => setTimeout(resolve, 1));
        await server.kill('SIGKILL');
      }
      await Promise.all(clients);
      if (last) {
        const peer = await server.connect();
        final = await versionsAtEnd(peer, initial.keys(), witnesses);
        peer.close();
      }
    } finally {
      if (server.running) await server.kill('SIGTERM');
    }
  }
  return { initial, transactions, final, witnesses, swaps, conflicts, lives: options.lives };
}

interface RowAtEnd {
  readonly name: string;
  readonly version: number;
  readonly writer: string;
}

async function versionsAtEnd(peer: Peer, items: Iterable<string>, witnesses: Witness[]): Promise<Map<string, number>> {
  const all = (await peer.call('transact', [
    'History',
    { op: 'select', table: 'Register', where: [], columns: ['name', 'version', 'writer'] },
    { op: 'select', table: 'Claim', where: [], columns: ['name', 'writer'] },
  ])) as unknown as readonly { readonly rows: readonly RowAtEnd[] }[];
  const versions = new Map([...items].map((item) => [item, 0]));
  for (const { name, version, writer } of all[0]!.rows) {
    versions.set(name, version);
    if (version > 0) witnesses.push({ item: name, version, writer });
  }
  for (const { name, writer } of all[1]!.rows) {
    const item = `claim ${name}`;
    const version = versions.get(item)! + 1;
    versions.set(item, version);
    witnesses.push({ item, version, writer });
  }
  return versions;
}
