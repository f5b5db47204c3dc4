/**
 * Cuts a byte stream into JSON values. OVSDB writes them one after the other without separators (RFC 7047 section 4), so the end of a
 * value is where its brackets close.
 *
 * Chunks may end anywhere, inside a UTF-8 sequence too: only brackets and quotes are looked at before a value is whole.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { defaultLimits, type FramerLimits, FramingError, type ValueReader } from './framing.ts';
import { decodeInvalid } from './invalid-text.ts';
import { type Json, mayBeExponent, parseWireJson } from './json.ts';
import { JsonPrefix } from './json-prefix.ts';
import { LongValue } from './long-value.ts';

export type { FramerLimits } from './framing.ts';

const quote = 0x22;
const backslash = 0x5c;
/** Strings longer than this are worth a call of the native search. */
const longString = 64;
/** Longer values are parsed as they arrive. */
const defaultLongBytes = 256 * 1024;
/** Of a value that does not come in one piece so much is looked at before it is whole: who sends more goes on, as a rule, or has it parsed as it arrives. */
const prefixBytes = 64 * 1024;
/** Kept from one long value to the next, so that small values that span chunks allocate nothing. */
const keptCapacity = 64 * 1024;

export class JsonFramer {
  readonly #limits: FramerLimits;
  readonly #onValue: (value: Json) => void;
  readonly #readerOf: ((begin: Buffer) => ValueReader | undefined) | undefined;
  #stopped = false;
  /** Reads the value at work by itself. */
  #reader: ValueReader | undefined;
  #holding = false;
  /** What came while held. */
  #held: Buffer | undefined;

  // The beginning of a value whose end has not come yet.
  #pending: Buffer = Buffer.alloc(0);
  #pendingLength = 0;
  /** Whether it can have an end. */
  #prefix = new JsonPrefix();

  // Where the scan stands.
  #depth = 0;
  #inString = false;
  #escaped = false;
  /** Length of the run of digits that the scan is in. */
  #digits = 0;
  /** The value holds a number of 16 digits or more, or with an exponent of three, which may not fit a double. */
  #bigNumber = false;

  /** @param readerOf asked about each value, of which it gets the first bytes, whether somebody reads it by himself */
  constructor(
    onValue: (value: Json) => void,
    limits: FramerLimits = defaultLimits,
    readerOf?: (begin: Buffer) => ValueReader | undefined,
  ) {
    this.#onValue = onValue;
    this.#limits = limits;
    this.#readerOf = readerOf;
  }

  /** Bytes held of a value that is not whole. */
  get pendingBytes(): number {
    return this.#pendingLength + (this.#reader?.pendingBytes ?? 0);
  }

  /** A value is being parsed as it arrives: what comes next is work. */
  get inLongValue(): boolean {
    return this.#reader !== undefined;
  }

  /** Drops what comes, and what is left of the chunk at work. */
  stop(): void {
    this.#stopped = true;
    this.#reader = undefined;
    this.#held = undefined;
    this.#pending = Buffer.alloc(0);
    this.#pendingLength = 0;
  }

  get holding(): boolean {
    return this.#holding;
  }

  /** Bytes that came while held. */
  get heldBytes(): number {
    return this.#held?.length ?? 0;
  }

  /** No further value until `release`; may be called from `onValue`. */
  hold(): void {
    this.#holding = true;
  }

  /**
   * Goes on with what came meanwhile, unless held again.
   * @throws FramingError, after which the framer drops everything.
   */
  release(): void {
    this.#holding = false;
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) this.push(held);
  }

  /**
   * Takes the next bytes; calls `onValue` for each value that they complete.
   * @throws FramingError, after which the framer drops everything.
   */
  push(chunk: Uint8Array): void {
    if (this.#stopped) return;
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (this.#holding) {
      this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
      return;
    }
    try {
      this.#scan(bytes);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  #scan(bytes: Buffer): void {
    const end = bytes.length;
    let start = 0;
    let i = 0;
    if (this.#reader !== undefined) {
      const taken = this.#reader.feed(bytes);
      if (taken === undefined) return;
      i = taken;
      this.#finishRead();
    }
    while (i < end && !this.#stopped) {
      if (this.#holding) {
        this.#held = bytes.subarray(i);
        return;
      }
      if (this.#depth === 0) {
        // Between values: space, or the bracket that opens one.
        const byte = bytes[i]!;
        if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) {
          i++;
          continue;
        }
        if (byte !== 0x7b && byte !== 0x5b) throw new FramingError('syntax error: expected an object or an array');
        this.#reader = this.#readerOf?.(bytes.subarray(i));
        if (this.#reader !== undefined) {
          const taken = this.#reader.feed(bytes.subarray(i));
          if (taken === undefined) return;
          i += taken;
          this.#finishRead();
          continue;
        }
        start = i;
        i++;
        this.#depth = 1;
        this.#digits = 0;
        this.#bigNumber = false;
        this.#pendingLength = 0;
      }
      i = this.#scanValue(bytes, i);
      if (this.#pendingLength + (i - start) > this.#limits.maxBytes) {
        throw new FramingError(`message exceeds the maximum of ${this.#limits.maxBytes} bytes`);
      }
      if (this.#depth === 0) {
        this.#finish(start === 0 && i === end ? bytes : bytes.subarray(start, i));
        start = i;
      }
    }
    if (this.#depth > 0 && !this.#stopped) {
      this.#checkPrefix(bytes.subarray(start, end));
      this.#hold(bytes.subarray(start, end));
      if (this.#pendingLength > (this.#limits.longBytes ?? defaultLongBytes)) this.#beginLong();
    }
  }

  /** Looks at the next part of a value that is not whole. One that comes in one piece costs nothing here: its parser looks. */
  #checkPrefix(bytes: Buffer): void {
    if (this.#pendingLength === 0) this.#prefix = new JsonPrefix();
    if (this.#pendingLength < prefixBytes) this.#prefix.feed(bytes.subarray(0, prefixBytes - this.#pendingLength));
  }

  /** Goes over to parsing the value as it arrives. */
  #beginLong(): void {
    this.#reader = new LongValue(this.#limits);
    this.#reader.feed(this.#pending.subarray(0, this.#pendingLength));
    this.#pending = Buffer.alloc(0);
    this.#pendingLength = 0;
  }

  #finishRead(): void {
    const value = this.#reader?.value ?? null;
    this.#reader = undefined;
    this.#depth = 0;
    this.#inString = false;
    this.#escaped = false;
    this.#onValue(value);
  }

  /** Scans from `i` to the end of the value or of the bytes, and returns where that is. */
  #scanValue(bytes: Buffer, i: number): number {
    const end = bytes.length;
    const { maxDepth } = this.#limits;
    let depth = this.#depth;
    let digits = this.#digits;
    let inString = this.#inString;
    while (i < end) {
      if (inString) {
        i = this.#scanString(bytes, i);
        inString = this.#inString;
        continue;
      }
      const byte = bytes[i++]!;
      if (byte >= 0x30 && byte <= 0x39) {
        if (++digits === 16 || (digits === 3 && mayBeExponent(bytes, i - 1))) this.#bigNumber = true;
        continue;
      }
      digits = 0;
      if (byte === quote) {
        inString = true;
        this.#inString = true;
      } else if (byte === 0x7b || byte === 0x5b) {
        if (++depth > maxDepth) throw new FramingError(`input exceeds maximum nesting depth ${maxDepth}`);
      } else if (byte === 0x7d || byte === 0x5d) {
        if (--depth === 0) break;
      }
    }
    this.#depth = depth;
    this.#digits = digits;
    return i;
  }

  /** Scans inside a string, to behind its closing quote or to the end of the bytes. */
  #scanString(bytes: Buffer, i: number): number {
    const end = bytes.length;
    const near = Math.min(end, i + longString);
    let escaped = this.#escaped;
    while (i < near) {
      const byte = bytes[i++]!;
      if (escaped) {
        escaped = false;
      } else if (byte === quote) {
        this.#inString = false;
        this.#escaped = false;
        return i;
      } else if (byte === backslash) {
        escaped = true;
      }
    }
    this.#escaped = escaped;
    if (i === end || escaped) return i;
    // A long string: the native search finds the next quote, and only the backslashes right before it decide whether it closes the string.
    const found = bytes.indexOf(quote, i);
    const stop = found === -1 ? end : found;
    let backslashes = 0;
    for (let j = stop - 1; j >= i && bytes[j] === backslash; j--) backslashes++;
    if (found === -1) {
      this.#escaped = backslashes % 2 === 1;
      return end;
    }
    if (backslashes % 2 === 0) this.#inString = false;
    return found + 1;
  }

  #hold(bytes: Buffer): void {
    const length = this.#pendingLength + bytes.length;
    if (length > this.#pending.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(Math.max(length, this.#pending.length * 2, 1024), Math.max(length, this.#limits.maxBytes)),
      );
      this.#pending.copy(larger, 0, 0, this.#pendingLength);
      this.#pending = larger;
    }
    bytes.copy(this.#pending, this.#pendingLength);
    this.#pendingLength = length;
  }

  #finish(bytes: Buffer): void {
    let whole = bytes;
    if (this.#pendingLength > 0) {
      this.#hold(bytes);
      whole = this.#pending.subarray(0, this.#pendingLength);
      this.#pendingLength = 0;
      if (this.#pending.length > keptCapacity) this.#pending = Buffer.alloc(0);
    }
    this.#onValue(parseBytes(whole, this.#bigNumber));
  }
}

function parseBytes(bytes: Buffer, bigNumber: boolean): Json {
  try {
    // Nearly all that OVSDB's clients send is ASCII, which takes a fraction of the time.
    if (isAscii(bytes)) return parseWireJson(bytes.toString('latin1'), bigNumber);
    if (isUtf8(bytes)) return parseWireJson(bytes.toString('utf8'), bigNumber);
    return parseWireJson(decodeInvalid(bytes), bigNumber, false);
  } catch (cause) {
    throw new FramingError(`syntax error: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}
