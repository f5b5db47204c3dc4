/** Arguments that several commands read alike. */
import { CtlError } from '../framework/ctl-error.ts';

/** The integer that a text begins with, as strtol(3) reads it; what follows does not matter. NaN if there is none. */
export function leadingInteger(text: string): number {
  const match = /^\s*[+-]?\d+/.exec(text);
  return match === null ? Number.NaN : Number(match[0]);
}

/** A priority of an ACL, QoS rule, policy or gateway (ovn-nb(5)). */
export function parsePriority(text: string): number {
  const priority = leadingInteger(text);
  if (!(priority >= 0 && priority <= 32767)) throw new CtlError(`${text}: priority must in range 0...32767`);
  return priority;
}

/** `from-lport` or `to-lport`; the first letter is enough. */
export function parseDirection(text: string): 'from-lport' | 'to-lport' {
  if (text.startsWith('t')) return 'to-lport';
  if (text.startsWith('f')) return 'from-lport';
  throw new CtlError(`${text}: direction must be "to-lport" or "from-lport"`);
}

/** Is an option of a row on? However it is written: `true` and `TRUE` are the same to the C programs, but in NAT rules. */
export function isOn(options: ReadonlyMap<string, string>, key: string): boolean {
  return options.get(key)?.toLowerCase() === 'true';
}
