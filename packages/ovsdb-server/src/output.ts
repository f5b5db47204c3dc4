/** What leaves for one client, in order. A large answer is made and sent in pieces; what comes after it waits. */
import type { Peer } from '@weft/jsonrpc/peer';
import type { Piece, Text } from './pieces.ts';
import type { SliceOfWork, Slices } from './slices.ts';

/** With more than this unread, updates wait where they can be merged, and dumps stop growing. */
const readyBelow = 1 << 20;
/** A kept piece that is shorter costs less as part of a text than in a write of its own. */
const shortBytes = 4096;
/** Of a dump, no more is made while a client has so much to read: thousands may come at once, of which each would have that. */
const enoughBytes = 2 << 20;

type Receiver = Pick<
  Peer,
  'sendText' | 'queuedBytes' | 'excuseSilence' | 'owe' | 'hold' | 'release' | 'pauseUntilDrained' | 'close'
>;

export class Output {
  readonly #peer: Receiver;
  readonly #slices: Slices;
  readonly #onReady: () => void;
  #pieces: readonly Piece[] = [];
  #next = 0;
  /** Whole messages that wait for the pieces to be sent. */
  #queue: Text[] = [];
  /** The client asks for more than we can make: its requests wait, too, lest the queue grow with them. */
  #holding = false;
  #scheduled = false;

  /** `onReady` is called when a client that was behind can take more. */
  constructor(peer: Receiver, slices: Slices, onReady: () => void) {
    this.#peer = peer;
    this.#slices = slices;
    this.#onReady = onReady;
  }

  get ready(): boolean {
    return this.#next >= this.#pieces.length && this.#peer.queuedBytes < readyBelow;
  }

  send(message: string): void {
    if (this.#next < this.#pieces.length) this.#queue.push(message);
    else this.#peer.sendText(message);
  }

  /** Sends one message that consists of these pieces. */
  stream(pieces: readonly Piece[]): void {
    if (this.#next < this.#pieces.length) {
      this.#queue.push(pieces);
      if (!this.#holding) this.#peer.hold();
      this.#holding = true;
      return;
    }
    this.#pieces = pieces;
    this.#next = 0;
    this.#scheduled = true;
    this.#peer.owe(true);
    this.#peer.excuseSilence(true);
    this.#slices.start(this.#slice);
  }

  /** The peer has taken everything. */
  drained(): void {
    if (this.#next < this.#pieces.length) this.#schedule();
    else this.#onReady();
  }

  close(): void {
    this.#pieces = [];
    this.#next = 0;
    this.#queue = [];
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#peer.excuseSilence(true);
    this.#slices.add(this.#slice);
  }

  readonly #slice: SliceOfWork = (until) => {
    this.#scheduled = false;
    this.#peer.excuseSilence(false);
    this.#work(until);
  };

  #work(until: number): void {
    let text = '';
    while (this.#next < this.#pieces.length) {
      const piece = this.#pieces[this.#next++]!;
      let part: string | Buffer | undefined;
      try {
        part = typeof piece === 'function' ? piece() : piece;
      } catch (error) {
        // A message that has been begun cannot be taken back, and others wait for their turn. Some hundred rows of a megabyte are longer than any string.
        this.close();
        this.#peer.close(error instanceof Error ? error : new Error(String(error)));
        return;
      }
      if (typeof part === 'string') text += part;
      else if (part !== undefined && part.length < shortBytes) text += part.toString();
      else if (part !== undefined) {
        if (text !== '') this.#peer.sendText(text);
        text = '';
        this.#peer.sendText(part);
      }
      if (text.length > 65536) {
        this.#peer.sendText(text);
        text = '';
      }
      if (this.#next < this.#pieces.length && typeof piece === 'function' && performance.now() > until) {
        if (text !== '') this.#peer.sendText(text);
        // A client that does not read gets the rest when it has read this. Else it is we who need time.
        if (this.#peer.queuedBytes < enoughBytes) this.#schedule();
        else this.#peer.pauseUntilDrained();
        return;
      }
    }
    if (text !== '') this.#peer.sendText(text);
    this.#pieces = [];
    this.#next = 0;
    while (this.#queue.length > 0) {
      const message = this.#queue.shift()!;
      if (typeof message === 'string') this.#peer.sendText(message);
      else {
        this.stream(message);
        return;
      }
    }
    if (this.ready) this.#onReady();
    if (this.#holding) {
      this.#holding = false;
      this.#peer.release();
    }
    if (this.#next >= this.#pieces.length) this.#peer.owe(false);
  }
}
