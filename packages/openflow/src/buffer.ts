/** Reading and writing big-endian bytes: a buffer that grows, and a cursor that remembers the first thing that went wrong. */

/** What is wrong with some bytes, and where. */
export interface DecodeError {
  /** Offset from the start of the bytes that were given to the decoder. */
  readonly offset: number;
  readonly message: string;
}

export type Decoded<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: DecodeError };

/**
 * Bytes as a string of one character for each. Unlike an array of bytes it cannot change, is equal to another by `===`, can be the key of a Map, and takes
 * little more memory than the bytes.
 */
export type Wire = string;

/** The bytes of a {@link Wire}. */
export function wireBytes(wire: Wire): Uint8Array {
  return Buffer.from(wire, 'latin1');
}

/** A buffer that grows. Numbers are big-endian; `pos` is where the next byte goes. */
export class Writer {
  bytes: Uint8Array;
  view: DataView;
  pos = 0;
  /** The same bytes, for what only Node.js's buffers can. */
  #buffer: Buffer;

  constructor(capacity = 4096) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
    this.#buffer = Buffer.from(this.bytes.buffer);
  }

  /** Makes room for `n` more bytes. */
  reserve(n: number): void {
    if (this.pos + n <= this.bytes.length) return;
    let capacity = this.bytes.length * 2;
    while (capacity < this.pos + n) capacity *= 2;
    const grown = new Uint8Array(capacity);
    grown.set(this.bytes.subarray(0, this.pos));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
    this.#buffer = Buffer.from(grown.buffer);
  }

  u8(value: number): void {
    this.reserve(1);
    this.bytes[this.pos++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.pos, value);
    this.pos += 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.pos, value);
    this.pos += 4;
  }

  u64(value: bigint): void {
    this.reserve(8);
    this.view.setBigUint64(this.pos, value);
    this.pos += 8;
  }

  /** An unsigned number in `width` bytes, the most significant first. */
  uint(value: number | bigint, width: number): void {
    this.reserve(width);
    if (typeof value === 'number') {
      if (width === 4) this.view.setUint32(this.pos, value);
      else if (width === 2) this.view.setUint16(this.pos, value);
      else if (width === 1) this.bytes[this.pos] = value;
      else if (width === 8) {
        this.view.setUint32(this.pos, 0);
        this.view.setUint32(this.pos + 4, value);
      } else {
        this.bytes.fill(0, this.pos, this.pos + width - 4);
        this.view.setUint32(this.pos + width - 4, value);
      }
    } else if (width === 16) {
      this.view.setBigUint64(this.pos, value >> 64n);
      this.view.setBigUint64(this.pos + 8, value);
    } else if (width === 8) {
      this.view.setBigUint64(this.pos, value);
    } else if (this.pos < 2) {
      this.view.setUint16(this.pos, Number(value >> 32n));
      this.view.setUint32(this.pos + 2, Number(BigInt.asUintN(32, value)));
    } else {
      // Six bytes: eight that end with them, which makes no new bigints, and the two before them again.
      const at = this.pos - 2;
      const before = this.view.getUint16(at);
      this.view.setBigUint64(at, value);
      this.view.setUint16(at, before);
    }
    this.pos += width;
  }

  put(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.pos);
    this.pos += bytes.length;
  }

  /** Bytes that {@link wire} gave. */
  putWire(wire: Wire): void {
    const { length } = wire;
    this.reserve(length);
    this.#buffer.write(wire, this.pos, length, 'latin1');
    this.pos += length;
  }

  zeros(n: number): void {
    this.reserve(n);
    // Some bytes only: faster than a call of `fill`.
    const end = this.pos + n;
    for (let i = this.pos; i < end; i++) this.bytes[i] = 0;
    this.pos = end;
  }

  /** Pads with zeros until `pos - start` is a multiple of 8. */
  pad8(start: number): void {
    const n = (start - this.pos) & 7;
    if (n !== 0) this.zeros(n);
  }

  /** Writes the 16-bit length of what began at `start` to `at`. Throws a RangeError if 16 bits cannot hold it. */
  length16(at: number, start: number): void {
    const length = this.pos - start;
    if (length > 0xffff) throw new RangeError(`an OpenFlow structure of ${length} bytes is longer than 65535`);
    this.view.setUint16(at, length);
  }

  /** A copy of what was written from `start` on. */
  copy(start = 0): Uint8Array {
    return this.bytes.slice(start, this.pos);
  }

  /** What was written from `start` on. */
  wire(start = 0): Wire {
    return this.#buffer.toString('latin1', start, this.pos);
  }
}

/**
 * A cursor over bytes that others wrote. Nothing here throws: the first error is kept, and from then on every read gives zero and
 * `remaining` is zero, so that loops over the input end.
 */
export class Reader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  pos: number;
  end: number;
  error: DecodeError | undefined;
  /** How many structures that can hold each other are open, against input that nests without end. */
  depth = 0;

  constructor(bytes: Uint8Array) {
    // A Buffer's `slice` is a view; what is decoded must not hold on to the input.
    this.bytes = Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.pos = 0;
    this.end = bytes.length;
  }

  get ok(): boolean {
    return this.error === undefined;
  }

  get remaining(): number {
    return this.end - this.pos;
  }

  fail(message: string, offset = this.pos): void {
    if (this.error === undefined) this.error = { offset, message };
    this.end = this.pos;
  }

  #take(n: number): boolean {
    if (this.pos + n <= this.end) return true;
    this.fail(`${n} more bytes expected, ${this.end - this.pos} are left`);
    return false;
  }

  u8(): number {
    return this.#take(1) ? this.bytes[this.pos++]! : 0;
  }

  u16(): number {
    if (!this.#take(2)) return 0;
    this.pos += 2;
    return this.view.getUint16(this.pos - 2);
  }

  u32(): number {
    if (!this.#take(4)) return 0;
    this.pos += 4;
    return this.view.getUint32(this.pos - 4);
  }

  u64(): bigint {
    if (!this.#take(8)) return 0n;
    this.pos += 8;
    return this.view.getBigUint64(this.pos - 8);
  }

  /** An unsigned number of `width` bytes as a number: the bits above 2^53 are lost. */
  number(width: number): number {
    if (!this.#take(width)) return 0;
    let value = 0;
    for (let i = 0; i < width; i++) value = value * 256 + this.bytes[this.pos++]!;
    return value;
  }

  /** An unsigned number of `width` bytes. */
  bigint(width: number): bigint {
    if (!this.#take(width)) return 0n;
    let value = 0n;
    let i = width;
    while (i >= 8) {
      value = (value << 64n) | this.view.getBigUint64(this.pos);
      this.pos += 8;
      i -= 8;
    }
    if (i > 0) value = (value << BigInt(i * 8)) | BigInt(this.number(i));
    return value;
  }

  skip(n: number): void {
    if (this.#take(n)) this.pos += n;
  }

  /** Skips what pads a structure that began at `start` to a multiple of 8; less if the input ends first. */
  pad8(start: number): void {
    const n = (start - this.pos) & 7;
    this.pos = Math.min(this.end, this.pos + n);
  }

  /** A copy of the next `n` bytes. */
  take(n: number): Uint8Array {
    if (!this.#take(n)) return new Uint8Array(0);
    this.pos += n;
    return this.bytes.slice(this.pos - n, this.pos);
  }

  /** A copy of all that is left. */
  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  /** Narrows the input to the structure that began at `start` and is `length` bytes long. Gives the end to hand to `leave`. */
  enter(start: number, length: number): number {
    const outer = this.end;
    if (this.error === undefined) {
      if (start + length > outer || start + length < this.pos) {
        this.fail(`a length of ${length} does not fit here`, start);
      } else {
        this.end = start + length;
      }
    }
    return outer;
  }

  /** Skips the rest of the structure that `enter` narrowed to, and widens the input again. */
  leave(outer: number): void {
    if (this.error !== undefined) return;
    this.pos = this.end;
    this.end = outer;
  }

  /** What was read, or the first error. */
  result<T>(value: T): Decoded<T> {
    return this.error === undefined ? { ok: true, value } : { ok: false, error: this.error };
  }
}
