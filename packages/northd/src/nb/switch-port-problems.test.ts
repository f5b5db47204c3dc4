import { describe, expect, it } from 'vitest';
import { NbState, newCore } from '../testing/nb-state.ts';

const a = '02:00:00:00:00:0a';
const b = '02:00:00:00:00:0b';

/** A switch with the ports, by name and columns; gives what northd says of them, after two flushes. */
function problemsOf(ports: Readonly<Record<string, object>>, more?: (nb: NbState) => void): readonly string[] {
  const said: string[] = [];
  const nb = new NbState();
  nb.insert('NB_Global', {});
  const ls = nb.insert('Logical_Switch', { name: 'ls' });
  for (const [name, columns] of Object.entries(ports)) {
    nb.link('Logical_Switch', ls, 'ports', nb.insert('Logical_Switch_Port', { name, ...columns }));
  }
  const northd = newCore((message) => said.push(message));
  nb.flushTo(northd);
  more?.(nb);
  nb.flushTo(northd);
  return said;
}

describe('switch ports that make no sense', () => {
  it('are named: a router port that does not exist', () => {
    const options = new Map([['router-port', 'nowhere']]);
    expect(problemsOf({ p: { type: 'router', options } })).toEqual([
      'Logical_Switch_Port "p" leads nowhere: there is no Logical_Router_Port "nowhere"',
    ]);
  });

  it('are named: port security that cannot be read', () => {
    const [problem = '', ...others] = problemsOf({ p: { port_security: ['junk', `${a} 10.0.0.1/24`] } });
    expect(problem).toContain('"p"');
    expect(problem).toContain('"junk"');
    expect(others).toEqual([]);
  });

  it('are named: an address that two ports have, however it is written, once', () => {
    const said = problemsOf({
      p: { addresses: [`${a} 10.0.0.1 fd01::1`] },
      q: { addresses: [`${b} 10.0.0.2 fd01:0::1`, a.toUpperCase()] },
    });
    expect([...said].sort()).toEqual([
      `duplicate address ${a} in Logical_Switch "ls": ports "p" and "q"`,
      'duplicate address fd01::1 in Logical_Switch "ls": ports "p" and "q"',
    ]);
  });

  it('are not those of different switches, nor disabled ones, nor an address that moves from one port to another', () => {
    const ports: Record<string, object> = { p: { addresses: [a] }, q: { addresses: [a], enabled: false }, r: {} };
    const said = problemsOf(ports, (nb) => {
      const other = nb.insert('Logical_Switch', { name: 'other' });
      nb.link('Logical_Switch', other, 'ports', nb.insert('Logical_Switch_Port', { name: 's', addresses: [a] }));
      const [p, , r] = nb.uuids('Logical_Switch_Port');
      if (p === undefined || r === undefined) throw new Error('the ports are gone');
      nb.update('Logical_Switch_Port', r, { addresses: [a] });
      nb.update('Logical_Switch_Port', p, { addresses: [b] });
    });
    expect(said).toEqual([]);
  });
});
