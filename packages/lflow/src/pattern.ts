/**
 * Bytes with holes in them, that literals fill: what templates are made of (see `shapes.ts`).
 *
 * A hole is found by experiment: the same thing is encoded with a value and with all bits of the value inverted, and wherever the two encodings differ,
 * they must differ as that value and its inverse do.
 */
import { type Wire, type Writer, wireBytes } from '@weft/openflow/buffer';
import type { Literals } from './literals.ts';

/** What an experiment inverted. */
export interface Inversion {
  readonly literal: number;
  /** The value, without the bits outside the mask. */
  readonly value: bigint;
  /** The bits that were inverted. */
  readonly mask: bigint;
  readonly bits: number;
}

/** Where the bytes of a literal go. */
export interface Hole {
  readonly literal: number;
  readonly at: number;
  readonly width: number;
  /** Which bits of the literal's last `width` bytes go there; undefined: all of them. */
  readonly mask: Uint8Array | undefined;
}

export class Pattern {
  readonly #bytes: Uint8Array;
  readonly #holes: readonly Hole[];

  /** A pattern from bytes that have been made, and the holes that are in them. */
  constructor(wire: Wire, holes: readonly Hole[]) {
    this.#bytes = wireBytes(wire);
    this.#holes = holes;
    for (const { at, width, mask } of holes)
      for (let i = 0; i < width; i++) this.#bytes[at + i]! &= ~(mask?.[i] ?? 0xff);
  }

  /** Writes the bytes, with the literals in their holes. */
  put(w: Writer, literals: Literals): void {
    const start = w.pos;
    w.put(this.#bytes);
    const out = w.bytes;
    const from = literals.bytes;
    for (const { literal, at, width, mask } of this.#holes) {
      const source = 16 * literal + 16 - width;
      const target = start + at;
      if (mask === undefined) for (let i = 0; i < width; i++) out[target + i] = from[source + i]!;
      else for (let i = 0; i < width; i++) out[target + i]! |= from[source + i]! & mask[i]!;
    }
  }
}

/** The holes that explain all differences of two encodings; undefined if none do. */
export function holesOf(
  wire: Wire,
  other: Wire,
  { literal, value, mask, bits }: Inversion,
): readonly Hole[] | undefined {
  if (wire.length !== other.length) return undefined;
  const width = Math.ceil(bits / 8);
  const maskBytes = bytesOf(mask, width);
  const valueBytes = bytesOf(value, width);
  const first = maskBytes.findIndex((byte) => byte !== 0);
  const holes: Hole[] = [];
  for (let i = 0; i < wire.length; ) {
    if (wire.charCodeAt(i) === other.charCodeAt(i)) {
      i++;
      continue;
    }
    const at = i - first;
    if (first < 0 || at < 0 || at + width > wire.length) return undefined;
    for (let k = 0; k < width; k++) {
      const byte = wire.charCodeAt(at + k);
      if ((byte ^ other.charCodeAt(at + k)) !== maskBytes[k] || (byte & maskBytes[k]!) !== valueBytes[k])
        return undefined;
    }
    holes.push({ literal, at, width, mask: maskBytes.every((byte) => byte === 0xff) ? undefined : maskBytes });
    i = at + width;
  }
  return holes;
}

function bytesOf(value: bigint, width: number): Uint8Array {
  return Uint8Array.from({ length: width }, (_, i) => Number((value >> BigInt(8 * (width - 1 - i))) & 0xffn));
}
