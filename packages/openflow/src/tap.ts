/** For tests: a socket in front of a switch's, which keeps the messages that pass from client to switch. */
import { connect, createServer } from 'node:net';
import { Framer } from './framing.ts';

export interface Tap {
  readonly path: string;
  readonly messages: Uint8Array[];
  close(): void;
}

/** Listens at `path` and passes everything on to the Unix socket `target`. */
export function startTap(path: string, target: string): Promise<Tap> {
  const messages: Uint8Array[] = [];
  const server = createServer((client) => {
    const upstream = connect(target);
    const framer = new Framer();
    client.on('data', (chunk) => framer.push(chunk, (bytes) => messages.push(new Uint8Array(bytes))));
    client.pipe(upstream);
    upstream.pipe(client);
    client.on('error', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  return new Promise((resolve) => {
    server.listen(path, () => resolve({ path, messages, close: () => server.close() }));
  });
}
