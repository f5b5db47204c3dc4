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
