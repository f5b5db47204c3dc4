/**
 * Matches: an immutable conjunction of constraints on fields, in a canonical form, so that two matches that select the same packets in the
 * same words have the same key.
 *
 * Canonical form: terms in field order; no bits outside the mask; an all-ones mask is left out and an all-zeros term dropped; fields that
 * share storage in the switch are held as the storage (`xreg0` and `xxreg0` as `reg0`…, `in_port` as `in_port_oxm`, `vlan_tci` as `vlan_vid`
 * and `vlan_pcp`, `nw_tos` as `ip_dscp`), which is what a flow dump gives back.
 */
import { Reader, type Wire, Writer, wireBytes } from './buffer.ts';
import { type Field, type FieldValue, field } from './fields.ts';
import { putTerms, readOxm, type Term, termHeader } from './oxm.ts';

export type { Term };

const IN_PORT = field('in_port');
const IN_PORT_OXM = field('in_port_oxm');
const VLAN_TCI = field('vlan_tci');
const VLAN_VID = field('vlan_vid');
const VLAN_PCP = field('vlan_pcp');
const NW_TOS = field('nw_tos');
const IP_DSCP = field('ip_dscp');
const REGS: readonly Field[] = Array.from({ length: 16 }, (_, i) => field(`reg${i}`));
const FIRST_XREG = field('xreg0').id;
const FIRST_XXREG = field('xxreg0').id;
const LAST_XXREG = field('xxreg3').id;

const IP_FRAG = field('ip_frag');
const CT_STATE = field('ct_state');
/** The bits of ct_state that mean something (ovs-fields(7)). */
const CT_STATES = 0xff;
/** Bit 0 of ip_frag says "a fragment", bit 1 "and not the first": the second never stands without the first. */
const FRAG_ANY = 1;

/** The fields whose terms are rewritten to others, by id. */
const COMPOSITE: readonly boolean[] = (() => {
  const composite: boolean[] = [];
  for (const f of [IN_PORT, VLAN_TCI, NW_TOS]) composite[f.id] = true;
  for (let id = FIRST_XREG; id <= LAST_XXREG; id++) composite[id] = true;
  return composite;
})();

/** Maps a 16-bit OpenFlow 1.0 port number to the 32-bit one: reserved ports (0xff00 and up) move to the top. */
export function portFrom16(port: number): number {
  return port >= 0xff00 ? (port | 0xffff0000) >>> 0 : port;
}

/** Sets bits of one term, keeping the bits outside `mask` that `old` constrains. */
function merge(old: Term | undefined, f: Field, value: FieldValue, mask: FieldValue | undefined): Term | undefined {
  if (typeof value === 'bigint') {
    let m = mask === undefined ? (f.ones as bigint) : BigInt(mask) & (f.ones as bigint);
    let v = value & m;
    if (old !== undefined) {
      const oldMask = old.mask === undefined ? (f.ones as bigint) : (old.mask as bigint);
      v |= (old.value as bigint) & ~m & (f.ones as bigint);
      m |= oldMask;
    }
    if (m === 0n) return undefined;
    return { field: f, value: v, mask: m === f.ones ? undefined : m };
  }
  const ones = f.ones as number;
  let m = mask === undefined ? ones : (Number(mask) & ones) >>> 0;
  let v = (value & m) >>> 0;
  if (old !== undefined) {
    v = (v | ((old.value as number) & ~m)) >>> 0;
    m = (m | (old.mask === undefined ? ones : (old.mask as number))) >>> 0;
  }
  // A tunnel option without a value is one that is there, whatever it says.
  if (m === 0) return f.name.startsWith('tun_metadata') ? { field: f, value: 0, mask: 0 } : undefined;
  // What is no fragment is no later fragment either.
  if (f === IP_FRAG && m === FRAG_ANY && v === 0) return { field: f, value: 0, mask: undefined };
  // A mask of all the states that there are is the whole field: the switch gives it back without a mask.
  if (f === CT_STATE && (m & CT_STATES) === CT_STATES && v <= CT_STATES) return { field: f, value: v, mask: undefined };
  return { field: f, value: v, mask: m === ones ? undefined : m };
}

function put(terms: Term[], f: Field, value: FieldValue, mask: FieldValue | undefined): void {
  let at = terms.length;
  while (at > 0 && terms[at - 1]!.field.id > f.id) at--;
  const old = at > 0 && terms[at - 1]!.field === f ? terms[at - 1] : undefined;
  if (old !== undefined && mask !== undefined) {
    const term = merge(old, f, value, mask);
    if (term !== undefined) terms[at - 1] = term;
    return;
  }
  const term = merge(undefined, f, value, mask);
  if (old !== undefined) {
    if (term !== undefined) terms[at - 1] = term;
  } else if (term !== undefined) {
    if (at === terms.length) terms.push(term);
    else terms.splice(at, 0, term);
  }
}

function putRegisters(terms: Term[], first: number, count: number, value: bigint, mask: bigint | undefined): void {
  for (let i = 0; i < count; i++) {
    const shift = BigInt(32 * (count - 1 - i));
    const v = Number((value >> shift) & 0xffffffffn);
    const m = mask === undefined ? undefined : Number((mask >> shift) & 0xffffffffn);
    if (m !== 0) put(terms, REGS[first + i]!, v, m);
  }
}

/** Puts a term on a field that shares storage with others. */
function putComposite(terms: Term[], f: Field, value: FieldValue, mask: FieldValue | undefined): void {
  if (f === IN_PORT) {
    put(terms, IN_PORT_OXM, portFrom16(Number(value)), undefined);
  } else if (f === NW_TOS) {
    put(terms, IP_DSCP, Number(value) >> 2, undefined);
  } else if (f === VLAN_TCI) {
    const m = mask === undefined ? 0xffff : Number(mask);
    const v = Number(value) & m;
    const pcp = m & 0xe000;
    if (pcp !== 0 && pcp !== 0xe000) {
      put(terms, VLAN_TCI, v, m);
      return;
    }
    put(terms, VLAN_VID, v & 0x1fff, m & 0x1fff);
    // "No VLAN header" is a whole-field zero: the priority is part of what is absent.
    if (pcp !== 0 && !(m === 0xffff && v === 0)) put(terms, VLAN_PCP, v >> 13, undefined);
  } else if (f.id >= FIRST_XXREG) {
    putRegisters(terms, (f.id - FIRST_XXREG) * 4, 4, BigInt(value), mask === undefined ? undefined : BigInt(mask));
  } else {
    putRegisters(terms, (f.id - FIRST_XREG) * 2, 2, BigInt(value), mask === undefined ? undefined : BigInt(mask));
  }
}

function putAny(terms: Term[], f: Field, value: FieldValue, mask: FieldValue | undefined): void {
  const v = f.wide ? (typeof value === 'bigint' ? value : BigInt(value)) : Number(value);
  const m = mask === undefined ? undefined : f.wide ? (typeof mask === 'bigint' ? mask : BigInt(mask)) : Number(mask);
  if (COMPOSITE[f.id] === true) putComposite(terms, f, v, m);
  else put(terms, f, v, m);
}

const scratch = new Writer(1024);

/** The TLVs of terms. */
function encoded(terms: readonly Term[]): Wire {
  scratch.pos = 0;
  putTerms(scratch, terms);
  return scratch.wire();
}

/**
 * An immutable match. Make one with `Match.of`, `Match.any.with(…)` or a `MatchBuilder`.
 * Whatever makes one throws a RangeError for a field that no message can carry (`skb_priority`).
 */
export class Match {
  /** Matches every packet. */
  static readonly any: Match = new Match('');

  /** What two matches share exactly when they are equal: their TLVs in canonical order, as a message has them. */
  readonly key: Wire;
  #terms: readonly Term[] | undefined;

  /** The match that has this key, which must be that of another, or made like one. */
  constructor(key: Wire) {
    this.key = key;
  }

  /** Constraints in canonical order, one for each field. Made when first asked for: most matches are only compared and sent. */
  get terms(): readonly Term[] {
    this.#terms ??= termsOf(this.key);
    return this.#terms;
  }

  static #of(terms: readonly Term[]): Match {
    return new Match(encoded(terms));
  }

  /** A match from `[field, value, mask?]` constraints, later ones overriding the bits of earlier ones. */
  static of(...terms: readonly (readonly [Field, FieldValue, FieldValue?])[]): Match {
    const out: Term[] = [];
    for (const [f, value, mask] of terms) putAny(out, f, value, mask);
    return Match.#of(out);
  }

  /** This match with the bits of `f` under `mask` (all, without a mask) set to `value`; bits outside the mask stay as they were. */
  with(f: Field, value: FieldValue, mask?: FieldValue): Match {
    const terms = this.terms.slice();
    putAny(terms, f, value, mask);
    return Match.#of(terms);
  }

  /** This match without any constraint on `f`, which must be a storage field (`reg0`, not `xreg0`). */
  without(f: Field): Match {
    return this.get(f) === undefined ? this : Match.#of(this.terms.filter((term) => term.field !== f));
  }

  /** The constraint on a storage field. */
  get(f: Field): Term | undefined {
    if (this.#terms !== undefined) return this.#terms.find((term) => term.field === f);
    // Who asks for one field of many matches does not want all of their terms made.
    const { key } = this;
    const header = termHeader(f);
    for (let at = 0; at < key.length; ) {
      const end = at + 4 + key.charCodeAt(at + 3);
      // Without the mask's bit and the length.
      const here =
        ((key.charCodeAt(at) << 24) | (key.charCodeAt(at + 1) << 16) | ((key.charCodeAt(at + 2) & 0xfe) << 8)) >>> 0;
      if (here === header) return termsOf(key.slice(at, end)).find((term) => term.field === f);
      at = end;
    }
    return undefined;
  }

  /** The packets that both match; undefined if the two contradict each other. */
  intersect(other: Match): Match | undefined {
    const out = this.terms.slice();
    for (const b of other.terms) {
      const a = this.get(b.field);
      if (a !== undefined && !compatible(a, b)) return undefined;
      put(out, b.field, b.value, b.mask);
    }
    return Match.#of(out);
  }

  equals(other: Match): boolean {
    return this.key === other.key;
  }
}

function compatible(a: Term, b: Term): boolean {
  if (typeof a.value === 'bigint') {
    const ones = a.field.ones as bigint;
    const common = ((a.mask as bigint | undefined) ?? ones) & ((b.mask as bigint | undefined) ?? ones);
    return (a.value & common) === ((b.value as bigint) & common);
  }
  const common = ((a.mask as number | undefined) ?? -1) & ((b.mask as number | undefined) ?? -1);
  return (a.value & common) === ((b.value as number) & common);
}

/** Builds a match term by term without the copies that chained `with` calls make. */
export class MatchBuilder {
  #terms: Term[];

  /** @param start what the match has before anything is set */
  constructor(start: Match = Match.any) {
    this.#terms = start.terms.slice();
  }

  /** As `Match.with`. */
  set(f: Field, value: FieldValue, mask?: FieldValue): this {
    putAny(this.#terms, f, value, mask);
    return this;
  }

  /** The match; the builder starts afresh. */
  build(): Match {
    const match = new Match(encoded(this.#terms));
    this.#terms = [];
    return match;
  }
}

function termsOf(tlvs: Wire): readonly Term[] {
  return readTerms(new Reader(wireBytes(tlvs)));
}

/** Reads the TLVs up to the end of the input. */
function readTerms(r: Reader): readonly Term[] {
  const terms: Term[] = [];
  while (r.ok && r.remaining > 0) {
    const term = readOxm(r);
    if (term !== undefined) putAny(terms, term.field, term.value, term.mask);
  }
  return terms;
}

const OFPMT_OXM = 1;

/** Writes an `ofp_match` structure with its padding. */
export function putMatch(w: Writer, match: Match): void {
  const { key } = match;
  const start = w.pos;
  w.u32((OFPMT_OXM << 16) | (4 + key.length));
  w.putWire(key);
  w.pad8(start);
}

/** Reads the TLVs of a match up to the end of the input. */
export function readOxms(r: Reader): Match {
  return new Match(encoded(readTerms(r)));
}

/** Reads an `ofp_match` structure and its padding. */
export function readMatch(r: Reader): Match {
  const start = r.pos;
  const type = r.u16();
  const length = r.u16();
  if (!r.ok) return Match.any;
  if (type !== OFPMT_OXM) {
    r.fail(`match type ${type} is not OXM`, start);
    return Match.any;
  }
  const outer = r.enter(start, length);
  const match = readOxms(r);
  r.leave(outer);
  r.pad8(start);
  return match;
}
