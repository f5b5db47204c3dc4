/** The argument of an action in `ovs-ofctl` syntax, in the shapes that it may have. All throw {@link TextParseError}. */
import { type Item, parseInteger, TextParseError } from './text-scan.ts';

/** Throws what is wrong with an item. */
export function fail(item: Item, message: string): never {
  throw new TextParseError(message, item.offset);
}

/** What stands after the item's name. */
export function argument(item: Item): string {
  if (item.value === undefined) fail(item, `${item.key} needs an argument`);
  return item.value;
}

/** The same as an integer from 0 to `max`. */
export function integer(item: Item, max = 0xffffffff): number {
  return parseInteger(argument(item), max, item.valueOffset);
}

/** `A->B`: what stands on both sides, and where the right one begins. */
export function arrow(item: Item): { left: string; right: string; rightOffset: number } {
  const text = argument(item) + item.tail;
  const at = text.lastIndexOf('->');
  if (at < 0) fail(item, `${item.key} needs "->" and a field`);
  return { left: text.slice(0, at), right: text.slice(at + 2), rightOffset: item.valueOffset + at + 2 };
}

/** The one of `names` that `text` is; `what` it should be goes into the error. */
export function oneOf<T extends string>(names: readonly T[], text: string, item: Item, what: string): T {
  const found = names.find((name) => name === text.trim());
  if (found === undefined) fail(item, `${text} is not ${what}`);
  return found;
}

/** Arguments that commas separate, and no parentheses enclose. */
export function flatArguments(item: Item): string[] {
  return argument(item)
    .split(',')
    .map((part) => part.trim());
}
