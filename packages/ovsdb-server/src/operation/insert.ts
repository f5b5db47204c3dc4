/** RFC 7047 section 5.2.1, and the `uuid` member of ovsdb-server(7) section 5.2.1. */
import { defaultAtom } from '@weft/ovsdb/atom';
import { checkAtom } from '@weft/ovsdb/constraint';
import { OvsdbError, syntaxError } from '@weft/ovsdb/error';
import type { TableSchema } from '@weft/ovsdb/schema';
import { isUuid, parseUuid, type Uuid } from '@weft/ovsdb/uuid';
import { checkWritable, decodeValues, type OperationContext, tableOf } from './context.ts';
import type { Members } from './members.ts';

/** Returns the result as JSON text. Errors: `duplicate uuid`, `duplicate uuid-name`, those of `decodeValues`, `not allowed`, `permission error`. */
export function insert(context: OperationContext, members: Members): string {
  const table = tableOf(context, members);
  const name = members.has('uuid-name') ? members.id('uuid-name') : undefined;
  const chosenText = members.has('uuid') ? members.string('uuid') : undefined;
  const json = members.object('row');
  members.end();

  let chosen: Uuid | undefined;
  if (chosenText !== undefined) {
    chosen = parseUuid(chosenText);
    if (chosen === undefined || !isUuid(chosen)) throw syntaxError(chosenText, 'bad uuid');
    const touched = context.journal.before(table, chosen);
    if (table.get(chosen) !== undefined || touched?.old !== undefined) {
      throw new OvsdbError(
        'duplicate uuid',
        'This UUID would duplicate a UUID already present within the table or deleted within the same transaction.',
        { syntax: chosenText },
      );
    }
  }
  const uuid = name === undefined ? (chosen ?? context.newUuid()) : context.named.insert(name, chosen);
  const values = decodeValues(context, table, json);
  for (const { column, check } of withoutDefault(table.schema)) if (!Object.hasOwn(json, column)) check();
  const row = table.text.make(uuid, values);
  checkWritable(context, 'insert');
  context.access?.insert(table, row);
  context.journal.write(table, uuid, row, Object.keys(json));
  return `{"uuid":["uuid","${uuid}"]}`;
}

interface Required {
  readonly column: string;
  /** Throws what is wrong with the default. */
  readonly check: () => void;
}

const requiredColumns = new WeakMap<TableSchema, readonly Required[]>();

/** The columns whose default their own constraints forbid: an insert must give them. */
function withoutDefault(schema: TableSchema): readonly Required[] {
  let required = requiredColumns.get(schema);
  if (required === undefined) {
    required = Object.entries(schema.columns).flatMap(([column, { type }]) => {
      // An empty default has nothing that a constraint could forbid.
      if (type.min === 0) return [];
      const check = () => {
        checkAtom(type.key, defaultAtom(type.key.type));
        if (type.value !== undefined) checkAtom(type.value, defaultAtom(type.value.type));
      };
      try {
        check();
        return [];
      } catch {
        return [{ column, check }];
      }
    });
    requiredColumns.set(schema, required);
  }
  return required;
}
