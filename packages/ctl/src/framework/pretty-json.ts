/** JSON with one member or element per line, closing brackets at the end of the line before, as the C programs indent it. */
import { isArray, isObject, type Json, jsonText } from '@weft/ovsdb/json';

/** JSON over several lines. `depth` is how far its first line is indented already, in steps. */
export function prettyJson(json: Json, depth = 0): string {
  const inner = `\n${'  '.repeat(depth + 1)}`;
  if (isArray(json)) {
    if (json.length === 0) return '[]';
    return `[${inner}${json.map((element) => prettyJson(element, depth + 1)).join(`,${inner}`)}]`;
  }
  if (isObject(json)) {
    const names = Object.keys(json).sort();
    if (names.length === 0) return '{}';
    const members = names.map((name) => `${jsonText(name)}: ${prettyJson(json[name]!, depth + 1)}`);
    return `{${inner}${members.join(`,${inner}`)}}`;
  }
  return jsonText(json);
}
