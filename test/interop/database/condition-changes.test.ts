/**
 * Conditions that change while transactions go on (ovsdb-server(7) sections 4.1.12 to 4.1.16): no update is lost and none comes twice. Sessions change
 * their conditions, leave and come back, while others write, and nobody waits for anybody; whenever all have been answered, what each monitor has told its
 * client is what `select` finds. Our server and the C server each by itself, and, with one writer, both beside each other.
 *
 * WEFT_FUZZ_STEPS and WEFT_FUZZ_SEED lengthen and vary the run.
 */
import type { Peer } from '@weft/jsonrpc/peer';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterEach, expect, it } from 'vitest';
import { startCServer } from './c-server.ts';
import { lineOf, MonitorReplica, type Row, type Shape, wholeRow } from './monitor-replica.ts';
import { Random } from './random-transactions.ts';
import { startWeftServer } from './weft-server.ts';

const steps = Number(process.env.WEFT_FUZZ_STEPS ?? 120);
const seed = Number(process.env.WEFT_FUZZ_SEED ?? 1);

const columns = {
  name: { type: 'string' },
  n: { type: 'integer' },
  option: { type: { key: 'integer', min: 0 } },
  words: { type: { key: 'string', min: 0, max: 'unlimited' } },
  pairs: { type: { key: 'string', value: 'string', min: 0, max: 'unlimited' } },
};
const schema = { name: 'C', version: '1.0.0', tables: { T: { isRoot: true, columns }, U: { isRoot: true, columns } } };
const tables = Object.keys(schema.tables);
const kinds: Shape[string] = {
  name: { kind: 'one', default: '' },
  n: { kind: 'one', default: 0 },
  option: { kind: 'optional', default: ['set', []] },
  words: { kind: 'set', default: ['set', []] },
  pairs: { kind: 'map', default: ['map', []] },
};
const names = Object.keys(kinds);
const noTransaction = '00000000-0000-0000-0000-000000000000';

interface Server {
  connect(onNotification?: (method: string, params: readonly Json[]) => void): Promise<Peer>;
  stop(): Promise<void>;
}

/** What happens, from a seed: the same for every server. */
class History {
  readonly #random: Random;
  #rows = 0;

  constructor(of: number) {
    this.#random = new Random(of);
  }

  chance(p: number): boolean {
    return this.#random.chance(p);
  }

  below(n: number): number {
    return this.#random.below(n);
  }

  #word(): string {
    return this.#random.pick(['a', 'b', 'c', 'd', 'é', '']);
  }

  #value(column: string): Json {
    const some = <T>(make: () => T): T[] => [...new Set(Array.from({ length: this.below(4) }, make))];
    switch (column) {
      case 'name':
        return this.#word();
      case 'n':
        return this.below(5);
      case 'option':
        return this.chance(0.3) ? ['set', []] : this.below(5);
      case 'words':
        return ['set', some(() => this.#word())];
      default:
        return ['map', some(() => this.#word()).map((key) => [key, this.#word()])];
    }
  }

  #row(): JsonObject {
    const some = names.filter(() => this.chance(0.5));
    return Object.fromEntries(some.map((name) => [name, this.#value(name)]));
  }

  clause(): Json {
    const r = this.#random;
    if (r.chance(0.1)) return r.chance(0.3);
    const column = r.pick(names);
    const functions: readonly string[] =
      column === 'n' || column === 'option'
        ? ['<', '<=', '==', '!=', '>', '>=']
        : column === 'name'
          ? ['==', '==', '!=']
          : ['==', '!=', 'includes', 'includes', 'excludes'];
    return [column, r.pick(functions), column === 'option' ? this.below(5) : this.#value(column)];
  }

  condition(): Json[] {
    const clauses = Array.from({ length: this.below(4) }, () => this.clause());
    // With `false` twice the C server does not heed `true`.
    return clauses.filter((clause, i) => clause !== false || clauses.indexOf(false) === i);
  }

  operation(): Json {
    const r = this.#random;
    const table = r.pick(tables);
    const where = [this.clause()];
    const kind = r.below(10);
    if (kind < 5) {
      const uuid = `${(++this.#rows).toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`;
      return { op: 'insert', table, uuid, row: this.#row() };
    }
    if (kind < 7) return { op: 'update', table, where, row: this.#row() };
    if (kind < 8) return { op: 'delete', table, where: [...where, this.clause()] };
    const column = r.pick(['words', 'pairs']);
    return {
      op: 'mutate',
      table,
      where,
      mutations: [
        [column, r.pick(['insert', 'delete']), this.#value(column)],
        ['n', '+=', 1],
      ],
    };
  }

  transaction(): Json[] {
    const operations = Array.from({ length: 1 + this.below(3) }, () => this.operation());
    return this.chance(0.05) ? [...operations, { op: 'abort' }] : operations;
  }

  /** Tables of a monitor, with their columns. */
  shape(): Shape {
    const some = tables.filter((_, i) => i === 0 || this.chance(0.7));
    const columns = () => Object.fromEntries(Object.entries(kinds).filter(() => this.chance(0.7)));
    return Object.fromEntries(some.map((table) => [table, columns()]));
  }
}

type Method = 'monitor_cond' | 'monitor_cond_since';

/** A session with one monitor. */
class Watcher {
  readonly #server: Server;
  readonly #method: Method;
  readonly #shape: Shape;
  readonly #conditions: { [table: string]: Json[] };
  readonly #replica: MonitorReplica;
  /** Of the requests that have no answer yet the update may have either identifier. */
  #ids = new Set<string>();
  #id = 'first';
  #peer: Peer | undefined;
  #last = noTransaction;
  #failure: unknown;
  #pending: Promise<unknown>[] = [];
  /** Replies that went on from where the session had been. */
  resumed = 0;

  constructor(server: Server, method: Method, history: History) {
    this.#server = server;
    this.#method = method;
    this.#shape = history.shape();
    this.#conditions = Object.fromEntries(Object.keys(this.#shape).map((table) => [table, history.condition()]));
    this.#replica = new MonitorReplica(this.#shape);
  }

  async open(): Promise<void> {
    this.#ids = new Set([this.#id]);
    this.#peer = await this.#server.connect((method, params) => this.#hear(method, params));
    const requests = Object.fromEntries(
      Object.entries(this.#shape).map(([table, of]) => [
        table,
        [{ columns: Object.keys(of), where: this.#conditions[table]! }],
      ]),
    );
    const since = this.#method === 'monitor_cond_since' ? [this.#last] : [];
    const answer = await this.#peer.call(this.#method, ['C', this.#id, requests, ...since]);
    const [found, last, updates] =
      this.#method === 'monitor_cond_since' ? (answer as readonly Json[]) : [false, this.#last, answer];
    this.#last = last as string;
    if (found === true) this.resumed++;
    else this.#replica.clear();
    this.#replica.apply(updates!);
  }

  #hear(method: string, params: readonly Json[]): void {
    try {
      expect(method).toBe(this.#method === 'monitor_cond' ? 'update2' : 'update3');
      expect(this.#ids).toContain(params[0]);
      if (method === 'update3') this.#last = params[1] as string;
      this.#replica.apply(params.at(-1)!);
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** Asks for another condition, and for another identifier, and waits for neither. */
  change(history: History, name: string): void {
    const changed = Object.keys(this.#shape).filter(() => history.chance(0.7));
    for (const table of changed) this.#conditions[table] = history.condition();
    const requests = Object.fromEntries(changed.map((table) => [table, [{ where: this.#conditions[table]! }]]));
    const old = this.#id;
    this.#id = name;
    this.#ids.add(name);
    this.#pending.push(
      this.#peer!.call('monitor_cond_change', [old, name, requests]).then(() => this.#ids.delete(old)),
    );
  }

  /** Waits until it has heard what it asked for, and whatever was due before that. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending.splice(0));
    await this.#peer!.call('echo', []);
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#peer?.close();
  }

  get lines(): string[] {
    return this.#replica.lines();
  }

  /** What `select` finds: the rows for which one of the clauses holds. */
  async expected(peer: Peer): Promise<string[]> {
    const lines = new Map<string, string>();
    for (const [table, of] of Object.entries(this.#shape)) {
      const clauses = this.#conditions[table]!;
      const selects = (clauses.length === 0 ? [true] : clauses).map((clause) => ({
        op: 'select',
        table,
        where: [clause],
        columns: ['_uuid', ...Object.keys(of)],
      }));
      const results = (await peer.call('transact', ['C', ...selects])) as unknown as readonly {
        readonly rows: readonly Row[];
      }[];
      for (const { _uuid, ...row } of results.flatMap(({ rows }) => rows)) {
        const key = `${table} ${(_uuid as readonly string[])[1]}`;
        lines.set(key, lineOf(key, wholeRow(this.#shape, table, row)));
      }
    }
    return [...lines.values()].sort();
  }
}

let servers: Server[] = [];
afterEach(async () => {
  for (const server of servers) await server.stop();
  servers = [];
});

async function startServer(name: string): Promise<Server> {
  const server =
    name === 'C' ? await startCServer(schema as unknown as Json) : await startWeftServer([parseSchema(schema)]);
  servers.push(server);
  return server;
}

interface Played {
  /** What each monitor showed after each step. */
  readonly shown: readonly string[];
  readonly resumed: number;
  readonly changes: number;
}

/** Plays a history with so many writers, and checks each monitor after each step. */
async function play(server: Server, writers: number): Promise<Played> {
  const history = new History(seed);
  const methods: readonly Method[] = ['monitor_cond', 'monitor_cond_since', 'monitor_cond', 'monitor_cond_since'];
  const watchers = methods.map((method) => new Watcher(server, method, history));
  for (const watcher of watchers) await watcher.open();
  const peers = await Promise.all(Array.from({ length: writers + 1 }, () => server.connect()));
  const [checker, ...writing] = peers as [Peer, ...Peer[]];
  const shown: string[] = [];
  let changes = 0;
  for (let step = 0; step < steps; step++) {
    const answers: Promise<Json>[] = [];
    const away = watchers.filter(() => history.chance(0.05));
    for (const watcher of away) watcher.close();
    for (let i = history.below(12); i >= 0; i--) {
      for (const peer of writing) answers.push(peer.call('transact', ['C', ...history.transaction()]));
      for (const [of, watcher] of watchers.entries()) {
        if (away.includes(watcher) || !history.chance(0.3)) continue;
        changes++;
        watcher.change(history, `${of} ${step} ${i}`);
      }
      // Now and then what was sent leaves, so that the next does not come in one piece with it.
      if (history.chance(0.5)) await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all(answers);
    for (const watcher of away) await watcher.open();
    for (const [of, watcher] of watchers.entries()) {
      await watcher.settle();
      expect(watcher.lines, `monitor ${of} after step ${step}`).toEqual(await watcher.expected(checker));
      shown.push(...watcher.lines);
    }
  }
  for (const watcher of watchers) watcher.close();
  for (const peer of peers) peer.close();
  return { shown, changes, resumed: watchers.reduce((sum, { resumed }) => sum + resumed, 0) };
}

it(`monitors show what select finds, whatever happens at once (seed ${seed})`, { timeout: 300_000 }, async () => {
  const { shown, changes, resumed } = await play(await startServer('weft'), 3);
  expect(shown.length).toBeGreaterThan(steps);
  expect(changes).toBeGreaterThan(steps);
  expect(resumed).toBeGreaterThan(0);
});

it(`with one writer both servers show the same (seed ${seed})`, { timeout: 300_000 }, async () => {
  const ours = await play(await startServer('weft'), 1);
  const theirs = await play(await startServer('C'), 1);
  expect(ours.shown).toEqual(theirs.shown);
});
