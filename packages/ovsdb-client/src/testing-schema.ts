/** For tests: a schema with every kind of column, references of both strengths, and an index. */
import { writeFileSync } from 'node:fs';
import {
  boolean,
  column,
  type DatabaseSchema,
  database,
  integer,
  map,
  optional,
  real,
  ref,
  set,
  string,
  table,
} from '@weft/ovsdb/schema';
import { schemaToJson } from '@weft/ovsdb/schema-json';

export const inventory = database('Inventory', '1.0.0', {
  Shelf: table(
    {
      name: column(string()),
      items: set(ref('Item')),
      favourite: optional(ref('Item', 'weak')),
      labels: map(string(), string()),
      counts: map(integer(), real()),
    },
    { isRoot: true, indexes: [['name']] },
  ),
  Item: table({
    weight: optional(integer()),
    price: column(real()),
    sold: column(boolean()),
    tags: set(string()),
    numbers: set(integer(), { max: 20 }),
    near: set(ref('Item', 'weak')),
    stock: column(integer()),
  }),
});

/** Writes the schema of the tests to a file, for the C programs. */
export function writeSchema(path: string, schema: DatabaseSchema = inventory): string {
  writeFileSync(path, JSON.stringify(schemaToJson(schema)));
  return path;
}
