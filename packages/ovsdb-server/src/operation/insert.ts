/** RFC 7047 section 5.2.1, and the `uuid` member of ovsdb-server(7) section 5.2.1. */
import { OvsdbError, syntaxError } from '@weft/ovsdb/error';
import { isUuid, parseUuid, type Uuid } from '@weft/ovsdb/uuid';
import { decodeValues, type OperationContext, tableOf } from './context.ts';
import type { Members } from './members.ts';

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
  const row = table.text.make(uuid, decodeValues(context, table, json));
  context.access?.insert(table, row);
  context.journal.write(table, uuid, row);
  return `{"uuid":["uuid","${uuid}"]}`;
}
