/**
 * Template variables: `^name` in a match or in actions stands for the text that the chassis has for it (ovn-sb(5), Chassis_Template_Var). Nothing is
 * replaced in strings and comments, nor in what a variable stands for. No mask may follow a variable: `^ip/24` is no network.
 */

const skippedOrVariable = /"(?:[^"\\]|\\.)*(?:"|$)|\/\/[^\n]*|\/\*.*?(?:\*\/|$)|\^([A-Za-z_][A-Za-z0-9_.]*)/gs;

/** The text with its template variables replaced. A name without a value loses its `^`, which the parser will then complain about. */
export function expandTemplate(text: string, lookup: (name: string) => string | undefined): string {
  if (!text.includes('^')) return text;
  return text.replace(skippedOrVariable, (found, name: string | undefined, index: number) =>
    name === undefined ? found : standIn(text, lookup, name, index + found.length),
  );
}

/** What stands for a variable that ends at `end`. */
function standIn(text: string, lookup: (name: string) => string | undefined, name: string, end: number): string {
  const value = lookup(name) ?? name;
  // A `/` after a number would be its mask's.
  return text[end] === '/' ? `${value} ` : value;
}

/** Where in the text stands what is at `offset` of its expansion; for what a variable stands for, where the variable is. */
export function unexpandedOffset(text: string, lookup: (name: string) => string | undefined, offset: number): number {
  /** By how much the expansion is ahead of the text. */
  let ahead = 0;
  for (const { 0: found, 1: name, index } of text.matchAll(skippedOrVariable)) {
    if (name === undefined) continue;
    const start = index + ahead;
    const { length } = standIn(text, lookup, name, index + found.length);
    if (offset < start) break;
    if (offset < start + length) return index;
    ahead += length - found.length;
  }
  return offset - ahead;
}
