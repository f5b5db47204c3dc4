/** Our server, in this process, on a unix socket of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer } from '@weft/jsonrpc/peer';
import type { TlsFiles } from '@weft/jsonrpc/tls';
import type { Json } from '@weft/ovsdb/json';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { DatabaseService } from '@weft/ovsdb-server/service';
import { SqliteStore } from '@weft/ovsdb-server/store/sqlite';
import { connectTo } from './c-server.ts';

export interface WeftServer {
  readonly service: DatabaseService;
  readonly folder: string;
  readonly socket: string;
  /** As clients write it. */
  readonly remote: string;
  connect(onNotification?: (method: string, params: readonly Json[]) => void): Promise<Peer>;
  stop(): Promise<void>;
}

export async function startWeftServer(schemas: readonly DatabaseSchema[], tls?: TlsFiles): Promise<WeftServer> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-ovsdb-test-'));
  const socket = join(folder, 'db.sock');
  const service = await DatabaseService.create({
    rundir: folder,
    tls,
    log: () => {},
    onFatal: (error) => {
      throw error;
    },
  });
  for (const schema of schemas) {
    const file = join(folder, `${schema.name}.db`);
    SqliteStore.create(file, schema);
    await service.addDatabase(file);
  }
  await service.addRemote(`punix:${socket}`);
  service.start();
  return {
    service,
    folder,
    socket,
    remote: `unix:${socket}`,
    connect: (onNotification) => connectTo(socket, onNotification),
    stop: async () => {
      await service.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
