/** The C programs and the Python IDL live on our server, unmodified. */
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nb } from '@weft/schemas/nb';
import { sb } from '@weft/schemas/sb';
import { vswitch } from '@weft/schemas/vswitch';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWeftServer, type WeftServer } from './weft-server.ts';

let server: WeftServer;
let children: { readonly kill: () => Promise<void> }[] = [];

beforeEach(async () => {
  server = await startWeftServer([nb, sb, vswitch]);
});

afterEach(async () => {
  for (const child of children) await child.kill();
  children = [];
  await server.stop();
});

interface Result {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program without blocking this process, which is its server. */
function run(program: string, ...args: readonly string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, OVS_RUNDIR: server.folder, OVN_RUNDIR: server.folder },
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    child.once('error', (cause) => reject(new Error(`${program} is missing: install its Debian package`, { cause })));
    child.once('close', (status) => resolve({ status, out, err }));
  });
}

async function ok(program: string, ...args: readonly string[]): Promise<string> {
  const { status, out, err } = await run(program, ...args);
  expect(status, `${program} ${args.join(' ')}: ${err}`).toBe(0);
  return out;
}

function start(program: string, ...args: readonly string[]): void {
  const child = spawn(program, args, {
    stdio: 'ignore',
    env: { ...process.env, OVS_RUNDIR: server.folder, OVN_RUNDIR: server.folder },
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  children.push({
    kill: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  });
}

describe('ovn-nbctl, ovn-northd, ovn-sbctl', () => {
  it('make southbound tables from a northbound configuration', async () => {
    const nbctl = (...args: string[]) => ok('ovn-nbctl', `--db=${server.remote}`, '--timeout=20', ...args);
    const sbctl = (...args: string[]) => ok('ovn-sbctl', `--db=${server.remote}`, '--timeout=20', ...args);
    await nbctl('init');
    start(
      'ovn-northd',
      `--ovnnb-db=${server.remote}`,
      `--ovnsb-db=${server.remote}`,
      `--unixctl=${server.folder}/northd.ctl`,
    );
    await nbctl(
      'ls-add',
      'ls1',
      '--',
      'lsp-add',
      'ls1',
      'p1',
      '--',
      'lsp-set-addresses',
      'p1',
      '00:00:00:00:00:01 10.0.0.1',
    );
    await nbctl('lr-add', 'lr1', '--', 'lrp-add', 'lr1', 'lr1-ls1', '00:00:00:00:01:00', '10.0.0.254/24');
    await nbctl(
      '--wait=sb',
      'lsp-add',
      'ls1',
      'ls1-lr1',
      '--',
      'lsp-set-type',
      'ls1-lr1',
      'router',
      '--',
      'lsp-set-options',
      'ls1-lr1',
      'router-port=lr1-ls1',
    );
    expect(await nbctl('show')).toMatch(/port p1\n\s+addresses: \["00:00:00:00:00:01 10\.0\.0\.1"\]/);
    expect(
      (await sbctl('--columns=logical_port', '--bare', 'list', 'Port_Binding')).split('\n').filter(Boolean).sort(),
    ).toEqual(['lr1-ls1', 'ls1-lr1', 'p1']);
    expect((await sbctl('lflow-list')).split('\n').length).toBeGreaterThan(100);
    await sbctl('chassis-add', 'ch1', 'geneve', '10.1.1.1', '--', 'lsp-bind', 'p1', 'ch1');
    expect(await sbctl('show')).toContain('Port_Binding p1');
    await nbctl('--wait=sb', 'ls-del', 'ls1');
    expect(await sbctl('--columns=logical_port', '--bare', 'list', 'Port_Binding')).toBe('lr1-ls1\n');
  });
});

describe('ovs-vswitchd and ovs-vsctl', () => {
  it('live on our Open_vSwitch database', async () => {
    const vsctl = (...args: string[]) => ok('ovs-vsctl', `--db=${server.remote}`, '--timeout=20', ...args);
    await vsctl('--no-wait', 'init');
    start(
      'ovs-vswitchd',
      '--enable-dummy=override',
      '--disable-system',
      server.remote,
      `--unixctl=${server.folder}/vswitchd.ctl`,
    );
    // Each returns when vswitchd has done it, and says so in the database.
    await vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', 'datapath_type=dummy');
    await vsctl('add-port', 'br0', 'p1', '--', 'set', 'Interface', 'p1', 'type=dummy', 'external_ids:iface-id=x');
    expect((await vsctl('get', 'Interface', 'p1', 'ofport')).trim()).toBe('1');
    expect(await vsctl('list-ports', 'br0')).toBe('p1\n');
    expect(await vsctl('show')).toContain('Bridge br0');
    await vsctl('del-br', 'br0');
    expect(await vsctl('list-br')).toBe('');
  });
});

describe('ovsdb-client', () => {
  it('lists, queries, dumps, monitors, waits, backs up, restores and converts', async () => {
    const client = (...args: string[]) => ok('ovsdb-client', '--timeout=20', ...args);
    const { remote } = server;
    expect(await client('list-dbs', remote)).toBe('OVN_Northbound\nOVN_Southbound\nOpen_vSwitch\n_Server\n');
    expect((await client('get-schema-version', remote, 'OVN_Northbound')).trim()).toBe('7.0.0');
    expect((await client('get-schema-cksum', remote, 'OVN_Northbound')).trim()).toBe(nb.cksum);
    expect(await client('list-tables', remote, 'OVN_Southbound')).toContain('Port_Binding');
    expect((await client('needs-conversion', remote, '/usr/share/ovn/ovn-nb.ovsschema')).trim()).toBe('no');
    await client('wait', remote, 'OVN_Northbound', 'connected');

    const insert =
      '["OVN_Northbound",{"op":"insert","table":"Logical_Switch","row":{"name":"ls1","other_config":["map",[["a","b"]]]}}]';
    expect(await client('transact', remote, insert)).toContain('uuid');
    expect(
      await client(
        'query',
        remote,
        '["OVN_Northbound",{"op":"select","table":"Logical_Switch","where":[],"columns":["name"]}]',
      ),
    ).toBe('[{"rows":[{"name":"ls1"}]}]\n');
    // A query changes nothing.
    await client('query', remote, insert);
    expect(await client('dump', remote, 'OVN_Northbound', 'Logical_Switch', 'name', 'other_config')).toMatch(
      /ls1\s+\{a=b\}/,
    );

    const monitored = client('monitor', remote, 'OVN_Northbound', 'Logical_Switch', 'name', '--format=csv').catch(
      () => '',
    );
    expect(await Promise.race([monitored, new Promise((done) => setTimeout(() => done('running'), 300))])).toBe(
      'running',
    );

    const backup = await client('backup', remote, 'OVN_Northbound');
    const file = join(server.folder, 'backup');
    writeFileSync(file, backup);
    await client('transact', remote, '["OVN_Northbound",{"op":"delete","table":"Logical_Switch","where":[]}]');
    const restore = await run('sh', '-c', `ovsdb-client --timeout=20 restore ${remote} OVN_Northbound < ${file}`);
    expect(restore.err).toBe('');
    expect(await client('dump', remote, 'OVN_Northbound', 'Logical_Switch', 'name')).toContain('ls1');

    const schema = await client('get-schema', remote, 'OVN_Northbound');
    const smaller = JSON.parse(schema) as { version: string; tables: { [name: string]: unknown } };
    smaller.version = '7.1.0';
    delete smaller.tables.Static_MAC_Binding;
    const schemaFile = join(server.folder, 'smaller.ovsschema');
    writeFileSync(schemaFile, JSON.stringify(smaller));
    expect((await client('needs-conversion', remote, schemaFile)).trim()).toBe('yes');
    await client('convert', remote, schemaFile);
    expect((await client('get-schema-version', remote, 'OVN_Northbound')).trim()).toBe('7.1.0');
    expect(await client('dump', remote, 'OVN_Northbound', 'Logical_Switch', 'name')).toContain('ls1');
    expect(await client('list-tables', remote, 'OVN_Northbound')).not.toContain('Static_MAC_Binding');
  });
});

describe('the Python IDL', () => {
  it('replicates and writes', async () => {
    const python = '/usr/bin/python3';
    if (!existsSync('/usr/lib/python3/dist-packages/ovs')) {
      throw new Error('the Debian package python3-openvswitch is missing');
    }
    const script = `
import sys, ovs.db.idl, ovs.poller, ovs.vlog
remote, schema = sys.argv[1:]
helper = ovs.db.idl.SchemaHelper(schema); helper.register_all()
idl = ovs.db.idl.Idl(remote, helper)
def step():
    seqno = idl.change_seqno
    while seqno == idl.change_seqno:
        idl.run()
        if seqno != idl.change_seqno: return
        poller = ovs.poller.Poller(); idl.wait(poller); poller.block()
while not idl.has_ever_connected(): step()
txn = ovs.db.idl.Transaction(idl)
switch = txn.insert(idl.tables['Logical_Switch']); switch.name = 'py'
port = txn.insert(idl.tables['Logical_Switch_Port']); port.name = 'pp'; port.addresses = ['unknown']
switch.addvalue('ports', port)
status = txn.commit_block()
assert status == txn.SUCCESS, txn.status_to_string(status)
rows = list(idl.tables['Logical_Switch'].rows.values())
print(rows[0].name, [p.name for p in rows[0].ports])
`;
    const file = join(server.folder, 'idl.py');
    writeFileSync(file, script);
    expect(await ok('timeout', '20', python, file, server.remote, '/usr/share/ovn/ovn-nb.ovsschema')).toBe(
      "py ['pp']\n",
    );
  });
});
