/** The `_Server` database, which tells clients about the others (ovsdb-server(5)). */
import { boolean, column, database, integer, oneOf, optional, string, table, uuid } from '@weft/ovsdb/schema';

export const serverSchema = database(
  '_Server',
  '1.2.0',
  {
    Database: table(
      {
        name: column(string()),
        model: column(oneOf('clustered', 'relay', 'standalone')),
        connected: column(boolean()),
        leader: column(boolean()),
        schema: optional(string()),
        cid: optional(uuid()),
        sid: optional(uuid()),
        index: optional(integer()),
      },
      // Without any root every table is in the root set.
      { isRoot: true },
    ),
  },
  { cksum: '3009684573 744' },
);

export const serverDatabaseName = '_Server';
