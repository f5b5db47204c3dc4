/** Finds a server of the database that will do: the first of the remotes that answers, and leads its cluster if that is wanted. */
import { systemReason } from '@weft/jsonrpc/connect';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Log } from '@weft/vlog/log';
import { CtlError } from './ctl-error.ts';
import { DialError, dial, ovsdbService } from './dial.ts';
import type { Settings } from './global-options.ts';
import type { Program } from './program.ts';
import { Session } from './session.ts';

export interface SessionHost {
  readonly env: { readonly [name: string]: string | undefined };
}

/** Where sockets lie if nothing else is said. */
export function runDirectory(env: SessionHost['env']): string {
  return env.OVN_RUNDIR ?? '/var/run/ovn';
}

/** Where the sockets of remotes without a directory lie: those of Open vSwitch, as the C programs have it. */
export function socketDirectory(env: SessionHost['env']): string {
  return env.OVS_RUNDIR ?? '/var/run/openvswitch';
}

/** Where log files lie if nothing else is said. `OVS_LOGDIR` is what the C programs of this version obey. */
export function logDirectory(env: SessionHost['env']): string {
  return env.OVN_LOGDIR ?? env.OVS_LOGDIR ?? '/var/log/ovn';
}

/** The remotes of `--db`, of the environment, or the default one. */
export function databaseRemotes<D extends DatabaseSchema>(
  program: Program<D>,
  env: SessionHost['env'],
  db?: string,
): string {
  return db ?? env[program.environment.db] ?? `unix:${runDirectory(env)}/${program.socket}`;
}

/** Connects. Throws a CtlError if no remote serves. */
export async function openSession<D extends DatabaseSchema>(
  program: Program<D>,
  host: SessionHost,
  settings: Pick<Settings, 'db' | 'leaderOnly' | 'shuffleRemotes' | 'tls'>,
  log: Log,
): Promise<Session> {
  const text = databaseRemotes(program, host.env, settings.db);
  const remotes = remotesOf(text);
  const ordered = settings.shuffleRemotes ? shuffled(remotes) : [...remotes];
  let failure = `${text}: database connection failed (Address family not supported by protocol)`;
  const trace = (remote: string) =>
    log.wants('jsonrpc', 'dbg') ? (text: string) => log.write('jsonrpc', 'dbg', `${remote}: ${text}`) : undefined;
  for (const remote of ordered) {
    try {
      log.write('reconnect', 'info', `${remote}: connecting...`);
      log.write('reconnect', 'dbg', `${remote}: entering CONNECTING`);
      const stream = await dial(
        remote,
        ovsdbService,
        { rundir: socketDirectory(host.env), ...tlsOptions(settings.tls) },
        log,
      );
      log.write('reconnect', 'info', `${remote}: connected`);
      log.write('reconnect', 'dbg', `${remote}: entering ACTIVE`);
      const session = new Session(stream, remote, program.schema, trace(remote));
      if (!settings.leaderOnly) return session;
      const leads = checkLeader(session, remote, log);
      // Where no other server can be tried, nobody waits for the answer before asking on.
      if (ordered.length > 1) await leads;
      else {
        session.readOnCondition(
          leads.catch((error) => {
            throw new CtlError(`${text}: database connection failed (${failureReason(error)})`, { cause: error });
          }),
        );
      }
      return session;
    } catch (error) {
      if (error instanceof NotLeader) {
        failure = `${text}: database connection failed (${error.message})`;
        continue;
      }
      const reason = failureReason(error);
      log.write('reconnect', 'info', `${remote}: connection attempt failed (${reason})`);
      failure = `${text}: database connection failed (${reason})`;
    }
  }
  throw new CtlError(failure);
}

/** The remotes of a list: a comma ends one only where the beginning of another follows it. */
function remotesOf(text: string): readonly string[] {
  return text
    .replace(/^[\s,]+/, '')
    .split(/,\s*(?=[a-z]+:)/)
    .filter((remote) => remote !== '');
}

class NotLeader extends Error {
  override name = 'NotLeader';
  override message = 'clustered database server is not cluster leader';
}

/** @throws NotLeader, having closed the session */
async function checkLeader(session: Session, remote: string, log: Log): Promise<void> {
  const state = await session.serverState();
  if (state === undefined || !state.clustered || (state.leader && state.connected)) return;
  const error = new NotLeader();
  log.write('ovsdb_cs', 'info', `${remote}: ${error.message}; trying another server`);
  session.close();
  throw error;
}

/** The SSL options in the form that connections take. */
export function tlsOptions(tls: Settings['tls']): { tls?: TlsFiles } {
  if (Object.values(tls).every((file) => file === undefined)) return {};
  const { bootstrapCaCert, ...files } = tls;
  return { tls: bootstrapCaCert === undefined ? files : { ...files, caCert: bootstrapCaCert, bootstrapCaCert: true } };
}

/** Why there is no connection, in the system's words. */
export function failureReason(error: unknown): string {
  if (error instanceof DialError) return error.message;
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? systemReason(cause) : String(cause);
}

/** Clients of a cluster spread over its members. */
function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}
