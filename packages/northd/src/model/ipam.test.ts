import type { Uuid } from '@weft/ovsdb/uuid';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Northd } from '../northd.ts';
import { NbState, newCore } from '../testing/nb-state.ts';

let nb: NbState;
let northd: Northd;
let ls: Uuid;
let problems: string[];

beforeEach(() => {
  nb = new NbState();
  problems = [];
  northd = newCore((message) => problems.push(message));
  nb.insert('NB_Global', { options: map({ mac_prefix: '0a:00:00', svc_monitor_mac: '0a:00:00:00:00:01' }) });
  ls = nb.insert('Logical_Switch', { name: 'ls', other_config: map({ subnet: '10.0.0.0/29' }) });
});

const map = (entries: Readonly<Record<string, string>>): ReadonlyMap<string, string> =>
  new Map(Object.entries(entries).sort());

function addPort(name: string, ...addresses: readonly string[]): Uuid {
  const port = nb.insert('Logical_Switch_Port', { name, addresses });
  nb.link('Logical_Switch', ls, 'ports', port);
  return port;
}

/** Flushes, and writes what northd says back to NB, as the service does. */
function given(...ports: readonly Uuid[]): readonly unknown[] {
  nb.flushTo(northd);
  for (const port of nb.uuids('Logical_Switch_Port')) {
    const said = northd.rows.table('nb', 'Logical_Switch_Port').get(port)?.dynamic_addresses as string | undefined;
    if (nb.get('Logical_Switch_Port', port)?.dynamic_addresses !== said) {
      nb.update('Logical_Switch_Port', port, { dynamic_addresses: said });
    }
  }
  nb.flushTo(northd);
  return ports.map((port) => nb.get('Logical_Switch_Port', port)?.dynamic_addresses);
}

// The first address of the subnet is the router's, and MACs follow the IPv4 address: as a live ovn-northd 23.03 gives them.
describe('dynamic addresses', () => {
  it('are the lowest that are free', () => {
    const [a, b, c] = [
      addPort('a', 'dynamic'),
      addPort('b', '00:00:00:00:00:aa dynamic'),
      addPort('c', 'dynamic 10.0.0.5'),
    ];
    expect(new Set(given(a, b).map((text) => String(text).split(' ')[1]))).toEqual(new Set(['10.0.0.2', '10.0.0.3']));
    expect(given(c)).toEqual(['0a:00:00:00:00:06 10.0.0.5']);
    expect(String(given(b)[0])).toMatch(/^00:00:00:00:00:aa /);
  });

  it('keep clear of what is configured and excluded', () => {
    nb.update('Logical_Switch', ls, {
      other_config: map({ subnet: '10.0.0.0/29', exclude_ips: '10.0.0.2..10.0.0.3' }),
    });
    addPort('fixed', '00:00:00:00:00:01 10.0.0.4');
    expect(given(addPort('a', 'dynamic'))).toEqual(['0a:00:00:00:00:06 10.0.0.5']);
  });

  it('stay when others come and go, and move when somebody is configured with them', () => {
    const a = addPort('a', 'dynamic');
    expect(given(a)).toEqual(['0a:00:00:00:00:03 10.0.0.2']);
    const b = addPort('b', 'dynamic');
    given(b);
    nb.unlink('Logical_Switch', 'ports', a);
    nb.delete('Logical_Switch_Port', a);
    expect(given(b)).toEqual(['0a:00:00:00:00:04 10.0.0.3']);
    addPort('fixed', '00:00:00:00:00:01 10.0.0.3');
    expect(String(given(b)[0])).toMatch(/ 10\.0\.0\.2$/);
  });

  it('survive a restart', () => {
    const ports = ['a', 'b', 'c'].map((name) => addPort(name, 'dynamic'));
    const before = given(...ports);
    northd = nb.recomputed();
    expect(given(...ports)).toEqual(before);
  });

  it('follow an IPv6 prefix', () => {
    nb.update('Logical_Switch', ls, { other_config: map({ ipv6_prefix: 'aef0::' }) });
    expect(given(addPort('a', '00:00:00:00:00:aa dynamic'))).toEqual(['00:00:00:00:00:aa aef0::200:ff:fe00:aa']);
  });

  it('run out with a message, and end with the subnet', () => {
    const ports = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => addPort(name, 'dynamic'));
    expect(given(...ports).filter((text) => String(text).includes('10.0.0.'))).toHaveLength(5);
    expect(problems.join()).toContain('has no address left');
    nb.update('Logical_Switch', ls, { other_config: map({}) });
    expect(given(...ports)).toEqual(ports.map(() => undefined));
  });
});
