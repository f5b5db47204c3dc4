/**
 * The passive connection methods of ovsdb(7), with and without ports and addresses, sound and bent: our server and the C server, each in a network of its own,
 * listen on the same sockets. With TLS, the names of the files may be in the database (ovsdb-server(1), "Public Key Infrastructure Options").
 */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority, makeCertificate } from '@weft/jsonrpc/testing-pki';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cPrograms, ourPrograms, type Programs, runDuring } from './run-during.ts';

// biome-ignore format: a list
const remotes = [
  'ptcp:', 'ptcp:6701', 'ptcp:6702:127.0.0.1', 'ptcp:6703:[::1]', 'ptcp:6704:[::]', 'ptcp:6705:0.0.0.0', 'ptcp:6706:127.0.0.2', 'ptcp:6707:::1', 'ptcp:x',
  'ptcp:99999', 'ptcp:6709:', 'ptcp:6710:127.0.0.1:x', 'ptcp:6711:300.0.0.1', 'punix:relative.sock', 'punix:FOLDER/absolute.sock',
];

const column = { type: 'string' };
const schema = {
  name: 'S',
  version: '1.0.0',
  tables: { SSL: { isRoot: true, columns: { key: column, certificate: column, ca: column } } },
};

let folder: string;
let ours: Programs;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'weft-listen-'));
  ours = await ourPrograms();
});
afterAll(() => rmSync(folder, { recursive: true }));

function copy(from: string, to: string): void {
  copyFileSync(join(folder, from), join(folder, to));
}

/** What a command writes that runs while a server listens. */
function during(programs: Programs, options: readonly string[], command: string): string {
  const files = {
    key: join(folder, 'server.key'),
    certificate: join(folder, 'server.pem'),
    ca: join(folder, 'ca.pem'),
  };
  return runDuring({
    folder,
    programs,
    schema,
    contents: [{ op: 'insert', table: 'SSL', row: files }],
    options,
    command,
  });
}

it('both servers listen where ovsdb(7) says', () => {
  const options = remotes.map((remote) => `--remote=${remote}`);
  const command = "ss -Htln | awk '{print $4}' | sort; cd FOLDER; find . -name '*.sock' | sort";
  const listening = during(cPrograms, options, command);
  expect(during(ours, options, command)).toBe(listening);
  // The default port, and the address for connections of both kinds.
  const some = ['0.0.0.0:6640', '*:6704', './absolute.sock', './relative.sock'];
  expect(listening.split('\n')).toEqual(expect.arrayContaining(some));
});

it('the key, the certificate and the CA may be named in the database', () => {
  makeAuthority(folder, 'ca', 'test-ca');
  for (const name of ['server', 'client']) makeCertificate(folder, name);
  const options = [
    '--remote=pssl:6641:127.0.0.1',
    ...['private-key=db:S,SSL,key', 'certificate=db:S,SSL,certificate', 'ca-cert=db:S,SSL,ca'].map(
      (text) => `--${text}`,
    ),
  ];
  const [key, certificate, ca] = ['client.key', 'client.pem', 'ca.pem'].map((name) => join(folder, name));
  const command = `ovsdb-client --timeout=20 -p ${key} -c ${certificate} -C ${ca} list-dbs ssl:127.0.0.1:6641`;
  const databases = during(cPrograms, options, command);
  expect(databases).toContain('_Server');
  expect(during(ours, options, command)).toBe(databases);
});

it('the key, the certificate and the CA are those of the moment: files are renewed, rows change, and what cannot be read changes nothing', () => {
  makeAuthority(folder, 'ca', 'test-ca');
  for (const name of ['server', 'client']) makeCertificate(folder, name);
  for (const name of ['ca', 'server', 'client'])
    for (const end of ['key', 'pem']) copy(`${name}.${end}`, `old-${name}.${end}`);
  makeAuthority(folder, 'ca', 'new-ca');
  for (const name of ['server', 'client']) {
    makeCertificate(folder, name);
    for (const end of ['key', 'pem']) copy(`${name}.${end}`, `new-${name}.${end}`);
  }
  copy('ca.pem', 'new-ca.pem');
  const options = [
    '--remote=pssl:6641:127.0.0.1',
    '--remote=punix:FOLDER/sock',
    ...['private-key=db:S,SSL,key', 'certificate=db:S,SSL,certificate', 'ca-cert=db:S,SSL,ca'].map(
      (text) => `--${text}`,
    ),
  ];
  const script = `cd ${folder}
    call() { ovsdb-client --timeout=5 -p $1-client.key -c $1-client.pem -C $2-ca.pem list-dbs ssl:127.0.0.1:6641 >/dev/null 2>&1; }
    # The C server looks at most every 2.5 s, and at the seconds of a file's time.
    becomes() { for i in 1 2 3 4 5 6 7 8; do call $1 $1 && echo "$1 is served" && return; sleep 1; done; echo "$1 is not served"; }
    refuses() { call $1 $1 && echo "$1 is served" || echo "$1 is refused"; call $1 $2 && echo "$1 is served" || echo "$1 is refused"; }
    renew() { sleep 1.1; for file in server.key server.pem ca.pem; do cp $1-$file $file; done; }
    ssl() {
      row="{\\"key\\":\\"$PWD/$1\\",\\"certificate\\":\\"$PWD/$2\\",\\"ca\\":\\"$PWD/$3\\"}"
      ovsdb-client transact unix:FOLDER/sock "[\\"S\\",{\\"op\\":\\"update\\",\\"table\\":\\"SSL\\",\\"where\\":[],\\"row\\":$row}]"
    }
    renew old; becomes old; refuses new old
    renew new; becomes new; refuses old new
    ssl old-server.key old-server.pem old-ca.pem; becomes old; refuses new old
    ssl old-server.key old-server.pem missing.pem; sleep 3; becomes old; refuses new old`;
  const heard = during(cPrograms, options, script);
  expect(heard.match(/is served/g)).toHaveLength(4);
  expect(during(ours, options, script)).toBe(heard);
}, 120_000);

it('a connection that is not secured yet when its remote is removed is not served', () => {
  makeAuthority(folder, 'ca', 'test-ca');
  for (const name of ['server', 'client']) makeCertificate(folder, name);
  const files = ['private-key=server.key', 'certificate=server.pem', 'ca-cert=ca.pem'];
  const options = [
    '--remote=pssl:6641:127.0.0.1',
    '--unixctl=FOLDER/ctl',
    ...files.map((text) => `--${text.replace('=', `=${folder}/`)}`),
  ];
  writeFileSync(
    join(folder, 'late.cjs'),
    `const { execFileSync } = require('node:child_process');
    const { readFileSync } = require('node:fs');
    const say = (what) => { console.log(what); process.exit(); };
    const [ctl, remove] = process.argv.slice(2);
    const raw = require('node:net').connect(6641, '127.0.0.1', () => setTimeout(() => {
      if (remove) execFileSync('ovs-appctl', ['-t', ctl, 'ovsdb-server/remove-remote', 'pssl:6641:127.0.0.1']);
      const [key, cert] = ['client.key', 'client.pem'].map((name) => readFileSync(__dirname + '/' + name));
      const late = require('node:tls').connect({ socket: raw, key, cert, rejectUnauthorized: false });
      late.on('secureConnect', () => late.write('{"id":1,"method":"list_dbs","params":[]}'));
      late.on('data', () => say('is served'));
      for (const event of ['error', 'close', 'end']) late.on(event, () => say('is not served'));
    }, 200));
    raw.on('error', () => say('is not served'));`,
  );
  const command = (remove: string): string => `${process.execPath} ${folder}/late.cjs FOLDER/ctl ${remove}`;
  for (const programs of [cPrograms, ours]) {
    expect(during(programs, options, command(''))).toBe('is served\n');
    expect(during(programs, options, command('remove'))).toBe('is not served\n');
  }
}, 60_000);
