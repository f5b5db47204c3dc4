/** A live ovsdb-server of the installed Open vSwitch, in a folder of its own. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@weft/jsonrpc/connect';
import { Peer } from '@weft/jsonrpc/peer';
import { type Json, jsonText } from '@weft/ovsdb/json';

export interface CServer {
  readonly socket: string;
  readonly folder: string;
  /** It has died: some requests do that to it. */
  readonly dead: boolean;
  connect(onNotification?: (method: string, params: readonly Json[]) => void): Promise<Peer>;
  stop(): Promise<void>;
}

/** Starts the C server with an empty database of this schema. */
export async function startCServer(schema: Json): Promise<CServer> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-c-ovsdb-'));
  const socket = join(folder, 'db.sock');
  const file = join(folder, 'db');
  const schemaFile = join(folder, 'schema');
  writeFileSync(schemaFile, jsonText(schema));
  try {
    execFileSync('ovsdb-tool', ['create', file, schemaFile]);
  } catch (cause) {
    throw new Error('ovsdb-tool failed: is the Debian package openvswitch-common installed?', { cause });
  }
  const args = [file, `--remote=punix:${socket}`, `--unixctl=${join(folder, 'ctl')}`, '-vconsole:off'];
  const child = spawn('ovsdb-server', args, { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  (await connectTo(socket)).close();
  return {
    socket,
    folder,
    get dead() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    connect: (onNotification) => connectTo(socket, onNotification),
    stop: async () => {
      child.kill();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Connects to a server that may still be starting. */
export async function connectTo(
  socket: string,
  onNotification?: (method: string, params: readonly Json[]) => void,
): Promise<Peer> {
  for (let attempt = 0; ; attempt++) {
    try {
      const stream = await connect({ kind: 'unix', path: socket });
      return new Peer(stream, onNotification === undefined ? {} : { onNotification });
    } catch (error) {
      if (attempt > 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}
