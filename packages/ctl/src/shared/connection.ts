/** `get-connection`, `del-connection`, `set-connection`: rows of table Connection, which both databases have. */
import { compareStrings } from '@weft/ovsdb/atom';
import type { Row } from '@weft/ovsdb/row';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Command, Context, Reads } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import type { Transaction } from '../framework/transaction.ts';

export interface ConnectionOptions {
  /** The table whose only row refers to the connections. */
  readonly root: string;
  /** Connections have a role, and may be read-only. */
  readonly roles: boolean;
}

/** `get-connection`, `del-connection`, `set-connection` (ovn-nbctl(8)). */
export function connectionCommands<D extends DatabaseSchema>(
  _schema: D,
  { root, roles }: ConnectionOptions,
): readonly Command<D>[] {
  const reads = {
    [root]: ['connections'],
    Connection: roles ? ['target', 'read_only', 'role'] : ['target'],
  } as unknown as Reads<D>;
  const plain = (context: Context<D>) => context.tx as unknown as Transaction;
  const removeAll = (tx: Transaction): Row => {
    const global = tx.only(root) as unknown as Row | undefined;
    if (global === undefined) throw new CtlError(`${root}: the row is gone`);
    for (const row of tx.rows('Connection')) tx.delete('Connection', row._uuid);
    tx.update(root, global._uuid, { connections: [] } as never);
    return global;
  };

  const get: Command<D> = {
    name: 'get-connection',
    args: '',
    reads,
    summary: 'prints the remotes that the database server takes from the database',
    examples: ['get-connection'],
    run: (context) => {
      const lines = plain(context)
        .all('Connection')
        .map((row) => row as unknown as Row)
        .map((row) =>
          roles
            ? `${row.read_only === true ? 'read-only' : 'read-write'} role="${row.role}" ${row.target}`
            : String(row.target),
        );
      for (const line of lines.sort(compareStrings)) context.print(line);
    },
  };

  const del: Command<D> = {
    name: 'del-connection',
    args: '',
    reads,
    summary: 'deletes the remotes that the database server takes from the database',
    examples: ['del-connection'],
    run: (context) => {
      removeAll(plain(context));
    },
  };

  const set: Command<D> = {
    name: 'set-connection',
    args: 'TARGET...',
    options: ['--inactivity-probe='],
    reads,
    summary: 'makes the database server listen on, or connect to, these remotes and no others of the database',
    examples: roles
      ? ['set-connection ptcp:6642:10.1.1.41', 'set-connection role=ovn-controller pssl:6642']
      : ['set-connection ptcp:6641:10.1.1.41', '--inactivity-probe=60000 set-connection pssl:6641'],
    ...(roles ? { details: 'read-only, read-write and role=ROLE stand before the targets that they are for.' } : {}),
    run: (context) => {
      const tx = plain(context);
      const global = removeAll(tx);
      const probe = context.options.get('--inactivity-probe');
      let readOnly = false;
      let role = '';
      for (const target of context.args) {
        if (roles && (target === 'read-only' || target === 'read-write')) {
          readOnly = target === 'read-only';
          continue;
        }
        if (roles && target.startsWith('role=')) {
          role = target.slice('role='.length);
          continue;
        }
        if (!/^p?(tcp|ssl|unix):/.test(target)) context.warn(`target type "${target}" is possibly erroneous`);
        const uuid = tx.insert('Connection', {
          target,
          ...(roles ? { read_only: readOnly, role } : {}),
          ...(probe === undefined ? {} : { inactivity_probe: Number.parseInt(probe, 10) || 0 }),
        } as never);
        tx.editSet(root, global._uuid, 'connections', { insert: [uuid] });
      }
    },
  };
  return [get, del, set];
}
