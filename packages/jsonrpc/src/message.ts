/** The envelope of JSON-RPC 1.0 as OVSDB uses it (RFC 7047 section 4). */
import { isJsonObject, type Json } from './json.ts';

export type RequestId = Json;

export type Message =
  | { readonly kind: 'request'; readonly method: string; readonly params: readonly Json[]; readonly id: RequestId }
  | { readonly kind: 'notification'; readonly method: string; readonly params: readonly Json[] }
  | { readonly kind: 'reply'; readonly id: RequestId; readonly result: Json }
  | { readonly kind: 'error'; readonly id: RequestId; readonly error: Json };

const members: ReadonlySet<string> = new Set(['id', 'method', 'params', 'result', 'error']);

function isPresent(json: Json | undefined): json is Json {
  return json !== undefined && json !== null;
}

/**
 * What a JSON value means as a message; a string that says what is wrong if it is none.
 * A null member counts as absent, except the `result` of a reply: a server may answer null.
 */
export function classify(value: Json): Message | string {
  if (!isJsonObject(value)) return 'message is not a JSON object';
  const { method, params, result, error } = value;
  const id = value.id ?? null;
  for (const name in value) if (!members.has(name)) return `message has unexpected member "${name}"`;
  if (method !== undefined && method !== null) {
    if (isPresent(result) || isPresent(error)) return 'message has both a method and a result or error';
    if (typeof method !== 'string') return 'message method is not a JSON string';
    if (!Array.isArray(params)) return 'message params is not a JSON array';
    const list = params as readonly Json[];
    return id === null ? { kind: 'notification', method, params: list } : { kind: 'request', method, params: list, id };
  }
  if (id === null) return 'message has neither method nor id';
  if (isPresent(params)) return 'message has params and no method';
  if (isPresent(error)) return isPresent(result) ? 'message has both result and error' : { kind: 'error', id, error };
  if (result === undefined) return 'message has neither method, result nor error';
  return { kind: 'reply', id, result };
}
