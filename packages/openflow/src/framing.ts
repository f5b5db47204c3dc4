/** Cuts a stream of bytes into OpenFlow messages. */
import { messageLength } from './message-decode.ts';

const HEADER = 8;

/** Feed it chunks; it gives whole messages. A length below 8 makes the rest of the stream meaningless: `failed` is then set. */
export class Framer {
  #pending: Uint8Array = new Uint8Array(0);
  failed = false;

  /** Calls `message` with each message that `chunk` completes. The bytes are a view: they stay valid only as long as nobody writes to them. */
  push(chunk: Uint8Array, message: (bytes: Uint8Array) => void): void {
    let bytes = chunk;
    if (this.#pending.length > 0) {
      bytes = new Uint8Array(this.#pending.length + chunk.length);
      bytes.set(this.#pending);
      bytes.set(chunk, this.#pending.length);
    }
    let at = 0;
    while (!this.failed) {
      const length = messageLength(bytes, at);
      if (length === undefined) break;
      if (length < HEADER) {
        this.failed = true;
        break;
      }
      if (at + length > bytes.length) break;
      message(bytes.subarray(at, at + length));
      at += length;
    }
    this.#pending = new Uint8Array(bytes.subarray(at));
  }
}
