// What the C ovn-controller says to a switch, overheard: our decoder understands every message, and our encoder gives it back byte for byte.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { decodeMessage } from '@weft/openflow/message-decode';
import { encode } from '@weft/openflow/message-encode';
import type { Message } from '@weft/openflow/messages';
import { startTap, type Tap } from '@weft/openflow/tap';
import { requireProgram, startSwitch, type TestSwitch } from '@weft/openflow/testing';
import { formatFlow, parseFlow } from '@weft/openflow/text-flow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const dir = mkdtempSync(join(tmpdir(), 'weft-of-ovn-'));
const env = {
  ...process.env,
  OVN_RUNDIR: dir,
  OVS_RUNDIR: dir,
  OVN_NB_DB: `unix:${dir}/nb.sock`,
  OVN_SB_DB: `unix:${dir}/sb.sock`,
};
const daemon = (name: string): string[] => [
  `--pidfile=${join(dir, `${name}.pid`)}`,
  '--detach',
  '--no-chdir',
  `--log-file=${join(dir, `${name}.log`)}`,
];
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
let sw: TestSwitch;
let tap: Tap;

/** A network that uses much of what logical flows can do. Each line is one ovn-nbctl. */
const network = `
ls-add ls1 -- ls-add ls2 -- ls-add pub -- lr-add lr1
lsp-add ls1 p1 -- lsp-set-addresses p1|00:00:00:00:01:01 10.0.1.11 fd01::11| -- lsp-set-port-security p1|00:00:00:00:01:01 10.0.1.11 fd01::11|
lsp-add ls1 p2 -- lsp-set-addresses p2|00:00:00:00:01:02 10.0.1.12 fd01::12|
lsp-add ls2 q1 -- lsp-set-addresses q1|00:00:00:00:02:01 10.0.2.11|unknown
lsp-add ls2 q2 -- lsp-set-addresses q2|00:00:00:00:02:02 10.0.2.12|
lrp-add lr1 lr1-ls1 00:00:00:00:ff:01 10.0.1.1/24 fd01::1/64 -- lsp-add ls1 ls1-lr1 -- lsp-set-type ls1-lr1 router -- lsp-set-addresses ls1-lr1 router -- lsp-set-options ls1-lr1 router-port=lr1-ls1
lrp-add lr1 lr1-ls2 00:00:00:00:ff:02 10.0.2.1/24 fd02::1/64 -- lsp-add ls2 ls2-lr1 -- lsp-set-type ls2-lr1 router -- lsp-set-addresses ls2-lr1 router -- lsp-set-options ls2-lr1 router-port=lr1-ls2
lrp-add lr1 lr1-pub 00:00:00:00:ff:03 172.16.0.1/24 -- lsp-add pub pub-lr1 -- lsp-set-type pub-lr1 router -- lsp-set-addresses pub-lr1 router -- lsp-set-options pub-lr1 router-port=lr1-pub -- lrp-set-gateway-chassis lr1-pub node1 10
lsp-add pub ln -- lsp-set-type ln localnet -- lsp-set-addresses ln unknown -- lsp-set-options ln network_name=phys
set logical_router_port lr1-pub options:gateway_mtu=1400 -- set logical_router_port lr1-ls1 ipv6_ra_configs:address_mode=slaac
lr-nat-add lr1 snat 172.16.0.10 10.0.1.0/24 -- lr-nat-add lr1 dnat_and_snat 172.16.0.11 10.0.1.11
pg-add pg1 p1 p2 -- create address_set name=as1 addresses=10.0.5.1,10.0.5.2,10.0.5.9
meter-add m1 drop 10 pktps 5
--log --severity=info --name=x --meter=m1 acl-add pg1 to-lport 1000|outport == @pg1 && ip4.src == $as1 && tcp.dst == {80,443}|allow-related
acl-add pg1 from-lport 900|inport == @pg1 && icmp4|reject
lb-add lb1 10.0.1.100:80 10.0.1.11:8080,10.0.1.12:8080 tcp -- ls-lb-add ls1 lb1 -- lr-lb-add lr1 lb1 -- set load_balancer lb1 options:affinity_timeout=30
set logical_switch ls1 other_config:mcast_snoop=true other_config:mcast_querier=false
qos-add ls1 from-lport 100 ip4 rate=1000 burst=100 dscp=10
lr-route-add lr1 10.9.0.0/16 10.0.2.5 -- --ecmp lr-route-add lr1 10.8.0.0/16 10.0.2.5 -- --ecmp lr-route-add lr1 10.8.0.0/16 10.0.2.6
`;

beforeAll(async () => {
  requireProgram('ovn-controller', 'ovn-host');
  requireProgram('ovn-northd', 'ovn-central');
  for (const db of ['nb', 'sb']) {
    run('ovsdb-tool', 'create', join(dir, `${db}.db`), `/usr/share/ovn/ovn-${db}.ovsschema`);
    const socket = `--remote=punix:${join(dir, `${db}.sock`)}`;
    run('ovsdb-server', join(dir, `${db}.db`), socket, `--unixctl=${join(dir, `${db}.ctl`)}`, ...daemon(db));
  }
  run('ovn-nbctl', 'init');
  run('ovn-sbctl', 'init');
  run('ovn-northd', ...daemon('northd'));
  for (const line of network.trim().split('\n')) {
    // Bars stand around arguments with blanks.
    const args = line
      .split('|')
      .flatMap((part, i) => (i % 2 === 1 ? [part] : part.split(' ').filter((arg) => arg !== '')));
    run('ovn-nbctl', ...args);
  }
  run('ovn-sbctl', 'chassis-add', 'node2', 'geneve', '127.0.0.2');
  run('ovn-nbctl', '--wait=sb', 'sync');
  run('ovn-sbctl', 'lsp-bind', 'q2', 'node2');
  sw = startSwitch();
  sw.vsctl(
    'set',
    'open',
    '.',
    `external_ids:ovn-remote=unix:${dir}/sb.sock`,
    'external_ids:ovn-encap-ip=127.0.0.1',
    'external_ids:ovn-encap-type=geneve',
    'external_ids:system-id=node1',
    'external_ids:ovn-bridge-mappings=phys:br-phys',
    'external_ids:ovn-monitor-all=true',
  );
  sw.vsctl('add-br', 'br-phys', '--', 'set', 'bridge', 'br-phys', 'datapath_type=dummy');
  for (const port of ['p1', 'p2', 'q1']) {
    sw.vsctl('add-port', 'br-int', port, '--', 'set', 'interface', port, 'type=dummy', `external_ids:iface-id=${port}`);
  }
  mkdirSync(dir, { recursive: true });
  tap = await startTap(join(dir, 'br-int.mgmt'), sw.remote.slice('unix:'.length));
  run('ovn-controller', `unix:${sw.dir}/db.sock`, ...daemon('ovn-controller'));
  // The claim of p1 is what ovn-controller writes last.
  for (let i = 0; i < 300 && run('ovn-nbctl', 'lsp-get-up', 'p1').trim() !== 'up'; i++) await sleep(100);
  run('ovn-nbctl', '--wait=hv', '--timeout=20', 'sync');
});

afterAll(() => {
  for (const name of ['ovn-controller', 'northd', 'nb', 'sb']) {
    const pidfile = join(dir, `${name}.pid`);
    if (existsSync(pidfile)) process.kill(Number(readFileSync(pidfile, 'utf8')));
  }
  tap?.close();
  sw?.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Setting a tunnel option whole: C masks all its bits, we leave the mask out, and the switch takes both for the same. */
function setsTunnelOption(message: Message): boolean {
  const inner = message.type === 'bundle_add' ? message.message : message;
  return (
    inner.type === 'flow_mod' &&
    [...inner.mod.actions].some((a) => a.type === 'set_field' && a.field.name.startsWith('tun_metadata'))
  );
}

describe('what ovn-controller says to a switch', () => {
  it('is decoded, encoded to the same bytes, and printed and parsed to the same flows', () => {
    const flows: string[] = [];
    const kinds = new Set<string>();
    for (const bytes of tap.messages) {
      const hex = Buffer.from(bytes).toString('hex');
      const decoded = decodeMessage(bytes);
      if (!decoded.ok) throw new Error(`${decoded.error.message} at byte ${decoded.error.offset} of ${hex}`);
      const { message, xid } = decoded.value;
      expect([message.type, hex]).not.toContain('unknown');
      const inner = message.type === 'bundle_add' ? message.message : message;
      if (inner.type === 'flow_mod') {
        const text = formatFlow(inner.mod);
        flows.push(text);
        for (const action of inner.mod.actions) kinds.add(action.type);
        const parsed = parseFlow(text);
        if (!parsed.ok) throw new Error(`${parsed.error.message}: ${text}`);
        expect(formatFlow(parsed.value)).toBe(text);
        expect(parsed.value.match.key).toBe(inner.mod.match.key);
      }
      if (!setsTunnelOption(message))
        expect([message.type, Buffer.from(encode(message, xid)).toString('hex')]).toEqual([message.type, hex]);
    }
    expect(flows.length).toBeGreaterThan(500);
    for (const kind of [
      'controller',
      'ct',
      'conjunction',
      'group',
      'learn',
      'clone',
      'check_pkt_larger',
      'move',
      'meter',
    ]) {
      expect([...kinds]).toContain(kind);
    }
  });

  it('is what our text says of the switch afterwards', () => {
    const lines = sw
      .ofctl('dump-flows', 'br-int', '--no-stats')
      .split('\n')
      .filter((line) => line.includes('actions='));
    expect(lines.length).toBeGreaterThan(500);
    for (const line of lines) {
      const parsed = parseFlow(line);
      if (!parsed.ok) throw new Error(`${parsed.error.message}: ${line.slice(parsed.error.offset)}`);
      const ours = formatFlow(parsed.value);
      const body = ours.slice(ours.indexOf(' actions='));
      expect(line.slice(-body.length)).toBe(body);
    }
  });
});
