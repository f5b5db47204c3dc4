import { expect, it } from 'vitest';
import { NbState, newCore } from '../testing/nb-state.ts';

it('says what it ignores, once', () => {
  const said: string[] = [];
  const nb = new NbState();
  nb.insert('NB_Global', {});
  const northd = newCore((message) => said.push(message));
  nb.insert('Logical_Switch', { name: 'ls', other_config: new Map([['mcast_snoop', 'true']]) });
  nb.insert('Logical_Router', { name: 'lr', options: new Map([['mcast_relay', 'false']]) });
  nb.insert('Load_Balancer', { name: 'lb1' });
  nb.insert('Load_Balancer', { name: 'lb2' });
  nb.flushTo(northd);
  nb.insert('Load_Balancer', { name: 'lb3' });
  nb.flushTo(northd);
  expect(said).toEqual([
    'Load_Balancer rows are ignored: load balancers are not supported yet',
    'Logical_Switch "ls" other_config:mcast_snoop=true is ignored: it is not supported yet',
  ]);
});
