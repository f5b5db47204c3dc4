/** OXM/NXM TLVs: the wire form of matches (OpenFlow 1.5.1 section 7.2.3) and of the field headers that actions carry. */
import type { Reader, Writer } from './buffer.ts';
import { type Field, type FieldValue, field, fieldByHeader, type OxmName, type Subfield } from './fields.ts';

const REG0 = field('reg0').id;
const REG15 = field('reg15').id;
const XREG0_HEADER = field('xreg0').oxm[0]!.header;
const HAS_MASK = 0x100;
const EXPERIMENTER_CLASS = 0xffff;

/** One constraint: the bits of `field` under `mask` (all, where there is no mask) equal `value`. */
export interface Term {
  readonly field: Field;
  readonly value: FieldValue;
  readonly mask: FieldValue | undefined;
}

/** One field with its value: a match term or what a Set-Field action sets. */
export function putOxm(w: Writer, f: Field, value: FieldValue, mask: FieldValue | undefined): void {
  const oxm = f.oxm[0];
  if (oxm === undefined) throw new RangeError(`no OpenFlow message can carry ${f.name}`);
  const width = f.bytes;
  const extra = oxm.experimenter === 0 ? 0 : 4;
  if (mask === undefined) {
    w.u32(oxm.header + width + extra);
    if (extra !== 0) w.u32(oxm.experimenter);
    w.uint(value, width);
  } else {
    w.u32(oxm.header + HAS_MASK + width * 2 + extra);
    if (extra !== 0) w.u32(oxm.experimenter);
    w.uint(value, width);
    w.uint(mask, width);
  }
}

/** Two 32-bit registers travel as the 64-bit one that they make up, as Open vSwitch sends them over OpenFlow 1.5. */
function putRegisterPair(w: Writer, pair: number, even: Term | undefined, odd: Term | undefined): void {
  const evenMask = even === undefined ? 0 : ((even.mask as number | undefined) ?? 0xffffffff);
  const oddMask = odd === undefined ? 0 : ((odd.mask as number | undefined) ?? 0xffffffff);
  const exact = evenMask === 0xffffffff && oddMask === 0xffffffff;
  w.u32(XREG0_HEADER + (pair << 9) + (exact ? 8 : HAS_MASK + 16));
  w.u32(even === undefined ? 0 : (even.value as number));
  w.u32(odd === undefined ? 0 : (odd.value as number));
  if (!exact) {
    w.u32(evenMask);
    w.u32(oddMask);
  }
}

/** The header of the TLV that `putTerms` puts a field into, without mask and length. */
export function termHeader(f: Field): number {
  const register = f.id - REG0;
  if (register >= 0 && f.id <= REG15) return XREG0_HEADER + ((register >> 1) << 9);
  return f.oxm[0]?.header ?? 0;
}

/** The TLVs of a match's terms. */
export function putTerms(w: Writer, terms: readonly Term[]): void {
  for (let i = 0; i < terms.length; i++) {
    const term = terms[i]!;
    const id = term.field.id;
    if (id >= REG0 && id <= REG15) {
      const register = id - REG0;
      if ((register & 1) === 1) {
        putRegisterPair(w, register >> 1, undefined, term);
      } else {
        const next = terms[i + 1];
        const paired = next !== undefined && next.field.id === id + 1;
        putRegisterPair(w, register >> 1, term, paired ? next : undefined);
        if (paired) i++;
      }
    } else {
      putOxm(w, term.field, term.value, term.mask);
    }
  }
}

/** A field's header without a value, as in Copy-Field: 4 bytes, or 8 for a field of an experimenter. */
export function putOxmId(w: Writer, f: Field): void {
  const oxm = f.oxm[0];
  if (oxm === undefined) throw new RangeError(`no OpenFlow message can carry ${f.name}`);
  putHeader(w, oxm, f.headerLength);
}

/** A field's header as Nicira actions carry it. Throws a RangeError for an experimenter's field, for which they have no room. */
export function putNxHeader(w: Writer, f: Field): void {
  if (f.nxm === undefined || f.nxm.experimenter !== 0) throw new RangeError(`this action cannot carry ${f.name}`);
  w.u32(f.nxm.header + f.headerLength);
}

function putHeader(w: Writer, oxm: OxmName, length: number): void {
  w.u32(oxm.header + length + (oxm.experimenter === 0 ? 0 : 4));
  if (oxm.experimenter !== 0) w.u32(oxm.experimenter);
}

/** `offset << 6 | bits - 1`, how Nicira actions describe part of a field. */
export function ofsNbits(s: Subfield): number {
  return (s.ofs << 6) | (s.bits - 1);
}

/** Reads one header without a value. */
export function readOxmId(r: Reader): Field | undefined {
  const at = r.pos;
  const header = r.u32();
  const experimenter = header >>> 16 === EXPERIMENTER_CLASS ? r.u32() : 0;
  if (!r.ok) return undefined;
  const f = fieldByHeader(header, experimenter);
  if (f === undefined) r.fail(`no field has the header 0x${header.toString(16)}`, at);
  return f;
}

/** Reads a subfield's field and checks that it has the bits. */
export function readSubfield(r: Reader, ofs: number, bits: number): Subfield | undefined {
  const at = r.pos;
  const f = readOxmId(r);
  if (f === undefined) return undefined;
  if (bits < 1 || ofs + bits > f.headerLength * 8) {
    r.fail(`${f.name} has no bits ${ofs}..${ofs + bits - 1}`, at);
    return undefined;
  }
  return { field: f, ofs, bits };
}

function readValue(r: Reader, f: Field, width: number): FieldValue {
  if (f.wide) return r.bigint(width);
  return width <= 4 ? r.number(width) : Number(r.bigint(width) & 0xffffffffn);
}

/** Reads one TLV. Bits beyond the field's are an error in the value and ignored in the mask. */
export function readOxm(r: Reader): Term | undefined {
  const at = r.pos;
  const header = r.u32();
  let width = header & 0xff;
  let experimenter = 0;
  if (header >>> 16 === EXPERIMENTER_CLASS) {
    experimenter = r.u32();
    width -= 4;
  }
  if (!r.ok) return undefined;
  const f = fieldByHeader(header, experimenter);
  if (f === undefined) {
    r.fail(`no field has the header 0x${header.toString(16)}`, at);
    return undefined;
  }
  const masked = (header & HAS_MASK) !== 0;
  if (masked) width /= 2;
  // A tunnel option is as long as its mapping says.
  const fits = f.headerLength === f.bytes ? width === f.bytes : width >= 1 && width <= 4 && Number.isInteger(width);
  if (!fits) {
    r.fail(`a value of ${width} bytes for ${f.name}, which has ${f.bytes}`, at);
    return undefined;
  }
  const value = readValue(r, f, width);
  const mask = masked ? readValue(r, f, width) : undefined;
  if (!r.ok) return undefined;
  if (value > f.ones) {
    r.fail(`${f.name} has only ${f.bits} bits`, at);
    return undefined;
  }
  return { field: f, value, mask };
}
