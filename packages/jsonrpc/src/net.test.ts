import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConnectError, connect, systemReason } from './connect.ts';
import type { Json } from './json.ts';
import { type Accepted, listen } from './listen.ts';
import { Peer } from './peer.ts';
import { type ActiveRemote, parsePassive } from './remote.ts';
import { listening } from './testing.ts';
import { makeAuthority, makeCertificate } from './testing-pki.ts';
import type { TlsFiles } from './tls.ts';

const dir = mkdtempSync(join(tmpdir(), 'weft-jsonrpc-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A listener that answers every request with its method, and our connection to it. */
async function roundTrip(
  passive: string,
  active: (port: number) => ActiveRemote,
  tls?: { server: TlsFiles; client: TlsFiles },
) {
  const accepted: Accepted[] = [];
  const listener = await listen(
    parsePassive(passive, { rundir: dir }),
    (connection) => {
      accepted.push(connection);
      new Peer(connection.stream, { onRequest: (method, _params, id, peer) => peer.reply(id, method) });
    },
    { tls: () => tls?.server },
  );
  const port = 'port' in listener.remote ? listener.remote.port : 0;
  const peer = new Peer(await connect(active(port), { tls: tls?.client }));
  try {
    expect(await peer.call('hello', [])).toBe('hello');
    return accepted[0]!;
  } finally {
    peer.close();
    await listener.close();
  }
}

/** A descriptor may be gone by now. */
function readlinkIfAny(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

describe('remotes, live', () => {
  it('unix', async () => {
    const accepted = await roundTrip('punix:a.sock', () => ({ kind: 'unix', path: join(dir, 'a.sock') }));
    expect(accepted.name).toBe('unix#0');
  });
  it('tcp over IPv4', async () => {
    const accepted = await roundTrip('ptcp:0:127.0.0.1', (port) => ({ kind: 'tcp', host: '127.0.0.1', port }));
    expect(accepted.name).toMatch(/^tcp:127\.0\.0\.1:\d+$/);
  });
  it('ws', async () => {
    await roundTrip('pws:0:127.0.0.1', (port) => ({ kind: 'ws', url: `ws://127.0.0.1:${port}/` }));
  });

  it('a socket file is for owner and group, is replaced, and a refused connection is named', async () => {
    const path = join(dir, 'b.sock');
    writeFileSync(path, '');
    const listener = await listen({ kind: 'punix', path }, () => {});
    expect(statSync(path).mode & 0o777).toBe(0o770 & ~process.umask());
    await listener.close();
    expect(existsSync(path)).toBe(false);
    const error = await connect({ kind: 'unix', path }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(ConnectError);
    expect(String(error)).toContain(`unix:${path}: connection attempt failed (No such file or directory)`);
  });

  it('the umask keeps the group from a socket file, or lets it', async () => {
    const before = process.umask();
    try {
      for (const [mask, mode] of [
        [0o022, 0o750],
        [0o077, 0o700],
        [0o000, 0o770],
      ] as const) {
        process.umask(mask);
        const path = join(dir, 'mask.sock');
        const listener = await listen({ kind: 'punix', path }, () => {});
        expect(statSync(path).mode & 0o777).toBe(mode);
        expect(process.umask()).toBe(mask);
        await listener.close();
      }
    } finally {
      process.umask(before);
    }
  });

  it('a socket file may have a path that is longer than what the system takes', async () => {
    const folder = join(dir, 'a'.repeat(60), 'b'.repeat(60));
    mkdirSync(folder, { recursive: true });
    const held = (): (string | undefined)[] =>
      readdirSync('/proc/self/fd')
        .map((fd) => readlinkIfAny(`/proc/self/fd/${fd}`))
        .filter((to) => to === folder);
    for (const name of ['sock', 'c'.repeat(80)]) {
      const path = join(folder, name);
      const listener = await listen({ kind: 'punix', path }, ({ stream }) => void stream.end('hello'));
      expect(statSync(path).isSocket()).toBe(true);
      const stream = await connect({ kind: 'unix', path });
      expect(await text(stream)).toBe('hello');
      await expect(connect({ kind: 'unix', path: `${path}x` })).rejects.toThrow('(No such file or directory)');
      await listener.close();
      expect(readdirSync(folder)).toEqual([]);
    }
    const path = join(folder, 'd'.repeat(120));
    await expect(listen({ kind: 'punix', path }, () => {})).rejects.toThrow('listen failed: File name too long');
    await expect.poll(held).toEqual([]);
  });

  it('gives up when told to', async () => {
    // An address of TEST-NET-1 (RFC 5737) answers nobody.
    const signal = AbortSignal.abort();
    await expect(connect({ kind: 'tcp', host: '192.0.2.1', port: 9 }, { signal })).rejects.toThrow(ConnectError);
  });

  it('gives up on somebody who takes the connection and no more', async () => {
    const listener = await listen(parsePassive('ptcp:0:127.0.0.1'), () => {});
    const port = 'port' in listener.remote ? listener.remote.port : 0;
    const remote = { kind: 'ssl', host: '127.0.0.1', port } as const;
    const tls = { privateKey: join(dir, 'me.key'), certificate: join(dir, 'me.pem'), caCert: 'none' };
    makeAuthority(dir, 'me', 'me');
    await expect(connect(remote, { tls, timeoutMs: 50 })).rejects.toThrow(
      `ssl:127.0.0.1:${port}: connection attempt timed out`,
    );
    await listener.close();
  });

  it('gives up on a WebSocket, of which no error comes after that', async () => {
    const mute = createServer();
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
    const url = `ws://127.0.0.1:${(mute.address() as AddressInfo).port}`;
    const late: unknown[] = [];
    const noteLate = (error: unknown): void => void late.push(error);
    process.on('uncaughtException', noteLate);
    try {
      const error = await connect({ kind: 'ws', url }, { timeoutMs: 50 }).catch((reason: unknown) => reason);
      expect(String(error)).toContain('timed out');
      await new Promise((resolve) => setImmediate(resolve));
      expect(late).toEqual([]);
    } finally {
      process.off('uncaughtException', noteLate);
      mute.close();
    }
  });

  it('says what is wrong with a place to listen at', async () => {
    const path = join(dir, 'missing', 'sock');
    await expect(listen({ kind: 'punix', path }, () => {})).rejects.toThrow('listen failed: No such file or directory');
    const listener = await listen(parsePassive('ptcp:0:127.0.0.1'), () => {});
    await expect(listen(listener.remote, () => {})).rejects.toThrow('listen failed: Address already in use');
    await listener.close();
  });

  describe('ssl', () => {
    const file = (name: string) => join(dir, name);
    beforeAll(() => {
      makeAuthority(dir, 'ca', 'test-ca');
      for (const name of ['server', 'chassis-1']) makeCertificate(dir, name);
      // A server that presents its CA too, as bootstrapping wants it.
      writeFileSync(file('chain.pem'), execFileSync('cat', [file('server.pem'), file('ca.pem')]));
    });
    const server = { privateKey: file('server.key'), certificate: file('chain.pem'), caCert: file('ca.pem') };
    const client = { privateKey: file('chassis-1.key'), certificate: file('chassis-1.pem'), caCert: file('ca.pem') };
    const active = (port: number): ActiveRemote => ({ kind: 'ssl', host: '127.0.0.1', port });

    it('verifies both ends and names the client', async () => {
      const accepted = await roundTrip('pssl:0:127.0.0.1', active, { server, client });
      expect(accepted.commonName).toBe('chassis-1');
    });

    it('takes the CA certificate from the server once, and verifies by it from then on', async () => {
      const caCert = file('bootstrapped.pem');
      await roundTrip('pssl:0:127.0.0.1', active, { server, client: { ...client, caCert, bootstrapCaCert: true } });
      expect(execFileSync('openssl', ['x509', '-in', caCert, '-noout', '-subject']).toString()).toContain('test-ca');
    });

    it('presents its CA too if it is told to (--peer-ca-cert)', async () => {
      const caCert = file('presented.pem');
      const bootstrapping = { ...client, caCert, bootstrapCaCert: true };
      const alone = { ...server, certificate: file('server.pem'), caCert: 'none' };
      await expect(roundTrip('pssl:0:127.0.0.1', active, { server: alone, client: bootstrapping })).rejects.toThrow();
      await roundTrip('pssl:0:127.0.0.1', active, {
        server: { ...alone, peerCaCert: file('ca.pem') },
        client: bootstrapping,
      });
      expect(existsSync(caCert)).toBe(true);
    });

    it('takes the CA certificate from the first client that presents it, and verifies the others by it', async () => {
      makeAuthority(dir, 'x', 'stranger');
      writeFileSync(file('client-chain.pem'), execFileSync('cat', [file('chassis-1.pem'), file('ca.pem')]));
      const caCert = file('from-client.pem');
      const names: (string | undefined)[] = [];
      const listener = await listen(
        parsePassive('pssl:0:127.0.0.1'),
        ({ stream, commonName }) => {
          names.push(commonName);
          new Peer(stream);
        },
        { tls: () => ({ ...server, caCert, bootstrapCaCert: true }) },
      );
      const port = 'port' in listener.remote ? listener.remote.port : 0;
      const call = async (tls: TlsFiles): Promise<Json> => {
        const peer = new Peer(await connect(active(port), { tls }));
        try {
          return await peer.call('echo', ['here']);
        } finally {
          peer.close();
        }
      };
      await expect(call({ ...client, caCert: 'none' })).rejects.toThrow();
      expect(existsSync(caCert)).toBe(false);
      await expect(call({ ...client, certificate: file('client-chain.pem') })).rejects.toThrow();
      expect(execFileSync('openssl', ['x509', '-in', caCert, '-noout', '-subject']).toString()).toContain('test-ca');
      expect(await call(client)).toEqual(['here']);
      const stranger = { privateKey: file('x.key'), certificate: file('x.pem'), caCert: file('ca.pem') };
      await expect(call(stranger)).rejects.toThrow();
      expect(await call(client)).toEqual(['here']);
      expect(names).toEqual(['chassis-1', 'chassis-1']);
      await listener.close();
    });

    const flags = (name: string): string[] => [
      `--private-key=${file(`${name}.key`)}`,
      `--certificate=${file(`${name}.pem`)}`,
      `--ca-cert=${file('ca.pem')}`,
    ];

    it('serves the C ovsdb-client', async () => {
      const listener = await listen(
        parsePassive('pssl:0:127.0.0.1'),
        ({ stream }) => {
          new Peer(stream, { onRequest: (_method, _params, id, peer) => peer.reply(id, ['One', 'Two']) });
        },
        { tls: () => server },
      );
      const port = 'port' in listener.remote ? listener.remote.port : 0;
      const args = [...flags('chassis-1'), '--timeout=10', 'list-dbs', `ssl:127.0.0.1:${port}`];
      const { stdout } = await promisify(execFile)('ovsdb-client', args);
      await listener.close();
      expect(stdout).toBe('One\nTwo\n');
    });

    it('talks to the C ovsdb-server, over IPv4 and IPv6', async () => {
      const db = file('ssl.db');
      const control = file('ssl.ctl');
      execFileSync('ovsdb-tool', ['create', db, '/usr/share/ovn/ovn-nb.ovsschema']);
      const probe = await listen(parsePassive('ptcp:0:127.0.0.1'), () => {});
      const port = 'port' in probe.remote ? probe.remote.port : 0;
      await probe.close();
      const args = ['--no-chdir', `--remote=pssl:${port}:[::]`, `--unixctl=${control}`, '-vconsole:off', db];
      const process = spawn('ovsdb-server', [...flags('server'), ...args], { stdio: 'ignore' });
      try {
        await listening(control);
        for (const host of ['127.0.0.1', '::1']) {
          const peer = new Peer(await connect({ kind: 'ssl', host, port }, { tls: client }));
          expect(await peer.call('list_dbs', [])).toContain('OVN_Northbound');
          peer.close();
        }
        // One that does not know us says so after the connection is made.
        makeAuthority(dir, 'stranger', 'stranger');
        const stranger = { ...client, privateKey: file('stranger.key'), certificate: file('stranger.pem') };
        const stream = await connect({ kind: 'ssl', host: '127.0.0.1', port }, { tls: stranger });
        const error = await new Promise<Error | undefined>((onClose) => new Peer(stream, { onClose }));
        expect(error && systemReason(error)).toBe('tlsv1 alert unknown ca');
      } finally {
        process.kill();
      }
    });

    it('refuses a server that another CA signed', async () => {
      makeAuthority(dir, 'other', 'other');
      await expect(
        roundTrip('pssl:0:127.0.0.1', active, { server, client: { ...client, caCert: file('other.pem') } }),
      ).rejects.toThrow(ConnectError);
    });
  });
});

describe('the installed ovsdb-server', () => {
  it('talks with our peer', async () => {
    const db = join(dir, 'c.db');
    const socket = join(dir, 'c.sock');
    execFileSync('ovsdb-tool', ['create', db, '/usr/share/ovn/ovn-nb.ovsschema']);
    const args = [
      '--no-chdir',
      `--remote=punix:${socket}`,
      `--unixctl=${join(dir, 'c.ctl')}`,
      '--log-file=/dev/null',
      db,
    ];
    const server = spawn('ovsdb-server', args, { stdio: 'ignore', env: { ...process.env, OVS_RUNDIR: dir } });
    try {
      await listening(socket);
      const peer = new Peer(await connect({ kind: 'unix', path: socket }));
      expect(await peer.call('list_dbs', [])).toContain('OVN_Northbound');
      const schema = await peer.call('get_schema', ['OVN_Northbound']);
      expect(schema).toMatchObject({ name: 'OVN_Northbound' });
      expect(await peer.call('echo', ['a', { b: [1.5] }])).toEqual(['a', { b: [1.5] }]);
      await expect(peer.call('no_such', [])).rejects.toThrow('unknown method');
      peer.close();
    } finally {
      server.kill('SIGTERM');
    }
  });
});
