/**
 * Says of the beginning of a JSON value, while it arrives, whether a value can begin like that: whoever waits for the end of what can have none would wait for
 * ever. Looks at the grammar of an object or array only; what a string or a number means is asked when the value is whole.
 */
import { FramingError } from './framing.ts';

/** What each byte leads to in each state, 256 entries for a state: another state, or what is to be done. */
const table: number[] = [];

// No value goes on like that.
const wrong = 0;
// What is to be done, apart from going on in another state.
const openObject = 1;
const openArray = 2;
const closeObject = 3;
const closeArray = 4;
const comma = 5;
const firstState = 6;

let states = firstState;

/** A new state, in which these bytes lead there. */
function state(...steps: readonly Step[]): number {
  const made = states++;
  for (let byte = 0; byte < 256; byte++) table[made * 256 + byte] = wrong;
  for (const step of steps) lead(made, step);
  return made;
}

type Step = readonly [bytes: string, next: number];

function lead(from: number, [bytes, next]: Step): void {
  for (const byte of Buffer.from(bytes, 'latin1')) table[from * 256 + byte] = next;
}

const digit = '0123456789';
const space = ' \n\r\t';
const escaped = '"\\/bfnrt';
const plain = Array.from({ length: 224 }, (_, i) => String.fromCharCode(i + 32))
  .join('')
  .replace(/["\\]/g, '');

/** Between tokens, where space changes nothing. */
function between(...steps: readonly Step[]): number {
  const made = state(...steps);
  lead(made, [space, made]);
  return made;
}

/** Behind the quote that begins a string, which leads `behind` its end. */
function string(behind: number): number {
  const inside = state(['"', behind]);
  let hex = inside;
  for (let missing = 1; missing <= 4; missing++) hex = state([`${digit}abcdefABCDEF`, hex]);
  lead(inside, [plain, inside]);
  lead(inside, ['\\', state([escaped, inside], ['u', hex])]);
  return inside;
}

/** Behind the first letter of a word. */
function word(rest: string): number {
  return [...rest].reduceRight((next, letter) => state([letter, next]), afterValue);
}

/** Behind a number that may end here. */
function numeral(...steps: readonly Step[]): number {
  return state(...ends, ...steps);
}

const ends: readonly Step[] = [
  [',', comma],
  ['}', closeObject],
  [']', closeArray],
];
const afterValue = between(...ends);
const spaced: Step = [space, afterValue];

const exponent = numeral(spaced);
lead(exponent, [digit, exponent]);
const exponentMark = state([digit, exponent], ['+-', state([digit, exponent])]);
const fraction = numeral(spaced, ['eE', exponentMark]);
lead(fraction, [digit, fraction]);
const zero = numeral(spaced, ['eE', exponentMark], ['.', state([digit, fraction])]);
const integer = numeral(spaced, ['eE', exponentMark], ['.', state([digit, fraction])]);
lead(integer, [digit, integer]);
const integers: readonly Step[] = [
  [digit, integer],
  ['0', zero],
];
const values: readonly Step[] = [
  ['"', string(afterValue)],
  ['{', openObject],
  ['[', openArray],
  ['t', word('rue')],
  ['f', word('alse')],
  ['n', word('ull')],
  ['-', state(...integers)],
  ...integers,
];
const value = between(...values);
const valueOrEnd = between(...values, [']', closeArray]);
const nameStep: Step = ['"', string(between([':', value]))];
const name = between(nameStep);
const nameOrEnd = between(nameStep, ['}', closeObject]);
const transitions = Uint8Array.from(table, (next) => next ?? wrong);

export class JsonPrefix {
  #state = value;
  /** What closes each container that is open. */
  readonly #closers: number[] = [];

  /**
   * Takes the next bytes.
   * @throws FramingError if no value goes on like that.
   */
  feed(bytes: Uint8Array): void {
    let state = this.#state;
    for (let i = 0; i < bytes.length; i++) {
      const next = transitions[state * 256 + bytes[i]!]!;
      state = next >= firstState ? next : this.#act(next, bytes[i]!);
    }
    this.#state = state;
  }

  /** Returns the state that follows. */
  #act(what: number, byte: number): number {
    switch (what) {
      case openObject:
        this.#closers.push(closeObject);
        return nameOrEnd;
      case openArray:
        this.#closers.push(closeArray);
        return valueOrEnd;
      case closeObject:
      case closeArray:
        if (this.#closers.pop() !== what) throw unexpected(byte);
        return afterValue;
      case comma:
        return this.#closers.at(-1) === closeObject ? name : value;
      default:
        throw unexpected(byte);
    }
  }
}

function unexpected(byte: number): FramingError {
  const shown = byte > 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `byte ${byte}`;
  return new FramingError(`syntax error: unexpected ${shown}`);
}
