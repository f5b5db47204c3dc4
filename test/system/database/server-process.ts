/** weft-ovsdb as a process of its own, whose cost can be measured and which can be killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { Peer } from '@weft/jsonrpc/peer';
import type { Json } from '@weft/ovsdb/json';

export class ServerProcess {
  readonly socket: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  #errors = '';

  /** `program` is a bundle of weft-ovsdb; it serves `files` on the unix socket `socket`. */
  constructor(program: string, files: readonly string[], socket: string, node: readonly string[] = []) {
    this.socket = socket;
    const args = [...node, program, ...files, `--remote=punix:${socket}`, '--unixctl=none', '-vconsole:err'];
    this.#child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#errors = (this.#errors + text).slice(-100_000);
      });
    }
    this.#exited = new Promise((resolve) => this.#child.once('close', (code) => resolve(code)));
  }

  /** What the process has written of errors. */
  get errors(): string {
    return this.#errors;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves with the exit code, null after a signal. */
  exit(): Promise<number | null> {
    return this.#exited;
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }

  /** Connects, once the server listens. */
  async connect(onNotification?: (method: string, params: readonly Json[]) => void): Promise<Peer> {
    return new Peer(await this.raw(), onNotification === undefined ? {} : { onNotification });
  }

  /** A connection over which anything may be sent. */
  async raw(): Promise<Socket> {
    for (;;) {
      const socket = connectSocket(this.socket);
      const error = await new Promise<Error | undefined>((resolve) => {
        socket.once('connect', () => resolve(undefined));
        // Later ones too: a server that is done with a client may reset the connection.
        socket.on('error', resolve);
      });
      if (error === undefined) return socket;
      // The queue of connections to accept is full, or the server does not listen yet.
      if (!this.running) throw new Error(`the server has ended: ${this.#errors}`, { cause: error });
      if (!/EAGAIN|ENOENT|ECONNREFUSED/.test(error.message)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Resident memory, in megabytes; `peak`: the most that it ever was. */
  rssMb(peak = false): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number((peak ? /VmHWM:\s+(\d+)/ : /VmRSS:\s+(\d+)/).exec(status)?.[1]) / 1024;
  }
}
