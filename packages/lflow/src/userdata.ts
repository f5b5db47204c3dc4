/** The userdata of packet-ins, as bytes. */
import { Writer } from '@weft/openflow/buffer';
import type { Constant } from './ast.ts';
import { formatNumber } from './number.ts';

/** Chained calls of a `Writer`. */
export class Bytes {
  readonly #writer = new Writer(64);

  u8(value: number): this {
    this.#writer.u8(value);
    return this;
  }

  u16(value: number): this {
    this.#writer.u16(value);
    return this;
  }

  u32(value: number): this {
    this.#writer.u32(value);
    return this;
  }

  /** The low `count` bytes of a number. */
  number(value: number | bigint, count: number): this {
    const wide = BigInt(value);
    for (let shift = BigInt(count - 1) * 8n; shift >= 0n; shift -= 8n) this.u8(Number((wide >> shift) & 0xffn));
    return this;
  }

  raw(bytes: Uint8Array): this {
    this.#writer.put(bytes);
    return this;
  }

  text(value: string): this {
    return this.raw(new TextEncoder().encode(value));
  }

  get length(): number {
    return this.#writer.pos;
  }

  done(): Uint8Array {
    return this.#writer.copy();
  }
}

/** Starts userdata: the opcode and four bytes of zeros. */
export function userdata(opcode: number): Bytes {
  return new Bytes().u32(opcode).u32(0);
}

/** The text of an option's constant, as messages quote it. */
export function constantText(constant: Constant): string {
  switch (constant.kind) {
    case 'integer':
      return formatNumber(constant.value, constant.format);
    case 'string':
      return constant.value;
    default:
      return constant.name;
  }
}
