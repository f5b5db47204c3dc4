import { castOf, type Maker } from '@weft/cli/demo/lab';
import { waitFor } from '@weft/cli/demo/process';
import { guests, ping, pingUntilAnswered, plug } from '@weft/cli/demo/walkthrough';
import { describe, expect, it } from 'vitest';
import { labOfSuite } from '../lab.ts';

/** Opens a connection, or sends a datagram, and prints what the kernel made of the answer. */
const probe = (kind: 'SOCK_STREAM' | 'SOCK_DGRAM', to: string, port: number) => `
import socket
s = socket.socket(socket.${to.includes(':') ? 'AF_INET6' : 'AF_INET'}, socket.${kind})
s.settimeout(3)
try:
    s.connect(('${to}', ${port}))
    s.send(b'x')
    s.recv(10)
    print('answered')
except Exception as e:
    print(type(e).__name__)
`;

// Guests are known to the switches by MAC only, and to the router not at all: everything is resolved, and learned.
describe.each<Maker>(['weft', 'c'])('packets that the controller answers: %s', (maker) => {
  const { g1, g2, g3 } = guests;
  const lab = labOfSuite({ ...castOf('c'), controller1: maker, controller2: maker }, async (lab) => {
    await lab.nbctl(
      ...'ls-add ls1 -- ls-add ls2 -- lr-add lr1'.split(' '),
      ...'-- lrp-add lr1 lr1-ls1 00:00:00:00:11:00 192.168.1.1/24 fd01::1/64'.split(' '),
      ...'-- lrp-add lr1 lr1-ls2 00:00:00:00:12:00 192.168.2.1/24 fd02::1/64'.split(' '),
      ...[1, 2].flatMap((n) => [
        ...`-- lsp-add ls${n} ls${n}-lr1 -- lsp-set-type ls${n}-lr1 router`.split(' '),
        ...`-- lsp-set-addresses ls${n}-lr1 router -- lsp-set-options ls${n}-lr1 router-port=lr1-ls${n}`.split(' '),
      ]),
      ...[g1, g2, g3].flatMap((guest) => [
        ...`-- lsp-add ${guest === g3 ? 'ls2' : 'ls1'} ${guest.logicalPort}`.split(' '),
        ...['--', 'lsp-set-addresses', guest.logicalPort, 'unknown'],
      ]),
    );
    for (const guest of [g1, g2, g3]) {
      await plug(lab, guest);
      const net = guest === g3 ? 'fd02' : 'fd01';
      await inGuest(guest, 'ip', 'address', 'add', `${net}::1${guest.mac.at(-1)}/64`, 'dev', 'eth0', 'nodad');
      await inGuest(guest, 'ip', '-6', 'route', 'add', 'default', 'via', `${net}::1`);
    }
    await lab.nbctl('--wait=hv', 'sync');
    await pingUntilAnswered(lab, g1, '192.168.1.1');
  });
  const inGuest = (guest: (typeof guests)[keyof typeof guests], ...command: string[]) =>
    lab.tryExec(lab.guestNamespace(guest), command, { timeout: 20_000 });

  const known = async (table: 'MAC_Binding' | 'FDB') =>
    (await lab.sbctl('--bare', '--columns=mac', 'list', table)).trim().split('\n');

  it('resolves IPv4 next hops, and holds no packet back for ever', async () => {
    await pingUntilAnswered(lab, g1, '192.168.2.30');
    expect((await ping(lab, g1, '192.168.2.30')).ttls).toEqual([63, 63, 63]);
    await waitFor('the MAC binding', async () => (await known('MAC_Binding')).includes(g3.mac));
  });

  it('resolves IPv6 next hops, with the first packet', async () => {
    await lab.sbctl('--all', 'destroy', 'MAC_Binding');
    await lab.nbctl('--wait=hv', 'sync');
    const { stdout } = await inGuest(g1, 'ping', '-n', '-c', '3', '-i', '0.2', '-W', '2', 'fd02::13');
    expect(stdout).toMatch(/[23] received/);
    const bound = await lab.sbctl('--bare', '--columns=ip', 'find', 'MAC_Binding', 'ip="fd02::13"');
    expect(bound.trim()).toBe('fd02::13');
  });

  it('learns the MACs behind ports with unknown addresses', async () => {
    await pingUntilAnswered(lab, g1, '192.168.1.20');
    await waitFor('the FDB', async () => (await known('FDB')).includes(g1.mac));
  });

  it.each([
    ['IPv4', '192.168.2.30', '192.168.1.1'],
    ['IPv6', 'fd02::13', 'fd01::1'],
  ])('says when the time to live of an %s packet is exceeded', async (_family, to, gateway) => {
    const { stdout } = await inGuest(g1, 'ping', '-n', '-c', '1', '-W', '3', '-t', '1', to);
    expect(stdout).toMatch(new RegExp(`From ${gateway}.*(Time to live exceeded|Hop limit)`));
  });

  it.each([
    ['a datagram to a router', 'SOCK_DGRAM', '192.168.1.1', 4242],
    ['an IPv6 datagram to a router', 'SOCK_DGRAM', 'fd01::1', 4242],
    ['a connection to a router', 'SOCK_STREAM', '192.168.1.1', 4242],
    ['an IPv6 connection to a router', 'SOCK_STREAM', 'fd01::1', 4242],
  ] as const)('refuses %s', async (_what, kind, to, port) => {
    const { stdout } = await inGuest(g1, 'python3', '-c', probe(kind, to, port));
    expect(stdout.trim()).toBe('ConnectionRefusedError');
  });
});
