/** SSL remotes, remotes from the database with their settings, and role-based access control, with the C clients. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { connect } from '@weft/jsonrpc/connect';
import { Peer } from '@weft/jsonrpc/peer';
import { makeAuthority, makeCertificate } from '@weft/jsonrpc/testing-pki';
import type { Json } from '@weft/ovsdb/json';
import { sb } from '@weft/schemas/sb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const run = promisify(execFile);
let pki: string;
let server: WeftServer;

beforeAll(() => {
  pki = mkdtempSync(join(tmpdir(), 'weft-pki-'));
  makeAuthority(pki, 'ca', 'weft test CA');
  for (const name of ['server', 'ch1', 'ch2']) makeCertificate(pki, name);
});
afterAll(() => rmSync(pki, { recursive: true, force: true }));

const files = (name: string) => ({
  privateKey: join(pki, `${name}.key`),
  certificate: join(pki, `${name}.pem`),
  caCert: join(pki, 'ca.pem'),
});

beforeEach(async () => {
  server = await startWeftServer([sb], files('server'));
  await server.service.addRemote('db:OVN_Southbound,SB_Global,connections');
});
afterEach(() => server.stop());

async function transact(peer: Peer, ...operations: Json[]): Promise<readonly { readonly [name: string]: Json }[]> {
  return (await peer.call('transact', ['OVN_Southbound', ...operations])) as unknown as readonly {
    readonly [name: string]: Json;
  }[];
}

/** Opens a remote through the database, as `ovn-sbctl set-connection` does; returns the port that it listens on. */
async function openRemote(row: { readonly [column: string]: Json }): Promise<number> {
  const peer = await server.connect();
  const target = row.target as string;
  await transact(
    peer,
    { op: 'insert', table: 'Connection', 'uuid-name': 'c', row },
    { op: 'insert', table: 'SB_Global', row: { connections: ['named-uuid', 'c'] } },
  );
  peer.close();
  for (;;) {
    const port = Number(server.service.remotes.get(target)?.status(0).status.get('bound_port'));
    if (port > 0) return port;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function connectAs(name: string, port: number): Promise<Peer> {
  return new Peer(await connect({ kind: 'ssl', host: '127.0.0.1', port }, { tls: files(name) }));
}

describe('SSL', () => {
  it('serves C clients with a certificate, and no others', async () => {
    const port = await openRemote({ target: 'pssl:0:127.0.0.1' });
    const { privateKey, certificate: cert, caCert } = files('ch1');
    const options = [`--private-key=${privateKey}`, `--certificate=${cert}`, `--ca-cert=${caCert}`, '--timeout=10'];
    const { stdout } = await run('ovsdb-client', [...options, 'list-dbs', `ssl:127.0.0.1:${port}`]);
    expect(stdout).toContain('OVN_Southbound');
    await run('ovn-sbctl', [
      `--db=ssl:127.0.0.1:${port}`,
      ...options,
      '--no-leader-only',
      'chassis-add',
      'ch1',
      'geneve',
      '10.0.0.1',
    ]);
    expect((await run('ovn-sbctl', [`--db=${server.remote}`, 'show'])).stdout).toContain('Chassis ch1');
    await expect(run('ovsdb-client', ['--timeout=5', 'list-dbs', `tcp:127.0.0.1:${port}`])).rejects.toThrow();
  });
});

describe('Connection rows', () => {
  it('open, configure and close remotes, and say how they fare', async () => {
    const port = await openRemote({ target: 'ptcp:0:127.0.0.1', read_only: true });
    const peer = new Peer(await connect({ kind: 'tcp', host: '127.0.0.1', port }));
    const denied = await transact(peer, { op: 'insert', table: 'Chassis', row: { name: 'x' } });
    expect(denied[0]).toMatchObject({ error: 'not allowed' });
    expect(await transact(peer, { op: 'select', table: 'Chassis', where: [] })).toEqual([{ rows: [] }]);
    const control = await server.connect();
    for (let row: { readonly [name: string]: Json } = {}; row.is_connected !== true; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      const [{ rows }] = (await transact(control, { op: 'select', table: 'Connection', where: [] })) as unknown as [
        { rows: (typeof row)[] },
      ];
      row = rows[0]!;
      if (row.is_connected === true) expect(JSON.stringify(row.status)).toContain(`["bound_port","${port}"]`);
    }
    // Changing what a client may do makes it come back.
    const closed = new Promise<void>((resolve) => {
      const waiting = setInterval(() => {
        if (!peer.closed) return;
        clearInterval(waiting);
        resolve();
      }, 10);
    });
    await transact(control, { op: 'update', table: 'Connection', where: [], row: { read_only: false } });
    await closed;
    const again = new Peer(await connect({ kind: 'tcp', host: '127.0.0.1', port }));
    expect(
      (await transact(again, { op: 'insert', table: 'Chassis', row: { name: 'x', encaps: ['set', []] } }))[0],
    ).toHaveProperty('error');
    await transact(control, { op: 'update', table: 'SB_Global', where: [], row: { connections: ['set', []] } });
    while (server.service.remotes.get('ptcp:0:127.0.0.1') !== undefined)
      await new Promise((resolve) => setTimeout(resolve, 10));
    await expect(connect({ kind: 'tcp', host: '127.0.0.1', port })).rejects.toThrow(/refused/);
    again.close();
    control.close();
  });
});

describe('role-based access control', () => {
  it('lets a chassis change its own rows, and nothing else', async () => {
    const port = await openRemote({ target: 'pssl:0:127.0.0.1', role: 'ovn-controller' });
    const admin = await server.connect();
    const permission = (
      name: string,
      table: string,
      authorization: string[],
      insertDelete: boolean,
      update: string[],
    ): Json => ({
      op: 'insert',
      table: 'RBAC_Permission',
      'uuid-name': name,
      row: { table, authorization: ['set', authorization], insert_delete: insertDelete, update: ['set', update] },
    });
    await transact(
      admin,
      permission('p1', 'Chassis', ['name'], true, ['nb_cfg', 'external_ids', 'encaps']),
      permission('p2', 'Encap', ['chassis_name'], true, ['type', 'options', 'ip']),
      permission('p3', 'Port_Binding', [''], false, ['chassis', 'options:ours']),
      {
        op: 'insert',
        table: 'RBAC_Role',
        row: {
          name: 'ovn-controller',
          permissions: [
            'map',
            [
              ['Chassis', ['named-uuid', 'p1']],
              ['Encap', ['named-uuid', 'p2']],
              ['Port_Binding', ['named-uuid', 'p3']],
            ],
          ],
        },
      },
      { op: 'insert', table: 'Datapath_Binding', 'uuid-name': 'd', row: { tunnel_key: 1 } },
      {
        op: 'insert',
        table: 'Port_Binding',
        row: { logical_port: 'lp', datapath: ['named-uuid', 'd'], tunnel_key: 1 },
      },
    );
    const ch1 = await connectAs('ch1', port);
    const register = (name: string): Json[] => [
      { op: 'insert', table: 'Encap', 'uuid-name': 'e', row: { type: 'geneve', ip: '10.0.0.1', chassis_name: name } },
      { op: 'insert', table: 'Chassis', row: { name, encaps: ['named-uuid', 'e'] } },
    ];
    const outcome = async (peer: Peer, ...operations: Json[]): Promise<Json> => {
      const results = await transact(peer, ...operations);
      return results.find((result) => result !== null && 'error' in result)?.error ?? 'ok';
    };
    expect(await outcome(ch1, ...register('ch1'))).toBe('ok');
    expect(await outcome(ch1, ...register('other'))).toBe('permission error');
    const update = (row: Json): Json => ({ op: 'update', table: 'Chassis', where: [['name', '==', 'ch1']], row });
    expect(await outcome(ch1, update({ nb_cfg: 3 }))).toBe('ok');
    expect(await outcome(ch1, update({ hostname: 'x' }))).toBe('permission error');
    const ch2 = await connectAs('ch2', port);
    expect(await outcome(ch2, update({ nb_cfg: 4 }))).toBe('permission error');
    expect(await outcome(ch2, { op: 'delete', table: 'Chassis', where: [] })).toBe('permission error');
    // Everybody may claim a port, and change one key of its options.
    const mutate = (key: string): Json => ({
      op: 'mutate',
      table: 'Port_Binding',
      where: [],
      mutations: [['options', 'insert', ['map', [[key, 'x']]]]],
    });
    expect(await outcome(ch2, mutate('ours'))).toBe('ok');
    expect(await outcome(ch2, mutate('theirs'))).toBe('permission error');
    expect(await outcome(ch2, { op: 'insert', table: 'Address_Set', row: { name: 'a' } })).toBe('permission error');
    expect(await outcome(ch2, { op: 'select', table: 'Chassis', where: [] })).toBe('ok');
    expect(await outcome(ch1, { op: 'delete', table: 'Chassis', where: [['name', '==', 'ch1']] })).toBe('ok');
    for (const peer of [ch1, ch2, admin]) peer.close();
  });
});
