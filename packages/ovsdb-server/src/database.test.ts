/** The queue between memory and store: order, batches, and what happens when the store fails. */
import { parseCondition } from '@weft/ovsdb/condition';
import { column, database, integer, string, table } from '@weft/ovsdb/schema';
import { describe, expect, it } from 'vitest';
import { convert } from './convert.ts';
import { Database } from './database.ts';
import { dumpPieces } from './monitor/dump.ts';
import { parseMonitorRequests } from './monitor/request.ts';
import { type Piece, wholeText } from './pieces.ts';
import { MemoryStore } from './store/memory.ts';
import type { AppendResult, LogEntry } from './store/store.ts';

const schema = database('D', '1.0.0', {
  T: table(
    { name: column(string()), n: column(integer()), seen: column(string(), { ephemeral: true }) },
    { isRoot: true, indexes: [['name']] },
  ),
});

const named = table({ name: column(string()) }, { isRoot: true });
const withOtherTables = database('D', '1.0.0', { T: named, Unchanged: named, Other: named });

/** Keeps what it was given; answers as it is told. */
class TestStore extends MemoryStore {
  readonly batches: (readonly LogEntry[])[] = [];
  answer: () => AppendResult | Promise<AppendResult> = () => 'ok';

  readonly sequences: (number | undefined)[] = [];

  override append(sequence?: number, entries: readonly LogEntry[] = []): AppendResult {
    this.sequences.push(sequence);
    this.batches.push(entries);
    return this.answer() as AppendResult;
  }
}

const insert = (name: string) => ({ op: 'insert', table: 'T', row: { name } });
const options = { ownsLock: () => true };
const names = (db: Database): string[] => [...db.tables.get('T')!.rows()].map(({ name }) => name as string).sort();

describe('a database', () => {
  it('stores transactions that wait together as one batch, and answers in their order', async () => {
    const store = new TestStore(schema);
    const db = await Database.open(store);
    const answers: string[] = [];
    for (const name of ['a', 'b', 'c']) db.transact([insert(name)], options, () => answers.push(name));
    db.transact([{ op: 'select', table: 'T', where: [], columns: ['name'] }], options, () => answers.push('select'));
    expect(answers).toEqual([]);
    db.flush();
    expect(answers).toEqual(['a', 'b', 'c', 'select']);
    expect(store.batches.map((batch) => batch.length)).toEqual([3]);
  });

  it('lets those who write at the same time share a commit, and nobody wait who writes alone', async () => {
    const store = new TestStore(schema);
    const called: ('soon' | 'at once')[] = [];
    let flush: () => void = () => {};
    const scheduler = (name: 'soon' | 'at once') => (callback: () => void) => {
      called.push(name);
      flush = callback;
    };
    const timers = { now: () => 0, after: () => () => {}, soon: scheduler('soon'), atOnce: scheduler('at once') };
    const db = await Database.open(store, { timers });
    const [one, other] = [{}, {}];
    let n = 0;
    const write = (client: object | undefined) => db.transact([insert(`${n++}`)], { ...options, client }, () => {});
    for (let i = 0; i < 20; i++) {
      write(one);
      flush();
    }
    expect(called).toEqual([...Array(16).fill('soon'), ...Array(4).fill('at once')]);
    called.length = 0;
    write(other);
    write(one);
    write(other);
    flush();
    expect(called).toEqual(['soon']);
    expect(store.batches.at(-1)).toHaveLength(3);
    // The server's own transactions are nobody's.
    called.length = 0;
    for (let i = 0; i < 20; i++) {
      write(undefined);
      flush();
    }
    expect(new Set(called)).toEqual(new Set(['soon']));
  });

  it('puts memory back when the store fails, and goes on afterwards', async () => {
    const store = new TestStore(schema);
    const failures: string[] = [];
    const db = await Database.open(store, { onFailure: (error) => failures.push(error.toText()) });
    db.transact([insert('kept')], options, () => {});
    db.flush();
    store.answer = () => {
      throw new Error('No space left on device');
    };
    const answers: string[] = [];
    db.transact([insert('lost'), { op: 'delete', table: 'T', where: [['name', '==', 'kept']] }], options, (text) =>
      answers.push(wholeText(text)),
    );
    db.transact([insert('lost too')], options, (text) => answers.push(wholeText(text)));
    db.flush();
    expect(answers).toHaveLength(2);
    db.transact([insert('lost again')], options, () => {});
    db.flush();
    // A log that is on the same disk must not grow with each.
    expect(failures).toEqual(['I/O error: Error: No space left on device']);
    for (const answer of answers) expect(answer).toMatch(/"error":"I\/O error"/);
    expect(names(db)).toEqual(['kept']);
    store.answer = () => 'ok';
    db.transact([insert('lost')], options, (text) => answers.push(wholeText(text)));
    db.flush();
    expect(answers[2]).not.toContain('error');
    expect(names(db)).toEqual(['kept', 'lost']);
  });

  it('tries a transaction that waits again when what it has seen was not stored', async () => {
    const store = new TestStore(schema);
    const db = await Database.open(store);
    db.transact([insert('kept')], options, () => {});
    db.flush();
    store.answer = () => {
      throw new Error('No space left on device');
    };
    db.transact([{ op: 'delete', table: 'T', where: [['name', '==', 'kept']] }], options, () => {});
    const answers: string[] = [];
    const wait = { op: 'wait', table: 'T', where: [], columns: ['name'], until: '==', rows: [{ name: 'kept' }] };
    expect(db.transact([wait], options, (text) => answers.push(wholeText(text)))).toBeDefined();
    db.flush();
    expect(names(db)).toEqual(['kept']);
    expect(answers).toEqual(['[{}]']);
  });

  it('tries a transaction that waits again only when a table has changed that it names', async () => {
    const db = await Database.open(new MemoryStore(withOtherTables));
    let attempts = 0;
    const answers: string[] = [];
    const wait = { op: 'wait', table: 'T', where: [], columns: ['name'], until: '==', rows: [{ name: 'a' }] };
    const read = { op: 'select', table: 'Unchanged', where: [], columns: ['name'] };
    const ownsLock = (): boolean => ++attempts > 0;
    db.transact([{ op: 'assert', lock: 'l' }, read, wait], { ownsLock }, (text) => answers.push(wholeText(text)));
    const commit = (table: string, name: string): void => {
      db.transact([{ op: 'insert', table, row: { name } }], options, () => {});
      db.flush();
    };
    commit('Other', 'a');
    commit('Other', 'b');
    expect(attempts).toBe(1);
    commit('Unchanged', 'x');
    expect(attempts).toBe(2);
    expect(answers).toEqual([]);
    commit('T', 'a');
    db.flush();
    expect(attempts).toBe(3);
    expect(answers).toEqual(['[{},{"rows":[{"name":"x"}]},{}]']);
  });

  it('holds answers and monitors until an asynchronous store has answered', async () => {
    const store = new TestStore(schema);
    const db = await Database.open(store);
    let stored: (result: AppendResult) => void = () => {};
    store.answer = () =>
      new Promise((resolve) => {
        stored = resolve;
      });
    const events: string[] = [];
    db.transact([insert('x')], options, () => events.push('x'));
    db.flush();
    db.transact([insert('y')], options, () => events.push('y'));
    db.whenSettled(() => events.push('settled'));
    await Promise.resolve();
    expect(events).toEqual([]);
    const first = stored;
    first('ok');
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual(['x']);
    stored('ok');
    await new Promise((resolve) => setImmediate(resolve));
    expect(events).toEqual(['x', 'y', 'settled']);
    expect(store.batches.map((batch) => batch.length)).toEqual([1, 1]);
  });

  it('stops at a conflict: another process writes to its store', async () => {
    const store = new TestStore(schema);
    const fatal: string[] = [];
    const db = await Database.open(store, { onFatal: (error) => fatal.push(error.message) });
    store.answer = () => 'conflict';
    db.transact([insert('x')], options, () => {});
    db.flush();
    expect(fatal.join()).toMatch(/another process/);
    expect(names(db)).toEqual([]);
  });

  it('does not store what is ephemeral', async () => {
    const store = new TestStore(schema);
    const db = await Database.open(store);
    db.transact([insert('x')], options, () => {});
    db.flush();
    db.transact([{ op: 'update', table: 'T', where: [], row: { seen: 'now' } }], options, () => {});
    db.flush();
    expect(store.batches).toHaveLength(1);
    expect([...db.tables.get('T')!.rows()][0]!.seen).toBe('now');
  });

  it('keeps what is stored, whatever goes wrong when monitors are told', async () => {
    const store = new TestStore(schema);
    const db = await Database.open(store);
    const fail = (): never => {
      throw new RangeError('Invalid string length');
    };
    const requests = parseMonitorRequests(db.tables, { T: { columns: ['name'] } }, true);
    const member = db.monitors.add(requests, 'update2', '"m"', { ready: true, send: fail, stream: fail });
    db.transact([insert('a')], options, () => {});
    expect(() => db.flush()).toThrow('Invalid string length');
    db.monitors.remove(member);
    db.transact([insert('b')], options, () => {});
    db.flush();
    expect(names(db)).toEqual(['a', 'b']);
    expect(store.sequences).toEqual([0, 1]);
  });

  it('shows what it holds now to monitors that began when it had other tables', async () => {
    const db = await Database.open(new TestStore(schema));
    const many = Array.from({ length: 300 }, (_, i) => insert(`old ${i}`));
    db.transact(many, options, () => {});
    db.flush();
    const request = { T: { columns: ['name'] } };
    const sink = { send: () => {}, stream: () => {}, ready: true };
    const begin = () => db.monitors.add(parseMonitorRequests(db.tables, request, true), 'update2', '"m"', sink);
    const shown = (pieces: readonly Piece[]): readonly string[] =>
      pieces
        .map((piece) => String(typeof piece === 'function' ? piece() : piece))
        .join('')
        .match(/old|new/g) ?? [];
    const before = begin();
    expect(shown(dumpPieces(before.view))).toHaveLength(300);

    db.replace(schema, convert(db.tables, schema));
    // Who monitored the old tables is disconnected a moment later.
    const after = begin();
    db.monitors.remove(before);
    db.transact(
      [{ op: 'update', table: 'T', where: [['name', '==', 'old 7']], row: { name: 'new 7' } }],
      options,
      () => {},
    );
    db.flush();
    const names = shown(dumpPieces(after.view));
    expect([names.length, names.filter((name) => name === 'new').length]).toEqual([300, 1]);
    const onlyNew = parseCondition('T', schema.tables.T, [['name', '==', 'new 7']]);
    const updates = db.monitors.change(after, new Map([[db.tables.get('T')!, onlyNew]])) ?? [];
    expect(shown(updates)).toHaveLength(0);
    expect(
      updates
        .map((piece) => (typeof piece === 'function' ? piece() : piece))
        .join('')
        .match(/delete/g),
    ).toHaveLength(299);
  });

  it('looks only at what an index finds', async () => {
    const db = await Database.open(new TestStore(schema));
    db.transact(
      Array.from({ length: 1000 }, (_, i) => insert(`r${i}`)),
      options,
      () => {},
    );
    db.flush();
    const t = db.tables.get('T')!;
    const found = [
      ...t.candidates([{ column: 'name', function: '==', type: t.schema.columns.name!.type, argument: 'r77' }]),
    ];
    expect(found.map(({ name }) => name)).toEqual(['r77']);
  });
});
