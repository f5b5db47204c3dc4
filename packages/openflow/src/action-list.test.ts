import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryFlow } from '../test/arbitrary.ts';
import { ActionList, actionsWire } from './action-list.ts';
import { encode } from './message-encode.ts';

describe('a list of actions by its encoding', () => {
  it('has the actions that it was made of, and makes the same message', () => {
    fc.assert(
      fc.property(arbitraryFlow, (flow) => {
        const list = ActionList.of([...flow.actions]);
        expect(actionsWire(list)).toBe(actionsWire(flow.actions));
        // What was read is read again: the encoding has one way of saying each thing.
        const read = [...list];
        expect(list.length).toBe(read.length);
        expect([...ActionList.of(read)]).toEqual(read);
        expect(actionsWire(read)).toBe(list.wire);
        const message = (actions: typeof flow.actions) =>
          encode({ type: 'flow_mod', mod: { ...flow, actions, command: 'add' } });
        expect(message(list)).toEqual(message(flow.actions));
      }),
    );
  });

  it('of no actions is a drop', () => {
    expect(ActionList.of([])).toMatchObject({ wire: '', length: 0 });
  });

  it('refuses bytes that are no actions when they are looked into', () => {
    expect(() => [...new ActionList('nonsense')]).toThrow(RangeError);
  });
});
