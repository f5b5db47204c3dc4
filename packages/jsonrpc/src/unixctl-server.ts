/**
 * The server side of a daemon's control socket, which `ovs-appctl` drives (ovs-appctl(8)): JSON-RPC whose methods are commands, whose parameters
 * are strings, and whose results and errors are text for a person.
 */
import type { Duplex } from 'node:stream';
import { Dispatcher, MethodError } from './dispatch.ts';
import type { Json } from './json.ts';
import { Peer } from './peer.ts';

/** A command failed; `message` is shown to whoever typed it. */
export class CommandError extends Error {
  override name = 'CommandError';
}

export interface UnixctlCommand {
  /** Its arguments, as `list-commands` shows them. */
  readonly usage?: string;
  /** Default 0. */
  readonly minArgs?: number;
  /** Default `minArgs`. */
  readonly maxArgs?: number;
  /** Returns what is printed. Throws CommandError for a failure that is the caller's. `gone` fires when the caller hangs up. */
  readonly run: (args: readonly string[], gone: AbortSignal) => string | Promise<string>;
}

export class UnixctlServer {
  readonly #commands = new Map<string, UnixctlCommand>();
  readonly #dispatcher: Dispatcher;
  readonly #gone = new WeakMap<Peer, AbortSignal>();

  /** `onDefect` learns of commands that failed otherwise than by CommandError. */
  constructor(onDefect: (command: string, error: unknown) => void = () => {}) {
    this.#dispatcher = new Dispatcher(
      {},
      {
        unknownMethod: (name) =>
          `"${name}" is not a valid command (use "list-commands" to see a list of valid commands)\n`,
        onDefect,
      },
    );
    this.register('list-commands', { run: () => this.#list() });
  }

  /** Adds a command; one of that name is replaced. */
  register(name: string, command: UnixctlCommand): void {
    this.#commands.set(name, command);
    this.#dispatcher.register(name, async (params, { peer }) => {
      try {
        return line(await command.run(checkArgs(name, command, params), this.#gone.get(peer)!));
      } catch (error) {
        if (error instanceof CommandError) throw new MethodError(line(error.message));
        throw error;
      }
    });
  }

  /** Serves one connection; hand it to `listen`. */
  accept(stream: Duplex): Peer {
    const gone = new AbortController();
    const caller = new Peer(stream, {
      name: 'unixctl',
      limits: { maxBytes: 16 * 1024 * 1024, maxDepth: 100 },
      onRequest: (method, params, id, peer) => this.#dispatcher.handle(method, params, id, peer),
      onClose: () => gone.abort(),
    });
    this.#gone.set(caller, gone.signal);
    return caller;
  }

  #list(): string {
    const lines = [...this.#commands]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, { usage = '' }]) => `  ${name.padEnd(23)} ${usage}\n`);
    return `The available commands are:\n${lines.join('')}`;
  }
}

function checkArgs(name: string, command: UnixctlCommand, args: readonly Json[]): readonly string[] {
  const { minArgs = 0, maxArgs = minArgs } = command;
  if (args.length < minArgs) throw new CommandError(`"${name}" command requires at least ${minArgs} arguments`);
  if (args.length > maxArgs) throw new CommandError(`"${name}" command takes at most ${maxArgs} arguments`);
  return args.map((arg) => {
    if (typeof arg !== 'string') throw new CommandError(`"${name}" command has non-string argument`);
    return arg;
  });
}

/** Text that is not empty ends its last line. */
function line(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}
