import type { Uuid } from '@weft/ovsdb/uuid';
import type { Model } from '../model.ts';

/** Keys are `ROUTER REST`. */
export const routerOfKey = (key: string): Uuid => key.slice(0, key.indexOf(' '));

/**
 * Numbers from 1 to 65535 for the keys of each router, unique there. A key's number follows from its own text unless another key is in the way,
 * so that it stays what it is while others come and go.
 */
export function numbering(
  model: Model,
  name: string,
  keysOf: (lr: Uuid) => readonly string[],
): (key: string) => number {
  const ofRouter = model.rt.memo(`${name}s of router`, (lr: Uuid) => {
    const numbers = new Map<string, number>();
    const taken = new Set<number>();
    for (const key of [...keysOf(lr)].sort()) {
      // The router's uuid does not take part: a copy of the router has the same numbers.
      let number = hash16(key.slice(lr.length));
      while (taken.has(number)) number = (number % 65535) + 1;
      taken.add(number);
      numbers.set(key, number);
    }
    return numbers;
  });
  return model.rt.memo(name, (key: string) => ofRouter(routerOfKey(key)).get(key) ?? 0);
}

/** FNV-1a folded to 1..65535. */
function hash16(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return (hash % 65535) + 1;
}
