/** The commands of the control socket (ovsdb-server(1), "Runtime management commands"). */
import { CommandError, type UnixctlCommand, type UnixctlServer } from '@weft/jsonrpc/unixctl-server';
import { serverDatabaseName } from './server-database.ts';
import type { DatabaseService } from './service.ts';

export function registerCommands(control: UnixctlServer, service: DatabaseService): void {
  const { server, remotes } = service;
  const register = (
    name: string,
    usage: string,
    run: UnixctlCommand['run'],
    minArgs?: number,
    maxArgs?: number,
  ): void => {
    const most = maxArgs ?? (usage === '' ? 0 : usage.split(' ').length);
    const least = minArgs ?? most;
    control.register(name, {
      usage,
      minArgs: least,
      maxArgs: most,
      run: async (args) => {
        try {
          return await run(args);
        } catch (error) {
          throw error instanceof CommandError
            ? error
            : new CommandError(error instanceof Error ? error.message : String(error), { cause: error });
        }
      },
    });
  };
  const databaseNamed = (name: string) => {
    const database = server.database(name);
    if (database === undefined) throw new CommandError('database not found');
    return database;
  };

  register('ovsdb-server/list-dbs', '', () => server.databaseNames().join('\n'));
  register('ovsdb-server/add-db', 'DB', async ([file = '']) => {
    await service.addDatabase(file);
    return '';
  });
  register('ovsdb-server/remove-db', 'DB', async ([name = '']) => {
    if (name === serverDatabaseName) throw new CommandError('Cannot remove reserved database.');
    databaseNamed(name);
    await service.removeDatabase(name);
    return '';
  });
  register('ovsdb-server/list-remotes', '', () => remotes.list().join('\n'));
  register('ovsdb-server/add-remote', 'REMOTE', async ([remote = '']) => {
    await service.addRemote(remote);
    return '';
  });
  register('ovsdb-server/remove-remote', 'REMOTE', async ([remote = '']) => {
    if (!(await remotes.remove(remote))) throw new CommandError('no such remote');
    return '';
  });
  register(
    'ovsdb-server/compact',
    '[DB]',
    async ([name]) => {
      const names = name === undefined ? server.databaseNames() : [name];
      for (const each of names) {
        const database = databaseNamed(each);
        database.flush();
        await database.store.compact();
      }
      return '';
    },
    0,
    1,
  );
  register('ovsdb-server/get-db-storage-status', 'DB', ([name = '']) => {
    databaseNamed(name);
    return 'status: ok';
  });
  register('ovsdb-server/reconnect', '', () => {
    for (const session of [...server.sessions]) session.peer.close();
    return '';
  });
  register('ovsdb-server/perf-counters-show', '', () => {
    const { requests, transactions, sessions } = server.counters;
    const usage = process.cpuUsage();
    const block = service.takeLongestBlock();
    return [
      `requests: ${requests}`,
      `transactions: ${transactions}`,
      `sessions accepted: ${sessions}`,
      block === undefined
        ? 'event loop blocked at most: measured from now on'
        : `event loop blocked at most: ${block.toFixed(0)} ms since last asked`,
      `cpu: ${((usage.user + usage.system) / 1e6).toFixed(3)} s of ${(service.uptimeMs / 1000).toFixed(3)} s`,
    ].join('\n');
  });
  register('memory/show', '', () => {
    let cells = 0;
    let monitors = 0;
    for (const name of server.databaseNames()) {
      const database = server.database(name)!;
      monitors += database.monitors.size;
      for (const table of database.tables.values()) cells += table.size * table.allColumns.length;
    }
    const { rss, heapUsed, external } = process.memoryUsage();
    const kb = (bytes: number): number => Math.round(bytes / 1024);
    return `cells:${cells} monitors:${monitors} sessions:${server.sessions.size} rss-kB:${kb(rss)} heap-kB:${kb(heapUsed)} buffers-kB:${kb(external)}`;
  });
}
