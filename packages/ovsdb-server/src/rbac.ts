/**
 * Role-based access control (ovsdb-server(7) section 4.1.3, ovn-sb(5) RBAC_Role and RBAC_Permission): what a client with a role may do to rows,
 * decided by the columns of the row that name the client.
 */
import { OvsdbError } from '@weft/ovsdb/error';
import type { Row } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { MemoryTable } from './memory-table.ts';
import type { Access, ModifiedColumn } from './operation/context.ts';

const words = {
  insert: 'row insertion into table',
  delete: 'row deletion from table',
  update: 'modification of table',
  mutate: 'mutate operation on table',
} as const;

type Writing = keyof typeof words;

interface Permission {
  readonly authorization: readonly string[];
  readonly insertDelete: boolean;
  readonly update: readonly string[];
}

export class RoleAccess implements Access {
  readonly #tables: ReadonlyMap<string, MemoryTable>;
  readonly #role: string;
  /** From the client's certificate. */
  readonly #client: string | undefined;

  constructor(tables: ReadonlyMap<string, MemoryTable>, role: string, client: string | undefined) {
    this.#tables = tables;
    this.#role = role;
    this.#client = client;
  }

  /** Access control applies to a connection with a role, if the database has roles. */
  static of(
    tables: ReadonlyMap<string, MemoryTable>,
    role: string | undefined,
    client: string | undefined,
  ): RoleAccess | undefined {
    if (role === undefined || role === '' || !tables.has('RBAC_Role')) return undefined;
    return new RoleAccess(tables, role, client);
  }

  insert(table: MemoryTable, row: Row): void {
    const permission = this.begin(table, 'insert');
    if (!permission.insertDelete || !this.#authorized(permission, row)) throw this.#denied('insert', table);
  }

  /** Whatever the rows, if any: clients without a name, and without a permission for the table, may not. */
  begin(table: MemoryTable, operation: Writing): Permission {
    const permission = this.#permission(table);
    if (permission === undefined || this.#client === undefined) throw this.#denied(operation, table);
    return permission;
  }

  delete(table: MemoryTable, row: Row): void {
    const permission = this.begin(table, 'delete');
    if (!permission.insertDelete || !this.#authorized(permission, row)) throw this.#denied('delete', table);
  }

  modify(table: MemoryTable, row: Row, columns: readonly ModifiedColumn[], operation: 'update' | 'mutate'): void {
    const permission = this.begin(table, operation);
    if (!this.#authorized(permission, row)) throw this.#denied(operation, table);
    for (const { column, keys } of columns) {
      if (permission.update.includes(column)) continue;
      const allKeys = keys?.every((key) => permission.update.includes(`${column}:${String(key)}`));
      if (allKeys !== true) throw this.#denied(operation, table);
    }
  }

  #permission(table: MemoryTable): Permission | undefined {
    const roles = this.#tables.get('RBAC_Role');
    const permissions = this.#tables.get('RBAC_Permission');
    if (roles === undefined || permissions === undefined) return undefined;
    for (const role of roles.rows()) {
      if (role.name !== this.#role) continue;
      const uuid = (role.permissions as ReadonlyMap<string, Uuid>).get(table.name);
      const row = uuid === undefined ? undefined : permissions.get(uuid);
      if (row === undefined) continue;
      return {
        authorization: row.authorization as readonly string[],
        insertDelete: row.insert_delete === true,
        update: row.update as readonly string[],
      };
    }
    return undefined;
  }

  /** Does one of the columns or column:key pairs hold the client's name? The empty string authorizes every client that has one. */
  #authorized(permission: Permission, row: Row): boolean {
    return permission.authorization.some((entry) => {
      if (entry === '') return true;
      const colon = entry.indexOf(':');
      if (colon === -1) return row[entry] === this.#client;
      const datum = row[entry.slice(0, colon)];
      return datum instanceof Map && datum.get(entry.slice(colon + 1)) === this.#client;
    });
  }

  #denied(operation: Writing, table: MemoryTable): OvsdbError {
    return denied(this.#role, this.#client, `${words[operation]} "${table.name}".`);
  }
}

/** Whoever has a role, of whichever database, converts none. Errors: `permission error`. */
export function checkMayConvert(database: string, role: string | undefined, client: string | undefined): void {
  if (role === undefined || role === '') return;
  const what = `"convert" of database ${database} (only the root role may convert databases)`;
  throw denied(role, client, what);
}

function denied(role: string, client: string | undefined, what: string): OvsdbError {
  // As the C server calls a client without a certificate.
  const name = client ?? '(null)';
  return new OvsdbError('permission error', `RBAC rules for client "${name}" role "${role}" prohibit ${what}`);
}
