/** Messages on their way to a switch. */
import type { Duplex } from 'node:stream';
import { Writer } from './buffer.ts';
import { encodeMessage } from './message-encode.ts';
import type { Message } from './messages.ts';

/** Bytes that are written to the socket at once. */
const WRITE_CHUNK = 64 * 1024;

/** Encodes messages to one buffer, which goes to the stream when it is full or at the end of this turn of the event loop. */
export class Outbox {
  readonly #writer = new Writer(WRITE_CHUNK + 65536);
  #stream: Duplex | undefined;
  #isFlushScheduled = false;
  #isBlocked = false;
  #waiting: (() => void)[] = [];

  /** Whether the stream wants no more for now. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** From now on messages go to this stream; to none, they are dropped. What was not written yet is forgotten, and nobody waits any longer. */
  attach(stream: Duplex | undefined): void {
    this.#stream = stream;
    this.#writer.pos = 0;
    this.#drain();
    stream?.on('drain', () => {
      if (this.#stream === stream) this.#drain();
    });
  }

  /** Throws a RangeError for what cannot be encoded; then nothing of it is sent. */
  put(xid: number, message: Message): void {
    if (this.#stream === undefined) return;
    const mark = this.#writer.pos;
    try {
      encodeMessage(this.#writer, xid, message);
    } catch (error) {
      this.#writer.pos = mark;
      throw error;
    }
    if (this.#writer.pos >= WRITE_CHUNK) this.flush();
    else if (!this.#isFlushScheduled) {
      this.#isFlushScheduled = true;
      queueMicrotask(() => {
        this.#isFlushScheduled = false;
        this.flush();
      });
    }
  }

  /** Writes what there is. */
  flush(): void {
    if (this.#stream === undefined || this.#writer.pos === 0) return;
    const bytes = this.#writer.copy();
    this.#writer.pos = 0;
    if (!this.#stream.write(bytes)) this.#isBlocked = true;
  }

  /** Resolves when the stream takes more. */
  drained(): Promise<void> {
    if (!this.#isBlocked) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #drain(): void {
    this.#isBlocked = false;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
