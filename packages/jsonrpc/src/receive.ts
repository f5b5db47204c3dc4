/**
 * Receiving without a queue. A stream of Node.js puts each chunk that comes in through its queue, and in the next tick looks whether there is room for more,
 * which for a short message is much of all that a server does for it.
 */
import type { Duplex } from 'node:stream';

/**
 * Calls `onData` with all that comes in while the stream flows: `pause`, `resume` and the order of bytes are as with the event `data`. What implements a
 * stream hands chunks to its `push`; with nothing in the queue, this takes them there.
 */
export function receiveFrom(stream: Duplex, onData: (chunk: Uint8Array) => void): void {
  stream.on('data', onData);
  const enqueue = stream.push;
  stream.push = (chunk, encoding) => {
    if (!(chunk instanceof Uint8Array) || stream.readableFlowing !== true || stream.readableLength > 0) {
      return enqueue.call(stream, chunk, encoding);
    }
    onData(chunk);
    return true;
  };
}
