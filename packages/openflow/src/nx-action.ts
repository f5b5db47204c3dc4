/** What encloses the body of a Nicira action (OpenFlow 1.5.1 section 7.2.6.15; the Nicira extensions of ovs-actions(7)). */
import type { Writer } from './buffer.ts';
import { NX_VENDOR } from './fields.ts';
import { ActionCode } from './wire.ts';

/** Starts a Nicira action. Gives its start, for `endNx`. */
export function nx(w: Writer, subtype: number): number {
  const start = w.pos;
  w.u16(ActionCode.experimenter);
  w.u16(0);
  w.u32(NX_VENDOR);
  w.u16(subtype);
  return start;
}

/** Ends the Nicira action that began at `start`: pads it to 8 bytes, and says how long it is. */
export function endNx(w: Writer, start: number): void {
  w.pad8(start);
  w.length16(start + 2, start);
}
