/** The commands of the control socket (ovsdb-server(1), "Runtime management commands"). */
import { CommandError, type UnixctlCommand, type UnixctlServer } from '@weft/jsonrpc/unixctl-server';
import { OvsdbError } from '@weft/ovsdb/error';
import { memoryText } from './memory-usage.ts';
import { serverDatabaseName } from './server-database.ts';
import type { DatabaseService } from './service.ts';
import { TransactionLog } from './transaction-log.ts';

type Register = (name: string, usage: string, run: UnixctlCommand['run'], minArgs?: number, maxArgs?: number) => void;

/** Makes the commands of this service known to the control socket. `done` is called when one has been executed. */
export function registerCommands(control: UnixctlServer, service: DatabaseService, done: () => void = () => {}): void {
  const { server, remotes } = service;
  const register: Register = (name, usage, run, minArgs, maxArgs) => {
    const most = maxArgs ?? (usage === '' ? 0 : usage.split(' ').length);
    const least = minArgs ?? most;
    control.register(name, {
      usage,
      minArgs: least,
      maxArgs: most,
      run: async (args, gone) => {
        try {
          const answer = await run(args, gone);
          done();
          return answer;
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
    if (database === undefined) throw new CommandError('no database by that name');
    return database;
  };

  register('ovsdb-server/list-dbs', '', () => server.databaseNames().join('\n'));
  register('ovsdb-server/add-db', 'DB', async ([file = '']) => {
    try {
      await service.addDatabase(file);
    } catch (error) {
      throw error instanceof OvsdbError ? new CommandError(error.toText(), { cause: error }) : error;
    }
    return '';
  });
  register('ovsdb-server/remove-db', 'DB', async ([name = '']) => {
    if (name === serverDatabaseName) throw new CommandError('Cannot remove reserved database.');
    if (!(await service.removeDatabase(name))) throw new CommandError('Failed to find the database.');
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
    '',
    async ([name]) => {
      if (name === serverDatabaseName) throw new CommandError('cannot compact built-in databases');
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
    if (server.database(name) === undefined) throw new CommandError('Failed to find the database.');
    return 'status: ok';
  });
  register('ovsdb-server/reconnect', '', () => {
    server.disconnectClients();
    return '';
  });
  register('ovsdb-server/disable-monitor-cond', '', () => {
    service.log('info', 'conditional monitors are no more (user ran ovsdb-server/disable-monitor-cond)');
    server.disableConditionalMonitors();
    return '';
  });
  registerReplication(register, service);
  registerTransactionLog(register, service);
  registerCounters(register, service);
  register('ovsdb-server/memory-trim-on-compaction', 'on|off', ([word = '']) => {
    // The memory that a compaction frees is not kept here, so both are done already.
    if (word !== 'on' && word !== 'off') throw new CommandError('invalid argument');
    return '';
  });
}

function registerCounters(register: Register, service: DatabaseService): void {
  const { server, coverage } = service;
  let cleared = { requests: 0, transactions: 0, sessions: 0 };
  register('ovsdb-server/perf-counters-show', '', () => {
    const { requests, transactions, sessions } = server.counters;
    const usage = process.cpuUsage();
    const block = service.takeLongestBlock();
    return [
      `requests: ${requests - cleared.requests}`,
      `transactions: ${transactions - cleared.transactions}`,
      `sessions accepted: ${sessions - cleared.sessions}`,
      block === undefined
        ? 'event loop blocked at most: measured from now on'
        : `event loop blocked at most: ${block.toFixed(0)} ms since last asked`,
      `cpu: ${((usage.user + usage.system) / 1e6).toFixed(3)} s of ${(service.uptimeMs / 1000).toFixed(3)} s`,
    ].join('\n');
  });
  register('ovsdb-server/perf-counters-clear', '', () => {
    service.takeLongestBlock();
    cleared = { ...server.counters };
    return '';
  });
  register('coverage/show', '', () => coverage.show());
  register('coverage/read-counter', 'COUNTER', ([event = '']) => {
    const total = coverage.total(event);
    if (total === undefined) throw new CommandError('No such counter');
    return String(total);
  });
  register('memory/show', '', () => memoryText(server));
}

/** ovsdb-server(1), "Active-Backup Commands". */
function registerReplication(register: Register, { replication }: DatabaseService): void {
  /** `list-commands` of the C server does not show their argument. */
  const registerOne = (name: string, run: (argument: string) => string): void =>
    register(name, '', ([argument = '']) => run(argument), 1, 1);
  registerOne('ovsdb-server/set-active-ovsdb-server', (remote) => {
    replication.active = remote;
    return '';
  });
  register('ovsdb-server/get-active-ovsdb-server', '', () => replication.active ?? '');
  register('ovsdb-server/connect-active-ovsdb-server', '', () => {
    if (replication.active === undefined) return 'Unable to connect: active server is not specified.';
    replication.connect();
    return '';
  });
  register('ovsdb-server/disconnect-active-ovsdb-server', '', () => {
    replication.disconnect();
    return '';
  });
  registerOne('ovsdb-server/set-active-ovsdb-server-probe-interval', (text) => {
    if (!/^-?[0-9]+$/.test(text)) return 'Invalid probe interval, integer value expected';
    replication.probeIntervalMs = Math.max(0, Number(text));
    replication.restart();
    return '';
  });
  registerOne('ovsdb-server/set-sync-exclude-tables', (text) => {
    replication.exclude(text);
    return '';
  });
  register('ovsdb-server/get-sync-exclude-tables', '', () => replication.excluded);
  register('ovsdb-server/sync-status', '', () => replication.status());
}

function registerTransactionLog(register: Register, service: DatabaseService): void {
  const log = new TransactionLog((line) => service.log('info', line));
  const { server } = service;
  register('ovsdb-server/tlog-set', 'DB:TABLE on|off', ([place = '', word = '']) => {
    const [, name, table] = /^([^:]+):([^:]+)$/.exec(place) ?? [];
    if (name === undefined || table === undefined) throw new CommandError('invalid DB:TABLE argument');
    const database = server.database(name);
    if (database === undefined) throw new CommandError('no such database');
    if (!database.tables.has(table)) throw new CommandError('no such table');
    if (word !== 'on' && word !== 'off') throw new CommandError('invalid command argument');
    log.set(database, table, word === 'on');
    return '';
  });
  register('ovsdb-server/tlog-list', '', () => log.list(server.databaseNames().map((name) => server.database(name)!)));
}
