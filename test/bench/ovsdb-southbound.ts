/**
 * `npm run bench -- ovsdb-southbound`: weft-ovsdb with an OVN_Southbound of 130,000 logical flows and 300 conditional sessions: a new session, a condition
 * that grows by one datapath, a reconnect of all sessions at once, the longest time that the event loop is blocked, and memory. The server runs in
 * this process's child. WEFT_BENCH_FLOWS and WEFT_BENCH_SESSIONS change the size; an argument, `weft` or `C`, runs that side alone.
 *
 * The C server gets fewer sessions (WEFT_BENCH_C_SESSIONS, 60): 300 take it minutes. Either side ends after WEFT_BENCH_SECONDS (240) with what it has by
 * then.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect } from '@weft/jsonrpc/connect';
import { Peer } from '@weft/jsonrpc/peer';
import { unixctl } from '@weft/jsonrpc/unixctl-client';
import type { Json } from '@weft/ovsdb/json';

const flows = Number(process.env.WEFT_BENCH_FLOWS ?? 130_000);
const sessionsOf = {
  weft: Number(process.env.WEFT_BENCH_SESSIONS ?? 300),
  C: Number(process.env.WEFT_BENCH_C_SESSIONS ?? 60),
};
const maxMs = 1000 * Number(process.env.WEFT_BENCH_SECONDS ?? 240);
const datapaths = 260;
const zero = '00000000-0000-0000-0000-000000000000';
const dist = resolve('node_modules/.bin/weft-ovsdb');

async function bench(name: 'C' | 'weft'): Promise<{ [column: string]: string }> {
  const sessions = sessionsOf[name];
  const folder = mkdtempSync(join(tmpdir(), 'weft-bench-'));
  const file = join(folder, 'db');
  const socket = join(folder, 's');
  const create = name === 'C' ? ['ovsdb-tool'] : [dist];
  execFileSync(create[0]!, [...create.slice(1), 'create', file, '/usr/share/ovn/ovn-sb.ovsschema']);
  const serve = name === 'C' ? ['ovsdb-server'] : [dist];
  const args = [
    ...serve.slice(1),
    file,
    `--remote=punix:${socket}`,
    `--unixctl=${join(folder, 'ctl')}`,
    '-vconsole:off',
  ];
  const child = spawn(serve[0]!, args, { stdio: process.env.WEFT_BENCH_DEBUG ? 'inherit' : 'ignore' });
  const exited = new Promise<void>((done) =>
    child.once('exit', (code, signal) => {
      if (signal !== 'SIGKILL') console.info(`${name}: the server ended by itself (${signal ?? code})`);
      done();
    }),
  );
  // Ending the server ends what waits for it.
  let late = false;
  const deadline = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, maxMs);
  const row: { [column: string]: string } = { server: name, sessions: String(sessions) };
  try {
    const open = async (onNotification: () => void = () => {}): Promise<Peer> => {
      for (;;) {
        try {
          return new Peer(await connect({ kind: 'unix', path: socket }), { onNotification });
        } catch (error) {
          if (child.exitCode !== null || child.signalCode !== null) throw error;
          await new Promise((done) => setTimeout(done, 10));
        }
      }
    };
    const cpuMs = (): number => {
      const tasks = `/proc/${child.pid}/task`;
      let ns = 0;
      for (const task of readdirSync(tasks))
        ns += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]);
      return ns / 1e6;
    };
    const admin = await open();
    const uuids: string[] = [];
    for (let d = 0; d < datapaths; d++) {
      const operations: Json[] = [
        { op: 'insert', table: 'Datapath_Binding', 'uuid-name': 'd', row: { tunnel_key: d + 1 } },
      ];
      for (let f = 0; f < flows / datapaths; f++) {
        operations.push({
          op: 'insert',
          table: 'Logical_Flow',
          row: {
            logical_datapath: ['named-uuid', 'd'],
            pipeline: f % 2 === 0 ? 'ingress' : 'egress',
            table_id: f % 24,
            priority: 50 + (f % 100),
            match: `inport == "port-${d}-${f}" && eth.src == 00:00:00:00:${(f >> 8).toString(16)}:${(f & 255).toString(16)}`,
            actions: 'reg0[15] = check_in_port_sec(); next;',
            external_ids: [
              'map',
              [
                ['source', 'northd.c:5600'],
                ['stage-name', 'ls_in_check_port_sec'],
              ],
            ],
          },
        });
      }
      const [first] = (await admin.call('transact', ['OVN_Southbound', ...operations])) as unknown as [
        { uuid: [string, string] },
      ];
      uuids.push(first.uuid[1]);
    }
    const where = (from: number, n: number): Json =>
      Array.from({ length: n }, (_, i) => ['logical_datapath', '==', ['uuid', uuids[(from + i) % datapaths]!]]);
    const request = (from: number, n: number): Json => ({
      Logical_Flow: [
        {
          columns: ['logical_datapath', 'logical_dp_group', 'pipeline', 'table_id', 'priority', 'match', 'actions'],
          where: where(from, n),
        },
      ],
      Datapath_Binding: [{ columns: ['tunnel_key', 'external_ids'] }],
    });
    // Another client asks all the time: its longest wait shows how long the server is blocked.
    let longest = 0;
    let probing = true;
    const prober = await open();
    // Ours knows how long its event loop was blocked; for the C server there is only what another client saw, in which this process has a part.
    const serverBlock = async (): Promise<string | undefined> => {
      if (name === 'C') return undefined;
      const text = await unixctl(join(folder, 'ctl'), 'ovsdb-server/perf-counters-show', []);
      return /blocked at most: (\d+ ms)/.exec(text)?.[1];
    };
    const probe = (async () => {
      while (probing) {
        const start = performance.now();
        await prober.call('echo', []);
        longest = Math.max(longest, performance.now() - start);
        await new Promise((done) => setTimeout(done, 2));
      }
    })().catch(() => {});
    const measured = async (label: string, work: () => Promise<void>): Promise<void> => {
      await new Promise((done) => setTimeout(done, 2500));
      longest = 0;
      await serverBlock();
      const start = performance.now();
      const before = cpuMs();
      await work();
      row[label] =
        `${(cpuMs() - before).toFixed(0)} ms CPU, ${(performance.now() - start).toFixed(0)} ms, blocked ${(await serverBlock()) ?? `${longest.toFixed(0)} ms`}`;
    };
    const join1 = async (i: number): Promise<Peer> => {
      const peer = await open();
      await peer.call('monitor_cond_since', ['OVN_Southbound', ['monid', 'OVN_Southbound'], request(i, 2), zero]);
      return peer;
    };
    let peers: Peer[] = [];
    for (let i = 0; i < sessions; i++) peers.push(await join1(i));
    await measured('a new session (2 datapaths)', async () => {
      peers.push(await join1(7));
    });
    await measured('a condition grows by a datapath', async () => {
      await peers[3]!.call('monitor_cond_change', [
        ['monid', 'OVN_Southbound'],
        ['monid', 'OVN_Southbound'],
        { Logical_Flow: [{ where: where(3, 3) }] },
      ]);
    });
    await measured('a new session, all flows', async () => {
      const peer = await open();
      await peer.call('monitor_cond_since', ['OVN_Southbound', 'all', { Logical_Flow: [{}] }, zero]);
      peer.close();
    });
    await measured('all sessions reconnect', async () => {
      for (const peer of peers) peer.close();
      peers = await Promise.all(
        Array.from({ length: sessions }, async (_, i) => {
          await new Promise((done) => setTimeout(done, i));
          return join1(i);
        }),
      );
    });
    row['RSS MB'] = (
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024
    ).toFixed(0);
    probing = false;
    await probe;
    for (const peer of [...peers, prober, admin]) peer.close();
    return row;
  } catch (error) {
    if (!late) throw error;
    console.info(`${name}: ended after ${maxMs / 1000} s; what is missing was not reached`);
    return row;
  } finally {
    clearTimeout(deadline);
    child.kill('SIGKILL');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

// With an argument only that side.
const sides = (['weft', 'C'] as const).filter((name) => process.argv[2] === undefined || process.argv[2] === name);
const results: { [column: string]: string }[] = [];
for (const side of sides) results.push(await bench(side));
for (const label of new Set(results.flatMap((row) => Object.keys(row))))
  console.info(`${label.padEnd(36)} ${results.map((row) => (row[label] ?? 'not reached').padEnd(48)).join(' ')}`);
