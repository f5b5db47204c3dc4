import type { Uuid } from '@weft/ovsdb/uuid';
import { describe, expect, it } from 'vitest';
import type { Northd } from '../northd.ts';
import { flowLines, NbState, newCore } from '../testing/nb-state.ts';

interface Fabric {
  readonly nb: NbState;
  readonly northd: Northd;
  readonly lr: Uuid;
  readonly switches: readonly Uuid[];
}

/** Switches of `ports` hosts each behind one router, with as many static routes as switches. */
function fabric(switches: number, ports: number): Fabric {
  const nb = new NbState();
  const lr = nb.insert('Logical_Router', { name: 'lr' });
  const uuids: Uuid[] = [];
  for (let s = 0; s < switches; s++) uuids.push(addSwitch(nb, lr, s, ports));
  for (let r = 0; r < switches; r++) addRoute(nb, lr, `172.16.${r}.0/24`, '10.0.0.254');
  const northd = newCore();
  nb.flushTo(northd);
  return { nb, northd, lr, switches: uuids };
}

function addSwitch(nb: NbState, lr: Uuid, s: number, ports: number): Uuid {
  const ls = nb.insert('Logical_Switch', { name: `ls${s}` });
  const mac = `00:00:01:00:${hex(s >> 8)}:${hex(s & 255)}`;
  const lrp = nb.insert('Logical_Router_Port', { name: `lr-ls${s}`, mac, networks: [`10.${s >> 8}.${s & 255}.1/24`] });
  nb.link('Logical_Router', lr, 'ports', lrp);
  const options = new Map([['router-port', `lr-ls${s}`]]);
  const lsp = nb.insert('Logical_Switch_Port', { name: `ls${s}-lr`, type: 'router', addresses: ['router'], options });
  nb.link('Logical_Switch', ls, 'ports', lsp);
  for (let p = 0; p < ports; p++) addHost(nb, ls, s, p);
  return ls;
}

function addHost(nb: NbState, ls: Uuid, s: number, p: number): void {
  const mac = `00:00:02:${hex(s >> 8)}:${hex(s & 255)}:${hex(p)}`;
  const port = nb.insert('Logical_Switch_Port', {
    name: `p${s}-${p}`,
    addresses: [`${mac} 10.${s >> 8}.${s & 255}.${p + 10}`],
  });
  nb.link('Logical_Switch', ls, 'ports', port);
}

function addRoute(nb: NbState, lr: Uuid, ip_prefix: string, nexthop: string): void {
  nb.link('Logical_Router', lr, 'static_routes', nb.insert('Logical_Router_Static_Route', { ip_prefix, nexthop }));
}

const hex = (n: number): string => n.toString(16).padStart(2, '0');

/** What ran, and how many flows were touched, for one change of a fabric. */
function work(size: readonly [switches: number, ports: number], change: (fabric: Fabric) => void) {
  const it = fabric(...size);
  it.northd.flows.takeChanged();
  it.northd.rt.resetStats();
  change(it);
  it.nb.flushTo(it.northd);
  const runs = Object.fromEntries([...it.northd.rt.stats()].sort());
  const flows = it.northd.flows.takeChanged().size;
  expect(flowLines(it.northd)).toEqual(flowLines(it.nb.recomputed()));
  return { runs, flows };
}

describe('behind a router, the work of one change does not depend on the size of the network', () => {
  const small = [4, 4] as const;
  const large = [24, 24] as const;

  it('for one more host', () => {
    const add = ({ nb, switches }: Fabric): void => addHost(nb, switches[1] as Uuid, 1, 99);
    expect(work(large, add)).toEqual(work(small, add));
  });

  it('for a host that changes its address', () => {
    const move = ({ nb }: Fabric): void => {
      const port = nb.uuids('Logical_Switch_Port').find((uuid) => nb.get('Logical_Switch_Port', uuid)?.name === 'p2-1');
      nb.update('Logical_Switch_Port', port as Uuid, { addresses: ['00:00:02:00:02:01 10.0.2.77'] });
    };
    expect(work(large, move)).toEqual(work(small, move));
  });

  it('for one more static route', () => {
    const add = ({ nb, lr }: Fabric): void => addRoute(nb, lr, '192.168.0.0/16', '10.0.1.254');
    expect(work(large, add)).toEqual(work(small, add));
  });

  it('for one more switch with its router port', () => {
    const add = ({ nb, lr }: Fabric): void => {
      addSwitch(nb, lr, 200, 2);
    };
    expect(work(large, add)).toEqual(work(small, add));
  });
});
