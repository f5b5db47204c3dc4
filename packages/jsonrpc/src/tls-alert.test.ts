/** A client that TLS refuses hears why: the same alert from us and from the C server. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Listener, listen } from './listen.ts';
import { Peer } from './peer.ts';
import { parsePassive } from './remote.ts';
import { makeAuthority, makeCertificate } from './testing-pki.ts';

const dir = mkdtempSync(join(tmpdir(), 'weft-alert-'));
const file = (name: string): string => join(dir, name);
const cleanups: (() => unknown)[] = [];
let ours: number;
let theirs: number;

const portOf = ({ remote }: Listener): number => ('port' in remote ? remote.port : 0);

beforeAll(async () => {
  makeAuthority(dir, 'ca', 'test-ca');
  makeAuthority(dir, 'stranger', 'stranger');
  for (const name of ['server', 'good', 'old']) makeCertificate(dir, name);
  const again = ['-in', 'old.csr', '-out', 'old.pem', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '-1'];
  execFileSync('openssl', ['x509', '-req', ...again], { cwd: dir, stdio: 'pipe' });
  const tls = { privateKey: file('server.key'), certificate: file('server.pem'), caCert: file('ca.pem') };
  const listener = await listen(parsePassive('pssl:0:127.0.0.1'), ({ stream }) => new Peer(stream), { tls: () => tls });
  cleanups.push(() => listener.close());
  ours = portOf(listener);
  theirs = await startCServer();
});
afterAll(async () => {
  for (const cleanup of cleanups) await cleanup();
  rmSync(dir, { recursive: true, force: true });
});

async function startCServer(): Promise<number> {
  const probe = await listen(parsePassive('ptcp:0:127.0.0.1'), () => {});
  const port = portOf(probe);
  await probe.close();
  execFileSync('ovsdb-tool', ['create', file('db'), '/usr/share/ovn/ovn-nb.ovsschema']);
  const keys = [
    `--private-key=${file('server.key')}`,
    `--certificate=${file('server.pem')}`,
    `--ca-cert=${file('ca.pem')}`,
  ];
  const args = [file('db'), ...keys, `--remote=pssl:${port}:127.0.0.1`, `--unixctl=${file('ctl')}`, '-vconsole:off'];
  const child = spawn('ovsdb-server', args, { stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  cleanups.push(() => {
    child.kill();
    return exited;
  });
  while (!existsSync(file('ctl'))) await new Promise((resolve) => setTimeout(resolve, 25));
  return port;
}

const echo = '{"id":1,"method":"echo","params":["served"]}';

/** What a client hears that sends at once, or why it does not. */
function ask(port: number, name: string | undefined, options: ConnectionOptions = {}): Promise<string> {
  const certificate =
    name === undefined ? {} : { key: readFileSync(file(`${name}.key`)), cert: readFileSync(file(`${name}.pem`)) };
  return new Promise((resolve) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      ca: readFileSync(file('ca.pem')),
      checkServerIdentity: () => undefined,
      ...certificate,
      ...options,
    });
    socket.on('secureConnect', () => socket.write(echo.repeat(20)));
    socket.on('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('close', () => resolve('closed'));
  });
}

describe('a client', () => {
  it.each([
    ['that another CA vouches for', 'stranger', 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA'],
    ['without certificate', undefined, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'],
    ['whose certificate has expired', 'old', 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED'],
  ])('%s is told so, as by the C server', async (_, name, code) => {
    expect(await ask(theirs, name)).toBe(code);
    for (let i = 0; i < 20; i++) expect(await ask(ours, name)).toBe(code);
  });

  it.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
    'is told under %s',
    async (ciphers) => {
      expect(await ask(ours, 'stranger', { ciphers })).toBe('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
      expect(await ask(ours, 'good', { ciphers })).toContain('served');
    },
  );

  it('that speaks an older TLS than we do is told so', async () => {
    const old: ConnectionOptions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' };
    expect(await ask(ours, 'good', old)).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
  });

  it('of TLS 1.2 is refused without a word', async () => {
    expect(await ask(ours, 'stranger', { maxVersion: 'TLSv1.2' })).toMatch(/^closed$|ECONNRESET|EPIPE/);
    expect(await ask(ours, 'good', { maxVersion: 'TLSv1.2' })).toContain('served');
  });

  it('that resumes a session which was refused is told again', async () => {
    const sessions: Buffer[] = [];
    const certificate = { key: readFileSync(file('stranger.key')), cert: readFileSync(file('stranger.pem')) };
    await new Promise<void>((resolve) => {
      const socket = connect({
        port: ours,
        host: '127.0.0.1',
        ca: readFileSync(file('ca.pem')),
        checkServerIdentity: () => undefined,
        ...certificate,
      });
      socket.on('session', (session: Buffer) => sessions.push(session));
      socket.on('error', () => {}).on('close', () => resolve());
      socket.resume();
    });
    expect(sessions.length).toBeGreaterThan(0);
    expect(await ask(ours, 'stranger', { session: sessions[0] })).toBe('ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
  });
});
