/** Finds a server of the database that will do: the first of the remotes that answers, and leads its cluster if that is wanted. */
import { ConnectTimeout, systemReason } from '@weft/jsonrpc/connect';
import { ConnectionClosedError, InactivityError } from '@weft/jsonrpc/peer';
import { shuffled } from '@weft/jsonrpc/shuffled';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Log } from '@weft/vlog/log';
import { CtlError } from './ctl-error.ts';
import { DialError, dial, ovsdbService } from './dial.ts';
import type { Settings } from './global-options.ts';
import type { Program } from './program.ts';
import { Session } from './session.ts';

/** A server that does not answer for so long is passed over, as by the C programs: its host may be dead. */
const connectLimitMs = 1000;

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
  const ordered = settings.shuffleRemotes ? shuffled(remotes, Math.random) : [...remotes];
  let reason = 'Address family not supported by protocol';
  const trace = (remote: string) =>
    log.wants('jsonrpc', 'dbg') ? (text: string) => log.write('jsonrpc', 'dbg', `${remote}: ${text}`) : undefined;
  for (const [i, remote] of ordered.entries()) {
    try {
      log.write('reconnect', 'info', `${remote}: connecting...`);
      log.write('reconnect', 'dbg', `${remote}: entering CONNECTING`);
      const stream = await dial(
        remote,
        ovsdbService,
        { rundir: socketDirectory(host.env), timeoutMs: connectLimitMs, ...tlsOptions(settings.tls) },
        log,
      );
      log.write('reconnect', 'info', `${remote}: connected`);
      log.write('reconnect', 'dbg', `${remote}: entering ACTIVE`);
      const session = new Session(stream, remote, program.schema, trace(remote));
      const leads = settings.leaderOnly ? checkLeader(session, remote, log) : undefined;
      // Where no other server can be tried, nobody waits for the answer before asking on.
      if (ordered.length > 1) {
        await (leads ?? session.serverState());
        if (session.lost !== undefined) throw new LostSession(session.lost);
      } else if (leads !== undefined) {
        session.readOnCondition(
          leads.catch((error) => {
            throw new CtlError(`${text}: database connection failed (${failureReason(error)})`, { cause: error });
          }),
        );
      }
      return session;
    } catch (error) {
      if (error instanceof ConnectTimeout) {
        log.write('reconnect', 'info', `${remote}: connection attempt timed out`);
        // That is no error of the system: the one before it is named, if there was one.
        if (i === 0) reason = '';
      } else if (error instanceof LostSession) {
        const words = lossReason(error.cause, remote, log);
        if (words !== '' || i === 0) reason = words;
      } else {
        reason = failureReason(error);
        if (!(error instanceof NotLeader)) {
          log.write('reconnect', 'info', `${remote}: connection attempt failed (${reason})`);
        }
      }
    }
  }
  throw new CtlError(`${text}: database connection failed (${reason})`);
}

class LostSession extends Error {
  override readonly cause: Error;

  constructor(cause: Error) {
    super(cause.message);
    this.cause = cause;
  }
}

/** Why a server was lost that was connected: empty if it spoke no more. Says in the log what happened. */
export function lossReason(error: Error, remote: string, log: Log): string {
  if (error instanceof InactivityError) {
    log.write('reconnect', 'err', error.message);
    log.write('reconnect', 'info', `${remote}: connection dropped`);
    return '';
  }
  if (error instanceof ConnectionClosedError) {
    log.write('reconnect', 'info', `${remote}: connection closed by peer`);
    return 'End of file';
  }
  const reason = failureReason(error);
  log.write('jsonrpc', 'warn', `${remote}: receive error: ${reason}`);
  log.write('reconnect', 'warn', `${remote}: connection dropped (${reason})`);
  return reason;
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
