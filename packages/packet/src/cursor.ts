/** Reads big-endian numbers and bytes from a packet. Never reads past the end: past it, `ok` is false and every value is zero. */
export class Reader {
  readonly bytes: Uint8Array;
  offset: number;
  ok = true;

  constructor(bytes: Uint8Array, offset = 0) {
    this.bytes = bytes;
    this.offset = offset;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  u8(): number {
    return this.#unsigned(1);
  }

  u16(): number {
    return this.#unsigned(2);
  }

  u32(): number {
    return this.#unsigned(4);
  }

  /** A view on the next `length` bytes; an array of zeros if there are not so many. */
  take(length: number): Uint8Array {
    if (this.remaining < length || length < 0) {
      this.ok = false;
      return new Uint8Array(Math.max(length, 0));
    }
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  rest(): Uint8Array {
    return this.take(this.remaining);
  }

  #unsigned(length: number): number {
    if (this.remaining < length) {
      this.ok = false;
      return 0;
    }
    let value = 0;
    for (let i = 0; i < length; i++) value = value * 256 + (this.bytes[this.offset++] ?? 0);
    return value;
  }
}

/** Gathers the parts of a packet. */
export class Writer {
  readonly #bytes: number[] = [];

  u8(value: number): this {
    this.#bytes.push(value & 0xff);
    return this;
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value);
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value);
  }

  put(bytes: Uint8Array): this {
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  get length(): number {
    return this.#bytes.length;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}
