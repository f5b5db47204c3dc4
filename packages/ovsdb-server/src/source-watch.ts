/**
 * Whether the server that a relay follows has the database itself: a relay that lost its own source, or a member that its cluster lost, says in `_Server`
 * that it is not connected (ovsdb-server(5)), and would be followed for ever with what it had by then, while another remote has more.
 */
import { JsonRpcError, type Peer } from '@weft/jsonrpc/peer';
import { isObject, type Json } from '@weft/ovsdb/json';
import { serverDatabaseName } from './server-database.ts';

const monitorId = 'source';

export class SourceWatch {
  readonly #database: string;
  readonly #peer: Peer;

  constructor(database: string, peer: Peer) {
    this.#database = database;
    this.#peer = peer;
  }

  /**
   * Asks, and goes on listening. A server that is too old to have `_Server` has what it serves.
   * @throws Error if it is not connected
   */
  async start(): Promise<void> {
    const request = { Database: [{ columns: ['name', 'connected'] }] };
    try {
      this.#look(await this.#peer.call('monitor', [serverDatabaseName, monitorId, request]));
    } catch (error) {
      if (!(error instanceof JsonRpcError)) throw error;
    }
  }

  /** True if the notification was for this watch. A source that is connected no more loses its connection. */
  take(method: string, [id, updates]: readonly Json[]): boolean {
    if (method !== 'update' || id !== monitorId) return false;
    try {
      this.#look(updates ?? null);
    } catch (error) {
      this.#peer.close(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  #look(updates: Json): void {
    const rows = isObject(updates) && isObject(updates.Database) ? Object.values(updates.Database) : [];
    for (const update of rows) {
      const row = isObject(update) ? update.new : undefined;
      if (isObject(row) && row.name === this.#database && row.connected === false) {
        throw new Error(`${this.#database}: the server itself is not connected to it`);
      }
    }
  }
}
