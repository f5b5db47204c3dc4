/** The envelope of JSON-RPC 1.0 as OVSDB uses it (RFC 7047 section 4). */
import { isJsonObject, type Json } from './json.ts';

export type RequestId = Json;

export type Message =
  | { readonly kind: 'request'; readonly method: string; readonly params: readonly Json[]; readonly id: RequestId }
  | { readonly kind: 'notification'; readonly method: string; readonly params: readonly Json[] }
  | { readonly kind: 'reply'; readonly id: RequestId; readonly result: Json }
  | { readonly kind: 'error'; readonly id: RequestId; readonly error: Json };

/**
 * What a JSON value means as a message; a string that says what is wrong if it is none.
 * A null member counts as absent, except the `result` of a reply: a server may answer null.
 */
export function classify(value: Json): Message | string {
  if (!isJsonObject(value)) return 'message is not a JSON object';
  const { method, params, result, error } = value;
  const id = value.id ?? null;
  if (method !== undefined && method !== null) {
    if (typeof method !== 'string') return 'message method is not a JSON string';
    if (!Array.isArray(params)) return 'message params is not a JSON array';
    const list = params as readonly Json[];
    return id === null ? { kind: 'notification', method, params: list } : { kind: 'request', method, params: list, id };
  }
  if (id === null) return 'message has neither method nor id';
  if (error !== undefined && error !== null) return { kind: 'error', id, error };
  if (result === undefined) return 'message has neither method, result nor error';
  return { kind: 'reply', id, result };
}
