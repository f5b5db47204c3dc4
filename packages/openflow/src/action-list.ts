/** Lists of actions that are kept as bytes: what is made by the ten thousands, sent once, and rarely looked into. */
import { readInstructions } from './action-decode.ts';
import { putInstructions } from './action-encode.ts';
import type { Action } from './actions.ts';
import { Reader, type Wire, Writer, wireBytes } from './buffer.ts';

/** The actions of a flow. Empty: drop. */
export type Actions = readonly Action[] | ActionList;

/** Actions by their encoding. Immutable. */
export class ActionList implements Iterable<Action> {
  /** The instructions as a message has them (`putInstructions`); two lists are the same if these are. */
  readonly wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  /** Throws a RangeError for what an OpenFlow message cannot carry. */
  static of(actions: readonly Action[]): ActionList {
    return new ActionList(encoded(actions));
  }

  /** How many actions there are. */
  get length(): number {
    return this.wire === '' ? 0 : this.#actions().length;
  }

  [Symbol.iterator](): Iterator<Action> {
    return this.#actions()[Symbol.iterator]();
  }

  #actions(): readonly Action[] {
    const result = new Reader(wireBytes(this.wire));
    const actions = readInstructions(result);
    if (result.error !== undefined) throw new RangeError(`no actions: ${result.error.message}`);
    return actions;
  }
}

/** The encoding of actions: equal for lists that do the same in the same words. Throws a RangeError for what a message cannot carry. */
export function actionsWire(actions: Actions): Wire {
  return actions instanceof ActionList ? actions.wire : encoded(actions);
}

const scratch = new Writer();

function encoded(actions: readonly Action[]): Wire {
  scratch.pos = 0;
  putInstructions(scratch, actions);
  return scratch.wire();
}
