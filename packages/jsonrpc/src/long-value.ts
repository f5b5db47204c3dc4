/**
 * Parses one long JSON value while it arrives. A database's first dump may be hundreds of megabytes: held as one string and parsed in one go, it
 * would block the event loop for seconds and come near V8's longest string. So the outer containers are built here, and of their members as many
 * as are whole go to `JSON.parse` together, some 32 kB at a time.
 */
import { constants, isUtf8 } from 'node:buffer';
import { type FramerLimits, FramingError, type ValueReader } from './framing.ts';
import { decodeInvalid } from './invalid-text.ts';
import { define, type Json, mayBeExponent, parseWireJson } from './json.ts';

/** Containers down to this depth are built here, unless others are told. Rows stand below it in every message of OVSDB: {result: [found, id, {table: {uuid: row}}]}. */
const usualDepth = 4;
/** Members are parsed once they are that long together, in bytes. */
const fragmentBytes = 32 * 1024;

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;

interface Frame {
  readonly container: Json[] | { [name: string]: Json };
  /** The name of the member that a nested container will be. */
  name: string;
  /** Something stands before the fragment, so that it must begin with a comma. */
  continued: boolean;
}

export class LongValue implements ValueReader {
  readonly #limits: FramerLimits;
  readonly #shallow: number;
  readonly #frames: Frame[] = [];
  #buffer: Buffer = Buffer.allocUnsafe(4 * fragmentBytes);
  /** Bytes in the buffer, and how many of them were looked at. */
  #length = 0;
  #scanned = 0;
  /** Where the members begin that are not parsed yet, and the last comma between them; -1 for none. */
  #start = 0;
  #comma = -1;
  #total = 0;
  #values = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;
  #digits = 0;
  #bigNumber = false;
  /** All of it so far is UTF-8. */
  #sound = true;
  #value: Json | undefined;

  /** `shallow`: containers down to this depth are built here; of those below, each is parsed in one piece. */
  constructor(limits: FramerLimits, shallow = usualDepth) {
    this.#limits = limits;
    this.#shallow = shallow;
  }

  /** The value, once `feed` said that it is whole. */
  get value(): Json {
    return this.#value ?? null;
  }

  get pendingBytes(): number {
    return this.#length;
  }

  /**
   * Takes the next bytes. Returns how many of them belong to the value if it is whole now, else undefined.
   * @throws FramingError
   */
  feed(bytes: Uint8Array): number | undefined {
    this.#total += bytes.length;
    this.#append(bytes);
    const end = this.#scan();
    if (end !== undefined) return bytes.length - (this.#length - end);
    if (this.#total > this.#limits.maxBytes) {
      throw new FramingError(`message exceeds the maximum of ${this.#limits.maxBytes} bytes`);
    }
    const { maxValues } = this.#limits;
    if (maxValues !== undefined && this.#values > maxValues) {
      throw new FramingError(`message exceeds the maximum of ${maxValues} values`);
    }
    this.#compact();
    return undefined;
  }

  #append(bytes: Uint8Array): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = length;
  }

  /** Drops what is parsed. */
  #compact(): void {
    if (this.#start === 0) return;
    this.#buffer.copy(this.#buffer, 0, this.#start, this.#length);
    this.#length -= this.#start;
    this.#scanned -= this.#start;
    if (this.#comma >= 0) this.#comma -= this.#start;
    this.#start = 0;
  }

  /** Returns where the value ends. */
  #scan(): number | undefined {
    const bytes = this.#buffer.subarray(0, this.#length);
    const end = this.#length;
    let i = this.#scanned;
    while (i < end) {
      if (this.#inString) {
        i = this.#skipString(bytes, i);
        continue;
      }
      const byte = bytes[i]!;
      if (byte >= 0x30 && byte <= 0x39) {
        if (++this.#digits === 16 || (this.#digits === 3 && mayBeExponent(bytes, i))) this.#bigNumber = true;
        i++;
        continue;
      }
      this.#digits = 0;
      if (byte === quote) this.#inString = true;
      else if (byte === 0x7b || byte === 0x5b) this.#open(byte, i);
      else if (byte === 0x7d || byte === 0x5d) {
        if (this.#close(byte, i)) return i + 1;
      } else if (byte === comma) {
        this.#values++;
        if (this.#depth <= this.#shallow) {
          this.#comma = i;
          if (i - this.#start >= fragmentBytes) this.#parseMembers();
        }
      }
      i++;
    }
    this.#scanned = i;
    return undefined;
  }

  #skipString(bytes: Buffer, from: number): number {
    let i = from;
    if (this.#escaped) {
      this.#escaped = false;
      i++;
    }
    const near = Math.min(bytes.length, i + 64);
    while (i < near) {
      const byte = bytes[i++]!;
      if (byte === quote) {
        this.#inString = false;
        return i;
      }
      if (byte === backslash) {
        if (i === bytes.length) {
          this.#escaped = true;
          return i;
        }
        i++;
      }
    }
    if (i >= bytes.length) return i;
    // A long string: let the native search find its end. Backslashes right before a quote decide whether it is the end.
    const found = bytes.indexOf(quote, i);
    const stop = found === -1 ? bytes.length : found;
    let backslashes = 0;
    for (let j = stop - 1; j >= i && bytes[j] === backslash; j--) backslashes++;
    if (found === -1) {
      this.#escaped = backslashes % 2 === 1;
      return stop;
    }
    if (backslashes % 2 === 0) this.#inString = false;
    return found + 1;
  }

  #open(byte: number, position: number): void {
    this.#values++;
    this.#depth++;
    if (this.#depth > this.#limits.maxDepth) {
      throw new FramingError(`input exceeds maximum nesting depth ${this.#limits.maxDepth}`);
    }
    if (this.#depth > this.#shallow) return;
    const parent = this.#frames.at(-1);
    if (parent !== undefined) {
      // Before the bracket stand whole members, and the name of the one that begins.
      if (this.#comma >= this.#start) this.#parseMembers();
      const head = this.#text(this.#start, position).trim();
      this.#readHead(parent, head);
      parent.continued = true;
    }
    this.#frames.push({ container: byte === 0x7b ? {} : [], name: '', continued: false });
    this.#start = position + 1;
    this.#comma = -1;
  }

  /** What stands between the last comma and a bracket: nothing in an array, a name in an object. */
  #readHead(parent: Frame, head: string): void {
    let text = head;
    if (parent.continued) {
      if (!text.startsWith(',')) throw new FramingError('syntax error: expected a comma');
      text = text.slice(1).trim();
    }
    if (Array.isArray(parent.container)) {
      if (text !== '') throw new FramingError('syntax error: unexpected input before a bracket');
      return;
    }
    if (!text.endsWith(':')) throw new FramingError('syntax error: expected a member name');
    const name = parse(text.slice(0, -1), false, this.#sound);
    if (typeof name !== 'string') throw new FramingError('syntax error: expected a member name');
    parent.name = name;
  }

  /** True if that was the end of the value. */
  #close(byte: number, position: number): boolean {
    if (this.#depth > this.#shallow) {
      this.#depth--;
      return false;
    }
    const frame = this.#frames.pop();
    if (frame === undefined || Array.isArray(frame.container) !== (byte === 0x5d)) {
      throw new FramingError('syntax error: brackets do not match');
    }
    this.#addMembers(frame, this.#text(this.#start, position));
    this.#depth--;
    const parent = this.#frames.at(-1);
    if (parent === undefined) {
      this.#value = frame.container;
      return true;
    }
    if (Array.isArray(parent.container)) parent.container.push(frame.container);
    else define(parent.container, parent.name, frame.container);
    this.#start = position + 1;
    this.#comma = -1;
    return false;
  }

  /** Parses the members before the last comma, which begins what is left. */
  #parseMembers(): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    // Right behind a nested container there is only the comma.
    if (this.#comma > this.#start) this.#addMembers(frame, this.#text(this.#start, this.#comma));
    frame.continued = true;
    this.#start = this.#comma;
  }

  #addMembers(frame: Frame, fragment: string): void {
    let text = fragment.trim();
    if (text === '') return;
    if (frame.continued) {
      if (!text.startsWith(',')) throw new FramingError('syntax error: expected a comma');
      text = text.slice(1);
    }
    const array = Array.isArray(frame.container);
    const members = parse(array ? `[${text}]` : `{${text}}`, this.#bigNumber, this.#sound);
    this.#bigNumber = false;
    if (Array.isArray(members)) {
      // A comma with nothing behind it would otherwise pass as no members.
      if (members.length === 0) throw new FramingError('syntax error: expected a value');
      for (const member of members as readonly Json[]) (frame.container as Json[]).push(member);
    } else {
      const entries = Object.entries(members as { readonly [name: string]: Json });
      if (entries.length === 0) throw new FramingError('syntax error: expected a member');
      for (const [name, member] of entries) define(frame.container as { [name: string]: Json }, name, member);
    }
  }

  #text(start: number, end: number): string {
    if (end - start > constants.MAX_STRING_LENGTH) throw new FramingError('a value is too long');
    const bytes = this.#buffer.subarray(start, end);
    if (isUtf8(bytes)) return bytes.toString('utf8');
    this.#sound = false;
    return decodeInvalid(bytes);
  }
}

function parse(text: string, exact: boolean, sound: boolean): Json {
  try {
    return parseWireJson(text, exact, sound);
  } catch (cause) {
    throw new FramingError(`syntax error: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
