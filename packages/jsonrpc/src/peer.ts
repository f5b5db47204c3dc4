/**
 * One end of a JSON-RPC connection; both ends are alike (RFC 7047 section 4): each may send requests, notifications and replies.
 * It answers `echo`, probes a silent peer, and notices one that does not read.
 */
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from './clock.ts';
import { JsonFramer } from './framer.ts';
import { defaultLimits, type FramerLimits, FramingError, type ValueReader } from './framing.ts';
import { type Json, stringifyJson } from './json.ts';
import { classify, type RequestId } from './message.ts';
import { Outbox } from './outbox.ts';
import { receiveFrom } from './receive.ts';

/** The peer answered a request with an error; `error` is what it sent: a string, or an object with `error` and `details`. */
export class JsonRpcError extends Error {
  override name = 'JsonRpcError';
  readonly error: Json;

  constructor(error: Json) {
    super(typeof error === 'string' ? error : stringifyJson(error));
    this.error = error;
  }
}

/** The connection ended; `message` says why. */
export class ConnectionClosedError extends Error {
  override name = 'ConnectionClosedError';
}

/** The peer was silent for too long. */
export class InactivityError extends ConnectionClosedError {
  override name = 'InactivityError';
}

export interface PeerOptions {
  /** For log lines: the remote's name, such as `tcp:10.1.1.41:6641`. */
  readonly name?: string;
  readonly clock?: Clock;
  readonly limits?: FramerLimits;
  /** One for all the peers of a program that tells many of them the same. Default: one of its own. */
  readonly outbox?: Outbox;
  /** Who reads a message by himself that begins with these bytes. */
  readonly readerOf?: (begin: Buffer) => ValueReader | undefined;
  /** After that long without a byte from the peer it is sent an `echo`, after that long again the connection is closed. 0: never. */
  readonly probeIntervalMs?: number;
  /** While more than this waits to be read by the peer, nothing more is read from it: one that asks must also take answers. Default: no limit. */
  readonly pauseAboveBytes?: number;
  /** With more than this waiting already, another message closes the connection. Default: no limit. */
  readonly maxQueuedBytes?: number;
  /** Answers that are put off must come now: an `echo` is answered next, or what came is no message and ends the connection. */
  readonly onSettle?: () => void;
  /**
   * Sends what the peer says by itself, which is answers to `echo` and probes. For an owner who sends messages in parts: nothing may come between them.
   * Default: `sendText`.
   */
  readonly sendOwn?: (message: string) => void;
  /** Requests except `echo`. Answer with `reply` or `replyError`, now or later. Without a handler they get "unknown method". */
  readonly onRequest?: (method: string, params: readonly Json[], id: RequestId, peer: Peer) => void;
  /** A reply to nothing ends the connection. Default: it is ignored. */
  readonly refuseReplies?: boolean;
  readonly onNotification?: (method: string, params: readonly Json[], peer: Peer) => void;
  /** Once, at the end. Without an error: the peer or `close()` ended the connection in good order. */
  readonly onClose?: (error: Error | undefined, peer: Peer) => void;
  /** The queue of bytes to send is empty again. */
  readonly onDrain?: (peer: Peer) => void;
}

/** One peer's messages are worked on for that long, then it is the others' turn. */
const turnMs = 10;
/** Of a long value so many bytes are parsed in one turn of the event loop: a few milliseconds' worth. The system would hand over megabytes. */
const bytesPerTurn = 512 * 1024;
/** A closed connection is given that long to send what is left. */
const lingerMs = 10_000;
/** Of a peer that is held so much is taken in, unread, for only who reads notices that the other side has gone. */
const heldBytes = 64 * 1024;
const probeId = 'echo';
const pieceBytes = 256 * 1024;

interface Pending {
  readonly onReply: (result: Json) => void;
  readonly onError: (error: Error) => void;
}

export class Peer {
  readonly name: string;
  readonly #stream: Duplex;
  readonly #options: PeerOptions;
  readonly #clock: Clock;
  readonly #framer: JsonFramer;
  readonly #outbox: Outbox;
  readonly #pending = new Map<RequestId, Pending>();
  #nextId = 0;
  #closed = false;
  /** Messages of this turn of the event loop: they leave in one system call. */
  #text = '';
  #paused = false;
  /** How many hold it. */
  #holds = 0;
  /** Pieces of long messages, and all that came after them, which the stream gets one by one, so that progress can be seen. */
  #queue: Uint8Array[] = [];
  #queueBytes = 0;
  #writing = false;
  #probeIntervalMs: number;
  #lastReceived: number;
  #lastProgress: number;
  #probed = false;
  #bytesThisTurn = 0;
  #turnStarted = 0;
  #resting = false;
  #working = false;
  #ended = false;
  #owed = false;
  #excused = false;
  #cancelProbe: (() => void) | undefined;

  constructor(stream: Duplex, options: PeerOptions = {}) {
    this.name = options.name ?? '';
    this.#stream = stream;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#outbox = options.outbox ?? new Outbox();
    this.#probeIntervalMs = options.probeIntervalMs ?? 0;
    this.#lastReceived = this.#clock.now();
    this.#lastProgress = this.#lastReceived;
    const receive = (value: Json): void => {
      this.#receive(value);
      // What else has come already must wait: the peer has had its turn, or has to take the answers first.
      if (this.#paused || this.#holds > 0 || this.#clock.now() - this.#turnStarted > turnMs) this.#framer.hold();
    };
    this.#framer = new JsonFramer(receive, options.limits ?? defaultLimits, options.readerOf);
    receiveFrom(stream, (chunk) => this.#push(chunk));
    stream.on('end', () => {
      this.#ended = true;
      this.#endIfDone();
    });
    stream.on('error', (error) => this.#finish(error));
    stream.on('close', () => this.#finish(undefined));
    stream.on('drain', () => this.#drained());
    this.#armProbe();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes given to `send` that the operating system has not taken yet: above 0 for long, the peer does not read. */
  get queuedBytes(): number {
    return this.#stream.writableLength + this.#queueBytes + this.#text.length;
  }

  /** Sends a request and returns the result; for callers that need no order between it and the notifications that follow. */
  call(method: string, params: readonly Json[]): Promise<Json> {
    return new Promise((onReply, onError) => {
      this.request(method, params, onReply, onError);
    });
  }

  /**
   * Sends a request. One of the two functions is called, before anything that the peer sent later is delivered (a promise would resolve only
   * after it). Returns the request's id, as `cancel` wants it.
   */
  request(
    method: string,
    params: readonly Json[],
    onReply: (result: Json) => void,
    onError: (error: Error) => void,
  ): number {
    const id = this.#nextId++;
    if (this.#closed) {
      onError(new ConnectionClosedError(`${this.name}: connection is closed`));
      return id;
    }
    this.#pending.set(id, { onReply, onError });
    this.sendText(stringifyJson({ id, method, params }));
    return id;
  }

  /** Neither function of that request will be called. Returns false if one of them has been. */
  forget(id: number): boolean {
    return this.#pending.delete(id);
  }

  notify(method: string, params: readonly Json[]): void {
    this.sendText(stringifyJson({ id: null, method, params }));
  }

  reply(id: RequestId, result: Json): void {
    this.sendText(stringifyJson({ id, result, error: null }));
  }

  replyError(id: RequestId, error: Json): void {
    this.sendText(stringifyJson({ id, result: null, error }));
  }

  /**
   * Whether it is owed the rest of a message that is sent in parts, the next of which is to be made: its silence says nothing until then, for it could not
   * answer a probe.
   */
  excuseSilence(excused: boolean): void {
    this.#excused = excused;
    this.#lastReceived = this.#clock.now();
    this.#probed = false;
  }

  /** Whether there is more of a message that is sent in parts: one that asks for it and says no more, as `nc -N` does, is to have all of it. */
  owe(owed: boolean): void {
    this.#owed = owed;
    this.#endIfDone();
  }

  /** Sends a whole message, or a part of one, that is JSON text already: what many peers get is serialised once. */
  sendText(message: string | Uint8Array): void {
    if (this.#closed) return;
    const { maxQueuedBytes, pauseAboveBytes } = this.#options;
    if (maxQueuedBytes !== undefined && this.queuedBytes > maxQueuedBytes) {
      this.close(new ConnectionClosedError(`${this.name}: peer does not read: ${this.queuedBytes} bytes wait for it`));
      return;
    }
    this.#write(message);
    if (pauseAboveBytes !== undefined && this.queuedBytes > pauseAboveBytes) this.pauseUntilDrained();
  }

  #write(message: string | Uint8Array): void {
    // What the stream has to wait with it hands on all together, and says nothing until all of that is gone: it does not get much more.
    const full = this.#stream.writableLength > pieceBytes;
    if ((full && typeof message !== 'string') || message.length > pieceBytes || this.#queueBytes > 0) {
      this.#flush();
      this.#enqueue(message);
      return;
    }
    if (typeof message !== 'string') {
      this.#flush();
      this.#stream.write(message);
      return;
    }
    if (this.#text === '') this.#outbox.add(this.#flush);
    this.#text += message;
    if (this.#text.length <= pieceBytes) return;
    const text = this.#text;
    if (!full) this.#flush();
    else {
      this.#text = '';
      this.#enqueue(text);
    }
  }

  #enqueue(message: string | Uint8Array): void {
    const bytes = typeof message === 'string' ? Buffer.from(message) : message;
    for (let i = 0; i < bytes.length; i += pieceBytes) this.#queue.push(bytes.subarray(i, i + pieceBytes));
    this.#queueBytes += bytes.length;
    this.#writePiece();
  }

  readonly #flush = (): void => {
    if (this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    if (!this.#stream.destroyed) this.#stream.write(text);
  };

  #writePiece(): void {
    if (this.#writing || this.#closed) return;
    const piece = this.#queue.shift();
    if (piece === undefined) {
      this.#drained();
      return;
    }
    this.#writing = true;
    this.#queueBytes -= piece.length;
    this.#stream.write(piece, () => {
      this.#writing = false;
      this.#lastProgress = this.#clock.now();
      this.#writePiece();
    });
  }

  /**
   * Nothing more that the peer sends is looked at until `release` has been called as often: whoever is to work on it has more than enough. If the peer leaves
   * meanwhile, what it sent last is not looked at any more.
   */
  hold(): void {
    this.#holds++;
    this.#framer.hold();
  }

  release(): void {
    if (--this.#holds === 0) this.#resume();
  }

  /** Changes the probe interval (milliseconds, 0 for none), as a Connection row may at any time. */
  setProbeInterval(milliseconds: number): void {
    if (milliseconds === this.#probeIntervalMs) return;
    this.#probeIntervalMs = milliseconds;
    this.#probed = false;
    this.#armProbe();
  }

  /** Ends the connection: at once with an error, after the queue has been sent without one. Requests without a reply fail. */
  close(error?: Error): void {
    if (this.#closed) return;
    if (error !== undefined) this.#stream.destroy();
    this.#finish(error);
  }

  #push(chunk: Uint8Array): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    this.#lastReceived = now;
    this.#probed = false;
    if (this.#framer.inLongValue) this.#bytesThisTurn += chunk.length;
    this.#work(now, () => this.#framer.push(chunk));
  }

  /** Lets the framer work, and others use the event loop after it. */
  #work(now: number, step: () => void): void {
    this.#turnStarted = now;
    const nested = this.#working;
    this.#working = true;
    try {
      step();
    } catch (error) {
      // Only what the peer sent ends its connection; an error in a handler is a defect here, and must not be hidden.
      if (!(error instanceof FramingError)) throw error;
      // What came before it was sound, and was done.
      this.#options.onSettle?.();
      this.#flush();
      this.close(error);
    } finally {
      this.#working = nested;
    }
    if (this.#closed) return;
    if (this.#holds > 0) this.#takeIn();
    else if (this.#framer.holding || (this.#framer.inLongValue && this.#turnIsOver())) this.#rest();
    else this.#endIfDone();
  }

  /** The other side says no more: when it has been answered, this one ends, too. */
  #endIfDone(): void {
    if (!this.#ended || this.#working || this.#owed) return;
    this.#options.onSettle?.();
    if (this.#owed) return;
    // Whoever is held may be so for hours, and has answers to nothing that it has not been asked yet.
    if (this.#holds > 0 || !this.#framer.holding) this.#finish(undefined);
  }

  /** Held: goes on reading, up to a limit. */
  #takeIn(): void {
    if (this.#ended) this.#endIfDone();
    else if (this.#framer.heldBytes > heldBytes) this.#stream.pause();
  }

  #turnIsOver(): boolean {
    return this.#bytesThisTurn >= bytesPerTurn || this.#clock.now() - this.#turnStarted > turnMs;
  }

  /** Goes on in the next turn of the event loop. */
  #rest(): void {
    if (this.#resting) return;
    this.#resting = true;
    this.#bytesThisTurn = 0;
    this.#stream.pause();
    setImmediate(() => {
      this.#resting = false;
      this.#resume();
    });
  }

  /** The peer has to take what is sent before anything more that it sends is looked at. */
  pauseUntilDrained(): void {
    if (this.#paused || this.#closed) return;
    this.#paused = true;
    this.#stream.pause();
  }

  /** Unless it rests, or the peer has answers to take, goes on with what it sent: reads it at least. */
  #resume(): void {
    if (this.#closed || this.#resting || this.#paused) return;
    if (this.#holds === 0 && this.#framer.holding) this.#work(this.#clock.now(), () => this.#framer.release());
    if (this.#closed || this.#resting || this.#paused) return;
    if (this.#holds === 0 || this.#framer.heldBytes <= heldBytes) this.#stream.resume();
  }

  #receive(value: Json): void {
    const message = classify(value);
    if (typeof message === 'string') throw new FramingError(message);
    switch (message.kind) {
      case 'request':
        if (message.method === 'echo') {
          this.#options.onSettle?.();
          this.#sendOwn(stringifyJson({ id: message.id, result: message.params, error: null }));
        } else if (this.#options.onRequest) this.#options.onRequest(message.method, message.params, message.id, this);
        else this.replyError(message.id, 'unknown method');
        return;
      case 'notification':
        this.#options.onNotification?.(message.method, message.params, this);
        return;
      case 'reply':
      case 'error': {
        const pending = this.#pending.get(message.id);
        if (pending === undefined) {
          // The answer to a probe, whenever it comes, is none to a request.
          if (this.#options.refuseReplies && !(message.kind === 'reply' && message.id === probeId)) {
            throw new FramingError('message is a reply to nothing');
          }
          return;
        }
        this.#pending.delete(message.id);
        if (message.kind === 'reply') pending.onReply(message.result);
        else pending.onError(new JsonRpcError(message.error));
        return;
      }
    }
  }

  #drained(): void {
    if (this.#closed) return;
    if (this.#text !== '') {
      // The stream says that it is empty only after it has been full, which this will not make it.
      const text = this.#text;
      this.#text = '';
      this.#stream.write(text, () => this.#drained());
      return;
    }
    if (this.queuedBytes > 0) return;
    this.#lastProgress = this.#clock.now();
    if (this.#paused) {
      this.#paused = false;
      this.#resume();
    }
    this.#options.onDrain?.(this);
  }

  /** Since the peer showed that it lives: sent something or, while we refuse to read, took something. */
  #silenceMs(): number {
    if ((this.#holds > 0 && !this.#paused) || this.#excused) return 0;
    const last = this.#paused ? Math.max(this.#lastReceived, this.#lastProgress) : this.#lastReceived;
    return this.#clock.now() - last;
  }

  #armProbe(): void {
    this.#cancelProbe?.();
    this.#cancelProbe = undefined;
    if (this.#probeIntervalMs <= 0 || this.#closed) return;
    const wait = this.#probed ? this.#probeIntervalMs : Math.max(1, this.#probeIntervalMs - this.#silenceMs());
    this.#cancelProbe = this.#clock.after(wait, () => this.#probe());
  }

  #probe(): void {
    if (this.#closed) return;
    const silent = this.#silenceMs() >= this.#probeIntervalMs;
    if (this.#probed && silent) {
      // Not before the system has been asked what has come meanwhile: it may be this program that was busy for so long.
      setImmediate(() => this.#giveUp());
      return;
    }
    this.#probed = silent;
    if (silent) this.#sendOwn(`{"id":"${probeId}","method":"echo","params":[]}`);
    this.#armProbe();
  }

  #giveUp(): void {
    if (!this.#probed || this.#silenceMs() < this.#probeIntervalMs) {
      this.#armProbe();
      return;
    }
    const seconds = this.#probeIntervalMs / 1000;
    const reason = this.#paused
      ? `peer has read nothing for ${seconds} seconds, disconnecting`
      : `no response to inactivity probe after ${seconds} seconds, disconnecting`;
    this.close(new InactivityError(`${this.name}: ${reason}`));
  }

  #sendOwn(message: string): void {
    if (this.#options.sendOwn === undefined) this.sendText(message);
    else this.#options.sendOwn(message);
  }

  #finish(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#framer.stop();
    this.#cancelProbe?.();
    if (!this.#stream.destroyed) {
      // What is queued still goes out, if the peer takes it within reasonable time.
      this.#flush();
      for (const piece of this.#queue) this.#stream.write(piece);
      if (!this.#stream.writableEnded) this.#stream.end();
      const stop = this.#clock.after(lingerMs, () => this.#stream.destroy());
      this.#stream.once('close', stop);
    }
    this.#queue = [];
    this.#queueBytes = 0;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    const reason = error ?? new ConnectionClosedError(`${this.name}: connection closed`);
    for (const { onError } of pending) onError(reason);
    this.#options.onClose?.(error, this);
  }
}
