/** Paths of unix sockets that are longer than the system's address of a socket holds. */
import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Without the zero that ends it (unix(7)). Node.js cuts what is longer short, and uses the file that is named so. */
const maxBytes = 107;

export interface SocketPath {
  /** For the system: a name of the same file that is short enough, until `release` is called. */
  readonly path: string;
  release(): void;
}

/**
 * A short name for a long path, by way of its folder, as the C programs reach such sockets on Linux.
 * @throws the system's error if the folder cannot be opened, or if the name of the file alone is too long.
 */
export function socketPath(path: string): SocketPath {
  if (Buffer.byteLength(path) <= maxBytes) return { path, release: () => {} };
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  const short = `/proc/self/fd/${folder}/${basename(path)}`;
  if (Buffer.byteLength(short) <= maxBytes) return { path: short, release: () => closeSync(folder) };
  closeSync(folder);
  throw new Error('File name too long');
}
