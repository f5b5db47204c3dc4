/** The `learn` action to bytes and back (ovs-actions(7), "The learn action"). */
import type { LearnAction, LearnSpec } from './actions.ts';
import type { Reader, Writer } from './buffer.ts';
import type { Subfield } from './fields.ts';
import { endNx, nx } from './nx-action.ts';
import { putNxHeader, readSubfield } from './oxm.ts';
import { LearnFlag, LearnSpecBits, Nx } from './wire.ts';

/** Writes the whole action. */
export function putLearn(w: Writer, a: LearnAction): void {
  const extended = (a.limit ?? 0) !== 0 || a.resultDst !== undefined;
  const start = nx(w, extended ? Nx.learn2 : Nx.learn);
  w.u16(a.idleTimeout ?? 0);
  w.u16(a.hardTimeout ?? 0);
  w.u16(a.priority ?? 32768);
  w.u64(a.cookie ?? 0n);
  w.u16(
    (a.sendFlowRem === true ? LearnFlag.sendFlowRem : 0) |
      (a.deleteLearned === true ? LearnFlag.deleteLearned : 0) |
      (a.resultDst === undefined ? 0 : LearnFlag.writeResult),
  );
  w.u8(a.table);
  w.u8(0);
  w.u16(a.finIdleTimeout ?? 0);
  w.u16(a.finHardTimeout ?? 0);
  if (extended) {
    w.u32(a.limit ?? 0);
    w.u16(a.resultDst?.ofs ?? 0);
    w.u16(0);
    if (a.resultDst !== undefined) putNxHeader(w, a.resultDst.field);
  }
  for (const spec of a.specs) {
    switch (spec.type) {
      case 'match-value':
      case 'load-value': {
        const { bits } = spec.dst;
        w.u16(LearnSpecBits.immediate | (spec.type === 'load-value' ? LearnSpecBits.load : 0) | bits);
        // The value is right-aligned in as many 16-bit words as the bits need.
        let left = Math.ceil(bits / 16);
        let value = BigInt(spec.value);
        const words: number[] = [];
        for (; left > 0; left--) {
          words.push(Number(value & 0xffffn));
          value >>= 16n;
        }
        for (const word of words.reverse()) w.u16(word);
        putNxHeader(w, spec.dst.field);
        w.u16(spec.dst.ofs);
        break;
      }
      case 'match-field':
      case 'load-field':
        w.u16((spec.type === 'load-field' ? LearnSpecBits.load : 0) | spec.dst.bits);
        putNxHeader(w, spec.src.field);
        w.u16(spec.src.ofs);
        putNxHeader(w, spec.dst.field);
        w.u16(spec.dst.ofs);
        break;
      case 'output':
        w.u16(LearnSpecBits.output | spec.src.bits);
        putNxHeader(w, spec.src.field);
        w.u16(spec.src.ofs);
        break;
    }
  }
  endNx(w, start);
}

function readLearnSpec(r: Reader, header: number, start: number): LearnSpec | undefined {
  const bits = header & LearnSpecBits.bits;
  const dstKind = header & (LearnSpecBits.load | LearnSpecBits.output);
  const side = (): Subfield | undefined => {
    const at = r.pos;
    // The header comes before the offset.
    r.skip(4);
    const ofs = r.u16();
    const after = r.pos;
    if (!r.ok) return undefined;
    r.pos = at;
    const sub = readSubfield(r, ofs, bits);
    if (r.ok) r.pos = after;
    return sub;
  };
  let value: bigint | undefined;
  let src: Subfield | undefined;
  if ((header & LearnSpecBits.immediate) !== 0) value = r.bigint(2 * Math.ceil(bits / 16));
  else src = side();
  if (!r.ok) return undefined;
  if (dstKind === LearnSpecBits.output) {
    if (src === undefined) r.fail('learn outputs to a field, not to a constant', start);
    return src === undefined ? undefined : { type: 'output', src };
  }
  if (dstKind !== 0 && dstKind !== LearnSpecBits.load) {
    r.fail(`unknown kind of learn specification 0x${header.toString(16)}`, start);
    return undefined;
  }
  const dst = side();
  if (dst === undefined) return undefined;
  const loads = dstKind === LearnSpecBits.load;
  if (src !== undefined) return { type: loads ? 'load-field' : 'match-field', dst, src };
  return {
    type: loads ? 'load-value' : 'match-value',
    dst,
    value: bits > 32 ? (value ?? 0n) : Number(value ?? 0n),
  };
}

/** Reads the body, of the form that can limit flows and report a result where it is `extended`. Errors stay in the reader. */
export function readLearn(r: Reader, extended: boolean): LearnAction | undefined {
  const idleTimeout = r.u16();
  const hardTimeout = r.u16();
  const priority = r.u16();
  const cookie = r.u64();
  const flags = r.u16();
  const table = r.u8();
  r.skip(1);
  const finIdleTimeout = r.u16();
  const finHardTimeout = r.u16();
  let limit = 0;
  let resultDst: Subfield | undefined;
  if (extended) {
    limit = r.u32();
    const ofs = r.u16();
    r.skip(2);
    if ((flags & LearnFlag.writeResult) !== 0) resultDst = readSubfield(r, ofs, 1);
  }
  const specs: LearnSpec[] = [];
  while (r.ok && r.remaining >= 2) {
    const start = r.pos;
    const header = r.u16();
    if (header === 0) break;
    const spec = readLearnSpec(r, header, start);
    if (spec !== undefined) specs.push(spec);
  }
  if (!r.ok) return undefined;
  const learn: LearnAction = {
    type: 'learn',
    table,
    ...(priority === 32768 ? {} : { priority }),
    ...(idleTimeout === 0 ? {} : { idleTimeout }),
    ...(hardTimeout === 0 ? {} : { hardTimeout }),
    ...(finIdleTimeout === 0 ? {} : { finIdleTimeout }),
    ...(finHardTimeout === 0 ? {} : { finHardTimeout }),
    ...(cookie === 0n ? {} : { cookie }),
    ...((flags & LearnFlag.sendFlowRem) !== 0 ? { sendFlowRem: true } : {}),
    ...((flags & LearnFlag.deleteLearned) !== 0 ? { deleteLearned: true } : {}),
    ...(limit === 0 ? {} : { limit }),
    ...(resultDst === undefined ? {} : { resultDst }),
    specs,
  };
  return learn;
}
