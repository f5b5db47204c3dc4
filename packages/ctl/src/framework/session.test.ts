/** What a session asks of the server: how often and how much, not only what comes of it. */
import { Peer } from '@weft/jsonrpc/peer';
import { duplexPair } from '@weft/jsonrpc/testing';
import type { Json } from '@weft/ovsdb/json';
import { nb } from '@weft/schemas/nb';
import { describe, expect, it } from 'vitest';
import type { Query } from './query.ts';
import { Session } from './session.ts';

const [first, second] = ['b0000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-000000000002'] as const;

/** Reads from a server that has two switches, of which one has a name; says what the server was asked, and the names. */
async function read(queries: readonly Query[]) {
  const asked: [string, Json][] = [];
  const [client, server] = duplexPair();
  new Peer(server, {
    onRequest: (method, params, id, peer) => {
      asked.push([method, params.slice(1)]);
      const rows = { [first]: { initial: { name: 'sw0' } }, [second]: { initial: {} } };
      const selected = [{ rows: [{ _uuid: ['uuid', first], name: 'sw0' }] }];
      peer.reply(id, method === 'monitor_cond' ? { Logical_Switch: rows } : method === 'transact' ? selected : {});
    },
  });
  const session = new Session(client, 'test', nb);
  const columns = new Map([['Logical_Switch', new Set(['name'])]]);
  const snapshot = await session.read(queries, { columns, replicated: columns });
  session.close();
  return { asked, names: queries.map((query) => snapshot.answer(query)!.map((row) => row.name)), snapshot };
}

describe('a session', () => {
  it('reads whole tables as a monitor begins, without what is default in them', async () => {
    const { asked, names } = await read([{ kind: 'all', table: 'Logical_Switch' }]);
    expect(asked).toEqual([
      ['monitor_cond', ['weft-ctl-0', { Logical_Switch: [{ columns: ['name'] }] }]],
      ['monitor_cancel', []],
    ]);
    expect(names.map((found) => [...found].sort())).toEqual([['', 'sw0']]);
  });

  it('reads single rows by themselves', async () => {
    const { asked, names } = await read([{ kind: 'uuid', table: 'Logical_Switch', uuid: first }]);
    expect(asked.map(([method]) => method)).toEqual(['transact']);
    expect(names).toEqual([['sw0']]);
  });

  it('refuses columns that were not asked for', async () => {
    const { snapshot } = await read([{ kind: 'all', table: 'Logical_Switch' }]);
    const row = snapshot.answer({ kind: 'all', table: 'Logical_Switch' })![0]!;
    expect(() => row.ports).toThrow('not among those');
  });
});
