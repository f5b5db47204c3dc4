/** What the decoders of messages share. */
import type { Reader } from './buffer.ts';

const TEXT = new TextDecoder();

/** The name with a number; a number without one is an error. */
export function pick<T>(r: Reader, names: readonly (T | undefined)[], index: number, what: string): T {
  const name = names[index];
  if (name === undefined) r.fail(`no ${what} has the number ${index}`);
  return (name ?? names[0]) as T;
}

/** Text that ends at its first zero byte. */
export function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return TEXT.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/**
 * Reads properties (OpenFlow 1.5.1 section 7.1.3) until the reader's end: a type and a length of 16 bits each, a body, and zeros up to 8 bytes. `read`
 * is called with each type, the reader confined to the body; what it leaves is skipped. It returns false for a type that it does not know, which is
 * an error; `what` names whose property it is.
 */
export function readProperties(r: Reader, what: string, read: (type: number) => unknown): void {
  while (r.ok && r.remaining > 0) {
    const start = r.pos;
    const type = r.u16();
    const length = r.u16();
    if (r.ok && length < 4) r.fail(`a property cannot be ${length} bytes long`, start);
    const outer = r.enter(start, length);
    if (read(type) === false) r.fail(`unknown property ${type} of ${what}`, start);
    r.leave(outer);
    r.pad8(start);
  }
}
