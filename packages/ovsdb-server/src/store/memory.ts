/** A store that keeps nothing: for the `_Server` database, for relays, and for tests. */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';
import type { AppendResult, Loaded, Store } from './store.ts';

export class MemoryStore implements Store {
  schema: DatabaseSchema;
  readonly name: string;
  readonly #lastId: Uuid;

  constructor(schema: DatabaseSchema, lastId: Uuid = zeroUuid) {
    this.schema = schema;
    this.name = schema.name;
    this.#lastId = lastId;
  }

  load(): Loaded {
    return { sequence: 0, lastId: this.#lastId };
  }

  append(): AppendResult {
    return 'ok';
  }

  replace(schema: DatabaseSchema): void {
    this.schema = schema;
  }

  compact(): void {}

  close(): void {}
}
