/** Relays: ours of our server, ours of the C server, and the C server's of ours. */
import { join } from 'node:path';
import type { Json, JsonObject } from '@weft/ovsdb/json';
import { database } from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { nb } from '@weft/schemas/nb';
import { describe, expect, it, vi } from 'vitest';
import { connectTo, startCServer } from './c-server.ts';
import { RawClient } from './raw-client.ts';
import { cleanups, doorTo, folder, nbctl, relaySettled, relays, run, sources, zero } from './relay-bed.ts';
import { startWeftServer } from './weft-server.ts';

const request = { Logical_Switch: [{ columns: ['name'] }] };

describe.each([
  ['weft', 'weft'],
  ['C', 'weft'],
  ['weft', 'C'],
] as const)('source %s, relay %s', (source, relay) => {
  it('shows what the source has, and forwards what is written', async () => {
    const remote = await sources[source]();
    await nbctl(remote, 'ls-add', 'before');
    await relays[relay](remote);
    const near = `unix:${folder}/relay.sock`;
    await relaySettled();
    await run('ovsdb-client', ['--timeout=20', 'wait', near, 'OVN_Northbound', 'connected']);
    expect(await nbctl(near, '--bare', '--columns=name', 'list', 'Logical_Switch')).toBe('before\n');

    const told: Json[] = [];
    const watcher = await connectTo(`${folder}/relay.sock`, (_, params) => told.push(params));
    const [, , initial] = (await watcher.call('monitor_cond_since', ['OVN_Northbound', 'm', request, zero])) as [
      boolean,
      string,
      Json,
    ];
    expect(JSON.stringify(initial)).toContain('before');

    await nbctl(near, 'ls-add', 'through');
    expect(await nbctl(remote, '--bare', '--columns=name', 'find', 'Logical_Switch', 'name=through')).toBe('through\n');
    await watcher.call('echo', []);
    expect(JSON.stringify(told)).toContain('through');

    // A transaction's updates come before its reply.
    const results = await watcher.call('transact', [
      'OVN_Northbound',
      { op: 'insert', table: 'Logical_Switch', row: { name: 'own' } },
    ]);
    expect(JSON.stringify(results)).toContain('uuid');
    expect(JSON.stringify(told)).toContain('own');

    if (relay === 'weft') {
      // One that waits at the source can be cancelled (RFC 7047 section 4.1.4). The C server 3.1 never answers one that was, so the relay does.
      const until = {
        op: 'wait',
        table: 'Logical_Switch',
        where: [['name', '==', 'never']],
        columns: ['name'],
        until: '==',
      };
      const outcome = new Promise<string>((resolve) => {
        const id = watcher.request(
          'transact',
          ['OVN_Northbound', { ...until, rows: [{ name: 'never' }] }, { op: 'commit', durable: false }],
          (result) => resolve(JSON.stringify(result)),
          (error) => resolve(error.message),
        );
        void watcher.call('echo', []).then(() => watcher.notify('cancel', [id]));
      });
      expect(await outcome).toBe('canceled');
    }
    watcher.close();
    if (relay === 'weft' && source === 'weft') {
      const { rows } = (
        (await (async () => {
          const server = await connectTo(`${folder}/relay.sock`);
          const answer = await server.call('transact', [
            '_Server',
            {
              op: 'select',
              table: 'Database',
              where: [['name', '==', 'OVN_Northbound']],
              columns: ['model', 'connected', 'leader'],
            },
          ]);
          server.close();
          return answer;
        })()) as unknown as { readonly rows: Json }[]
      )[0]!;
      expect(rows).toEqual([{ model: 'relay', connected: true, leader: false }]);
    }
  });
});

describe.each(['weft', 'C'] as const)('the relay of %s', (relay) => {
  it('reads by itself; what may write waits for the source', async () => {
    const source = await sources.weft();
    await nbctl(source, 'ls-add', 'one');
    const door = await doorTo(source);
    await relays[relay](door.remote);
    await relaySettled();
    const wait = ['--timeout=20', 'wait', `unix:${folder}/relay.sock`, 'OVN_Northbound'];
    await run('ovsdb-client', [...wait, 'connected']);
    const near = await connectTo(`${folder}/relay.sock`);
    await door.shut();
    // The source may only be starting again: clients that insist on a connected database stay, and others come.
    expect(await nbctl(`unix:${folder}/relay.sock`, '--bare', '--columns=name', 'list', 'Logical_Switch')).toBe(
      'one\n',
    );
    const select = { op: 'select', table: 'Logical_Switch', where: [], columns: ['name'] };
    const insert = { op: 'insert', table: 'Logical_Switch', row: { name: 'two' } };
    const transact = (...operations: Json[]): Promise<Json> => near.call('transact', ['OVN_Northbound', ...operations]);
    const comment = { op: 'comment', comment: 'x' };
    expect(await transact(select, comment)).toEqual([{ rows: [{ name: 'one' }] }, {}]);
    expect(await transact(select, { op: 'abort' })).toMatchObject([{ rows: [{ name: 'one' }] }, { error: 'aborted' }]);
    let inserted: Json | undefined;
    const answer = transact(insert, select).then((results) => {
      inserted = results;
    });
    expect(await transact(select)).toEqual([{ rows: [{ name: 'one' }] }]);
    expect(inserted).toBeUndefined();
    await door.open();
    await answer;
    expect(inserted).toMatchObject([{ uuid: ['uuid', expect.any(String)] }, { rows: expect.any(Array) }]);
    expect(await nbctl(source, '--bare', '--columns=name', 'find', 'Logical_Switch', 'name=two')).toBe('two\n');
    near.close();
  });
});

describe('our relay', () => {
  it('stays with a source where another database comes, and comes back to one that is converted', async () => {
    const source = await startWeftServer([nb]);
    cleanups.push(source.stop);
    await relays.weft(source.remote);
    await relaySettled();
    const near = `unix:${folder}/relay.sock`;
    const { sessions } = source.service.server;
    await expect.poll(() => [...sessions].map(({ changeAware }) => changeAware)).toEqual([true]);
    const [followed] = sessions;
    const other = join(source.folder, 'other.db');
    SqliteStore.create(other, database('Other', '1.0.0', {}));
    await source.service.addDatabase(other);
    await nbctl(source.remote, 'ls-add', 'later');
    const listed = () => nbctl(near, '--bare', '--columns=name', 'list', 'Logical_Switch').catch(() => '');
    await expect.poll(listed).toBe('later\n');
    expect([...sessions]).toEqual([followed]);

    const schema = schemaToJson(nb) as { readonly version: string };
    const client = await source.connect();
    await client.call('convert', [nb.name, { ...schema, version: '99.0.0' }]);
    client.close();
    const version = async () =>
      (await run('ovsdb-client', ['get-schema-version', near]).catch(() => ({ stdout: '' }))).stdout;
    await expect.poll(version, { timeout: 10_000 }).toBe('99.0.0\n');
    expect(await listed()).toBe('later\n');
  });
});

describe('our relay', () => {
  it('answers once what waited for a source that comes back with another schema', async () => {
    const source = await startWeftServer([nb]);
    cleanups.push(source.stop);
    const door = await doorTo(source.remote);
    const { server } = await relays.weft(door.remote);
    await relaySettled();
    await expect.poll(() => [...source.service.server.sessions].map(({ changeAware }) => changeAware)).toEqual([true]);
    const client = new RawClient(`${folder}/relay.sock`);
    await door.shut();
    client.send('{"id":0,"method":"set_db_change_aware","params":[true]}');
    client.send(
      `{"id":1,"method":"transact","params":["${nb.name}",{"op":"insert","table":"Copp","row":{"name":"x"}}]}`,
    );
    await expect.poll(() => [...server.sessions].map(({ waitingCount }) => waitingCount)).toEqual([1]);
    const converter = await source.connect();
    const schema = schemaToJson(nb) as JsonObject;
    await converter.call('convert', [nb.name, { ...schema, version: '99.0.0' }]);
    converter.close();
    await door.open();
    await expect.poll(() => server.database(nb.name)?.schema.version, { timeout: 10_000 }).toBe('99.0.0');
    const answers = (await client.take()) as JsonObject[];
    expect(answers.map(({ id, error }) => [id, error])).toEqual([
      [0, null],
      [1, 'canceled'],
    ]);
    client.close();
  });
});

describe('our relay that is removed', () => {
  it('says nothing of the database that comes in its place', async () => {
    const service = await relays.weft(await sources.weft());
    await relaySettled();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await service.removeDatabase(nb.name);
      const file = join(folder, 'own.db');
      SqliteStore.create(file, nb);
      await service.addDatabase(file);
      vi.advanceTimersByTime(60_000);
      const [row] = [...service.server.database('_Server')!.tables.get('Database')!.rows()].filter(
        ({ name }) => name === nb.name,
      );
      expect(row).toMatchObject({ model: 'standalone', connected: true });
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('our relay of two relays', () => {
  it('leaves the one that says that it is not connected', { timeout: 30_000 }, async () => {
    // As relays do that have lost their own source for long.
    const [stale, good] = [await startWeftServer([nb]), await startWeftServer([nb])];
    for (const server of [stale, good]) cleanups.push(server.stop);
    await nbctl(stale.remote, 'ls-add', 'old');
    await nbctl(good.remote, 'ls-add', 'good');
    stale.service.server.setConnected('OVN_Northbound', false);
    await relays.weft(`${stale.remote},${good.remote}`);
    await relaySettled();
    const near = `unix:${folder}/relay.sock`;
    const listed = () => nbctl(near, '--bare', '--columns=name', 'list', 'Logical_Switch').catch(() => '');
    await expect.poll(listed, { timeout: 20_000 }).toBe('good\n');
    stale.service.server.setConnected('OVN_Northbound', true);
    good.service.server.setConnected('OVN_Northbound', false);
    await expect.poll(listed, { timeout: 20_000 }).toBe('old\n');
  });
});

describe.each(['weft', 'C'] as const)('a source of %s without conditional monitors', (kind) => {
  it('is followed all the same', async () => {
    let source: string;
    if (kind === 'weft') {
      const server = await startWeftServer([nb]);
      cleanups.push(server.stop);
      server.service.server.disableConditionalMonitors();
      source = server.remote;
    } else {
      const server = await startCServer(schemaToJson(nb));
      cleanups.push(server.stop);
      await run('ovs-appctl', ['-t', join(server.folder, 'ctl'), 'ovsdb-server/disable-monitor-cond']);
      source = `unix:${server.socket}`;
    }
    await nbctl(
      source,
      'ls-add',
      'old',
      '--',
      'ls-add',
      'changed',
      '--',
      'set',
      'Logical_Switch',
      'changed',
      'other_config:a=b',
    );
    await relays.weft(source);
    await relaySettled();
    const near = `unix:${folder}/relay.sock`;
    const listed = () => nbctl(near, '--bare', '--columns=name,other_config,external_ids', 'list', 'Logical_Switch');
    await expect.poll(listed).toContain('changed\na=b\n');
    const told: string[] = [];
    const watcher = await connectTo(`${folder}/relay.sock`, (_, params) => told.push(JSON.stringify(params[1])));
    await watcher.call('monitor_cond', ['OVN_Northbound', 'm', { Logical_Switch: [{}] }]);
    await nbctl(
      near,
      'ls-del',
      'old',
      '--',
      'ls-add',
      'new',
      '--',
      'set',
      'Logical_Switch',
      'changed',
      'external_ids:c=d',
    );
    expect((await listed()).split(/\n+/).filter(Boolean).sort()).toEqual(['a=b', 'c=d', 'changed', 'new']);
    await watcher.call('echo', []);
    // Of what a row keeps, nobody is told.
    expect(told.join()).toContain('{"modify":{"external_ids":["map",[["c","d"]]],"_version":');
    watcher.close();
  });
});

describe('our relay', () => {
  it('lets a client go on where it stopped at the source, and catches up after an outage', async () => {
    const server = await startWeftServer([nb]);
    const remote = `unix:${server.socket}`;
    cleanups.push(server.stop);
    await relays.weft(remote);
    const source = await connectTo(server.socket);
    const [, id] = (await source.call('monitor_cond_since', ['OVN_Northbound', 'm', request, zero])) as [
      boolean,
      string,
      Json,
    ];
    await nbctl(remote, 'ls-add', 'one');
    await run('ovsdb-client', [
      '--timeout=20',
      'wait',
      `unix:${folder}/relay.sock`,
      'OVN_Northbound',
      'connected',
    ]).catch(() => {});
    // The source ends all connections, the relay's too; meanwhile something happens.
    for (const session of [...server.service.server.sessions]) session.peer.close();
    await nbctl(remote, 'ls-add', 'two');
    const near = await connectTo(`${folder}/relay.sock`);
    const select = { op: 'select', table: 'Logical_Switch', where: [], columns: ['name'] };
    for (let text = ''; !text.includes('two'); ) {
      const local = await near.call('monitor', ['OVN_Northbound', 'x', request]).catch(() => ({}));
      text = JSON.stringify(local);
      await near.call('monitor_cancel', ['x']).catch(() => ({}));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(JSON.stringify(await near.call('transact', ['OVN_Northbound', select]))).toContain('one');
    const [, latest] = (await near.call('monitor_cond_since', ['OVN_Northbound', 'm', request, zero])) as [
      boolean,
      string,
      Json,
    ];
    const again = await connectTo(server.socket);
    const [found] = (await again.call('monitor_cond_since', ['OVN_Northbound', 'm2', request, latest])) as [
      boolean,
      string,
      Json,
    ];
    expect(found).toBe(true);
    expect(id).not.toBe(latest);
    for (const peer of [near, again, source]) peer.close();
  });
});

describe('another source with other contents', () => {
  it('leaves nothing of the first, where rows of two tables have one uuid, too', async () => {
    const uuid = '11111111-0000-4000-8000-000000000000';
    const insert = (table: string, row: object): Json => ({ op: 'insert', table, uuid, row }) as Json;
    const [one, two] = [await startWeftServer([nb]), await startWeftServer([nb])];
    cleanups.push(two.stop);
    const [first, second] = [await one.connect(), await two.connect()];
    await first.call('transact', [nb.name, insert('Logical_Switch', { name: 'first' }), insert('Address_Set', {})]);
    await second.call('transact', [nb.name, insert('Logical_Switch', { name: 'second' })]);
    await relays.weft(`${one.remote},${two.remote}`);
    await relaySettled();
    const client = await connectTo(`${folder}/relay.sock`);
    const shown = async (): Promise<string> => {
      const select = ['Logical_Switch', 'Address_Set'].map((table) => ({
        op: 'select',
        table,
        where: [],
        columns: ['name'],
      }));
      return JSON.stringify(await client.call('transact', [nb.name, ...select]));
    };
    while (!(await shown()).includes('first')) await new Promise((resolve) => setTimeout(resolve, 20));
    for (const peer of [first, second]) peer.close();
    await one.stop();
    while (!(await shown()).includes('second')) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await shown()).toBe('[{"rows":[{"name":"second"}]},{"rows":[]}]');
    client.close();
  });
});
