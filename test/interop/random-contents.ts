/** Databases of random rows that refer to each other at random. */

import { type Json, type JsonObject, jsonText } from '@weft/ovsdb/json';
import type { BaseType, ColumnType, DatabaseSchema } from '@weft/ovsdb/schema';
import type { Contents } from './ctl-twins.ts';

/** A uuid that `random` decides. */
export function randomUuid(random: () => number): string {
  return 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replaceAll('x', () => Math.floor(random() * 16).toString(16));
}

/** At most `most` rows in each table. What nothing refers to and is no root's row will vanish. */
export function randomContents(schema: DatabaseSchema, most: number, random: () => number): Contents {
  const below = (n: number) => Math.floor(random() * n);
  const uuid = () => randomUuid(random);
  const names = new Map<string, string[]>();
  for (const [table, { maxRows }] of Object.entries(schema.tables)) {
    names.set(table, Array.from({ length: maxRows === 1 ? 1 : 1 + below(most) }, uuid));
  }
  const atom = (base: BaseType, seq: number): Json => {
    if (base.refTable !== undefined) {
      const rows = names.get(base.refTable)!;
      return ['uuid', rows[below(rows.length)]!];
    }
    if (base.enum !== undefined) return base.enum[below(base.enum.length)] as Json;
    switch (base.type) {
      case 'string':
        return `n${seq}`;
      case 'boolean':
        return random() < 0.5;
      case 'uuid':
        return ['uuid', uuid()];
      default:
        return (
          Number(base.minInteger ?? 0) + (seq % (Number(base.maxInteger ?? 1e9) - Number(base.minInteger ?? 0) + 1))
        );
    }
  };
  const datum = (type: ColumnType, seq: number): Json | undefined => {
    const refs = type.key.refTable !== undefined || type.value?.refTable !== undefined;
    if (type.kind === 'scalar') return atom(type.key, seq);
    const count = refs ? Math.max(type.min, Math.min(type.max, below(4))) : type.min;
    if (count === 0) return undefined;
    if (type.kind === 'map') {
      return ['map', Array.from({ length: count }, (_, i) => [atom(type.key, i), atom(type.value!, i)])];
    }
    const atoms = new Map(Array.from({ length: count }, () => atom(type.key, seq)).map((a) => [JSON.stringify(a), a]));
    return ['set', [...atoms.values()]];
  };
  const contents: Contents = new Map();
  for (const [table, uuids] of names) {
    const rows = new Map<string, JsonObject>();
    uuids.forEach((id, seq) => {
      const row: { [column: string]: Json } = {};
      for (const [column, { type }] of Object.entries(schema.tables[table]!.columns)) {
        const value = datum(type, seq + 1);
        if (value !== undefined) row[column] = value;
      }
      if (isUnique(schema.tables[table]!.indexes, row, [...rows.values()])) rows.set(id, row);
    });
    contents.set(table, rows);
  }
  return contents;
}

function isUnique(indexes: readonly (readonly string[])[], row: JsonObject, others: readonly JsonObject[]): boolean {
  const key = (of: JsonObject, columns: readonly string[]) => jsonText(columns.map((column) => of[column] ?? null));
  return indexes.every((columns) => others.every((other) => key(other, columns) !== key(row, columns)));
}
