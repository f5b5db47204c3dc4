import { connect, createServer } from 'node:net';

/** Holds the right to be the only one until the process ends. */
export interface OnlyOne {
  /** Called when another process asks this one to make way. */
  onAsked: () => void;
}

/**
 * Becomes the only process of this name on the machine: it listens on an abstract socket (unix(7)), which is gone with the process, however that
 * ends. Undefined if there is one already.
 */
export function becomeOnlyOne(name: string): Promise<OnlyOne | undefined> {
  return new Promise((resolve, reject) => {
    const held: OnlyOne = { onAsked: () => {} };
    const server = createServer((socket) => {
      socket.unref();
      socket.on('error', () => {});
      // Who asks sees by the end of the connection that we are gone.
      socket.once('data', () => held.onAsked());
    });
    server.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(`\0${name}`, () => resolve(held));
    server.unref();
  });
}

/** Asks the process of this name to make way, and waits until it is gone. There may be none. */
export function askToMakeWay(name: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(`\0${name}`, () => socket.write('x'));
    socket.on('error', () => {});
    socket.on('close', () => resolve());
    socket.resume();
  });
}
