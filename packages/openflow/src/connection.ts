/**
 * A controller's connection to a switch: version negotiation, requests and replies, barriers, bundles, dumps, asynchronous messages, echo
 * and reconnection. It holds no state of the switch: whoever wants the flows back after a reconnection dumps them.
 */
import type { Duplex } from 'node:stream';
import { type Dial, dialSocket, systemTimer, type Timer } from './dial.ts';
import type { FlowStats, Group, Meter } from './flow.ts';
import { Framer } from './framing.ts';
import { decodeMessage } from './message-decode.ts';
import type {
  AsyncConfig,
  BundleControl,
  BundleFlag,
  ErrorMessage,
  FlowDescRequest,
  Message,
  MessageOf,
  PacketIn,
  PortDesc,
  TlvMapping,
} from './messages.ts';
import { BatchError, DisconnectedError, EncodingError, OpenFlowError } from './openflow-error.ts';
import { Outbox } from './outbox.ts';
import { OFP_VERSION } from './wire.ts';

/** NXT_SET_PACKET_IN_FORMAT's number for NXT_PACKET_IN2, the only one with userdata and continuations. */
const PACKET_IN2 = 2;
/** Messages of a batch or bundle that are encoded before others get the event loop: a socket that takes all at once never makes us wait. */
const MESSAGES_AT_A_STRETCH = 2000;

export interface ConnectionOptions {
  /** `unix:/run/openvswitch/br-int.mgmt` or `tcp:HOST:PORT`. */
  readonly remote: string;
  /** The id that `controller(id=N)` actions address; 0 if left out. */
  readonly controllerId?: number;
  /** Which asynchronous messages to ask for. If left out, the switch's defaults. */
  readonly asyncConfig?: AsyncConfig | undefined;
  /** Milliseconds of silence after which to send an echo request, and after as many more to give up; 0 never does. 5000 if left out. */
  readonly probeInterval?: number;
  /** Milliseconds until the first try again, doubled with each one up to the second. 250 and 8000 if left out. */
  readonly minBackoff?: number;
  readonly maxBackoff?: number;
  readonly dial?: Dial;
  readonly timer?: Timer;
}

/** What a connection tells. Each may be left out. */
export interface ConnectionHandlers {
  /** The switch answers: negotiated, configured, ready for requests. Called again after each reconnection. */
  connected?(features: MessageOf<'features_reply'>): void;
  /** The connection ended, or could not be made; it is tried again unless it was closed. */
  disconnected?(reason: Error): void;
  packetIn?(message: PacketIn): void;
  portStatus?(message: MessageOf<'port_status'>): void;
  flowRemoved?(message: MessageOf<'flow_removed'>): void;
  /** An error for a message that nobody waits for, such as one given to `send`. */
  error?(error: OpenFlowError): void;
  /** A message that could not be decoded (with its bytes), or that has no handler. */
  unexpected?(message: Message | undefined, detail: string): void;
}

interface Pending {
  readonly request: Message;
  /** Takes a reply; true when it was the last. */
  reply(message: Message): boolean;
  fail(error: Error): void;
}

/** Messages with consecutive xids, whose errors are collected until a barrier or commit answers. */
interface Batch {
  readonly first: number;
  last: number;
  readonly errors: (OpenFlowError | EncodingError)[];
}

type State = 'idle' | 'connecting' | 'hello' | 'features' | 'ready' | 'backoff' | 'closed';

/** A connection. `start` begins; it then reconnects by itself until `close`. */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #handlers: ConnectionHandlers;
  readonly #timer: Timer;
  #state: State = 'idle';
  #stream: Duplex | undefined;
  #xid = 0;
  #bundle = 0;
  #backoff: number;
  readonly #pending = new Map<number, Pending>();
  readonly #batches = new Set<Batch>();
  readonly #outbox = new Outbox();
  #cancelTimer: (() => void) | undefined;
  /** Milliseconds. */
  #probeInterval: number;
  #heard = true;
  #probing = false;

  constructor(options: ConnectionOptions, handlers: ConnectionHandlers = {}) {
    this.#options = options;
    this.#handlers = handlers;
    this.#timer = options.timer ?? systemTimer;
    this.#backoff = options.minBackoff ?? 250;
    this.#probeInterval = options.probeInterval ?? 5000;
  }

  /** Whether requests can be sent. */
  get ready(): boolean {
    return this.#state === 'ready';
  }

  get state(): string {
    return this.#state;
  }

  /** Begins to connect. Does nothing if it has begun. */
  start(): void {
    if (this.#state === 'idle') this.#connect();
  }

  /** Ends the connection for good. Requests that wait fail with a DisconnectedError. */
  close(): void {
    if (this.#state === 'closed') return;
    this.#outbox.flush();
    const stream = this.#stream;
    this.#state = 'closed';
    this.#cleanUp(new DisconnectedError());
    stream?.end();
    stream?.on('error', () => {});
  }

  /** Sends a message that wants no answer. Gives its xid. An error goes to the `error` handler. */
  send(message: Message): number {
    const xid = this.#nextXid();
    this.#outbox.put(xid, message);
    return xid;
  }

  /** Sends a request that one message answers. Rejects with an OpenFlowError or a DisconnectedError. */
  request(message: Message): Promise<Message> {
    return new Promise((resolve, reject) => {
      this.#request(message, {
        request: message,
        reply: (reply) => {
          resolve(reply);
          return true;
        },
        fail: reject,
      });
    });
  }

  /** Resolves when the switch has executed everything sent before. */
  async barrier(): Promise<void> {
    await this.request({ type: 'barrier_request' });
  }

  /**
   * Sends messages and a barrier. Resolves when the switch has executed them all. Rejects with a BatchError that holds the switch's errors, and names
   * the messages that cannot be encoded: the others have taken effect.
   */
  async batch(messages: Iterable<Message>): Promise<void> {
    const batch = this.#openBatch();
    const stream = this.#stream;
    let count = 0;
    try {
      for (const message of messages) {
        this.#appendTo(batch, message);
        if (this.#outbox.isBlocked || ++count % MESSAGES_AT_A_STRETCH === 0) await this.#giveWay(stream);
      }
      await this.barrier();
    } finally {
      this.#batches.delete(batch);
    }
    if (batch.errors.length > 0) throw new BatchError(batch.errors);
  }

  /**
   * Sends messages as one bundle, atomic and ordered unless told otherwise: all take effect or none does. Rejects with a BatchError that
   * holds what the switch refused, or what cannot be encoded (OpenFlow 1.5.1 section 7.3.9).
   */
  async bundle(messages: Iterable<Message>, flags: readonly BundleFlag[] = ['atomic', 'ordered']): Promise<void> {
    this.#bundle = (this.#bundle + 1) >>> 0;
    const bundle = this.#bundle;
    const control = (kind: BundleControl): Message => ({ type: 'bundle_control', bundle, control: kind, flags });
    await this.request(control('open_request'));
    const batch = this.#openBatch();
    const stream = this.#stream;
    let count = 0;
    try {
      for (const message of messages) {
        this.#appendTo(batch, message, { type: 'bundle_add', bundle, flags, message });
        if (this.#outbox.isBlocked || ++count % MESSAGES_AT_A_STRETCH === 0) await this.#giveWay(stream);
        if (batch.errors.length > 0) break;
      }
      if (batch.errors.length === 0) await this.request(control('commit_request'));
      else await this.request(control('discard_request'));
    } catch (error) {
      // The commit itself fails with OFPBFC_MSG_FAILED; the messages' own errors say why.
      if (!(error instanceof OpenFlowError) || batch.errors.length === 0) throw error;
    } finally {
      this.#batches.delete(batch);
    }
    if (batch.errors.length > 0) throw new BatchError(batch.errors);
  }

  /** The switch's flows: all, or those that the request selects. */
  dumpFlows(request: FlowDescRequest = {}): Promise<FlowStats[]> {
    return this.#dump({ type: 'flow_desc_request', ...request }, 'flow_desc_reply', (reply) => reply.flows);
  }

  dumpGroups(): Promise<Group[]> {
    return this.#dump({ type: 'group_desc_request' }, 'group_desc_reply', (reply) => reply.groups);
  }

  dumpMeters(): Promise<Meter[]> {
    return this.#dump({ type: 'meter_config_request' }, 'meter_config_reply', (reply) => reply.meters);
  }

  dumpPorts(): Promise<PortDesc[]> {
    return this.#dump({ type: 'port_desc_request' }, 'port_desc_reply', (reply) => reply.ports);
  }

  /** The switch's mapping of tunnel options to tun_metadata fields. */
  async tlvTable(): Promise<MessageOf<'tlv_table_reply'>> {
    const reply = await this.request({ type: 'tlv_table_request' });
    if (reply.type !== 'tlv_table_reply') throw new Error(`a ${reply.type} answered a tlv_table_request`);
    return reply;
  }

  /**
   * Makes sure that a tunnel option is mapped. Gives the number of its tun_metadata field: the one that it has already, or else the
   * wanted one. Rejects with a BatchError if the switch refuses.
   */
  async ensureTlvMapping(mapping: TlvMapping): Promise<number> {
    const table = await this.tlvTable();
    const present = table.mappings.find(
      (m) =>
        m.optionClass === mapping.optionClass && m.optionType === mapping.optionType && m.length === mapping.length,
    );
    if (present !== undefined) return present.index;
    await this.batch([{ type: 'tlv_table_mod', command: 'add', mappings: [mapping] }]);
    return mapping.index;
  }

  /** Lets others have the event loop, and the socket time. Throws a DisconnectedError if `stream` is not the connection any more. */
  async #giveWay(stream: Duplex | undefined): Promise<void> {
    await this.#outbox.drained();
    await new Promise(setImmediate);
    if (stream !== undefined && this.#stream !== stream) throw new DisconnectedError();
  }

  /** Stops reading: the switch then queues, and drops packet-ins first. `resume` goes on. */
  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  #nextXid(): number {
    this.#xid = this.#xid === 0xffffffff ? 1 : this.#xid + 1;
    return this.#xid;
  }

  #openBatch(): Batch {
    const batch: Batch = { first: this.#xid + 1, last: this.#xid, errors: [] };
    this.#batches.add(batch);
    return batch;
  }

  #request(message: Message, pending: Pending): void {
    if (this.#stream === undefined || (this.#state !== 'ready' && message.type !== 'features_request')) {
      pending.fail(new DisconnectedError());
      return;
    }
    const xid = this.#nextXid();
    this.#outbox.put(xid, message);
    this.#pending.set(xid, pending);
  }

  #dump<K extends 'flow_desc_reply' | 'group_desc_reply' | 'meter_config_reply' | 'port_desc_reply', T>(
    message: Message,
    kind: K,
    items: (reply: MessageOf<K>) => readonly T[],
  ): Promise<T[]> {
    return new Promise((resolve, reject) => {
      const all: T[] = [];
      this.#request(message, {
        request: message,
        reply: (reply) => {
          if (reply.type !== kind) {
            reject(new Error(`a ${reply.type} answered a ${message.type}`));
            return true;
          }
          for (const item of items(reply as MessageOf<K>)) all.push(item);
          const { more } = reply as MessageOf<'flow_desc_reply'>;
          if (!more) resolve(all);
          return !more;
        },
        fail: reject,
      });
    });
  }

  /** Sends a message of a batch, or what it travels in. One that cannot be encoded is as good as refused. */
  #appendTo(batch: Batch, message: Message, sent = message): void {
    batch.last = this.#nextXid();
    try {
      this.#outbox.put(batch.last, sent);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      batch.errors.push(new EncodingError(message, error));
    }
  }

  #connect(): void {
    this.#state = 'connecting';
    let stream: Duplex;
    try {
      stream = (this.#options.dial ?? dialSocket)(this.#options.remote);
    } catch (error) {
      this.#lost(error as Error);
      return;
    }
    this.#stream = stream;
    this.#outbox.attach(stream);
    const framer = new Framer();
    stream.on('error', (error) => this.#streamEnded(stream, error));
    stream.on('close', () => this.#streamEnded(stream, new Error('the switch closed the connection')));
    stream.on('end', () => this.#streamEnded(stream, new Error('the switch closed the connection')));
    stream.on('data', (chunk: Uint8Array) => {
      if (this.#stream !== stream) return;
      this.#heard = true;
      framer.push(chunk, (bytes) => {
        if (this.#stream === stream) this.#receive(bytes);
      });
      if (framer.failed) this.#streamEnded(stream, new Error('the switch sent a message with an impossible length'));
    });
    this.#state = 'hello';
    this.#outbox.put(this.#nextXid(), { type: 'hello', versions: [OFP_VERSION] });
    this.#startProbe();
  }

  #streamEnded(stream: Duplex, error: Error): void {
    if (this.#stream !== stream) return;
    stream.destroy();
    this.#lost(error);
  }

  #lost(error: Error): void {
    this.#cleanUp(new DisconnectedError(error));
    this.#handlers.disconnected?.(error);
    if ((this.#state as State) === 'closed') return;
    this.#state = 'backoff';
    const wait = this.#backoff;
    this.#backoff = Math.min(this.#backoff * 2, this.#options.maxBackoff ?? 8000);
    this.#cancelTimer = this.#timer(wait, () => this.#connect());
  }

  #cleanUp(error: Error): void {
    this.#stream = undefined;
    this.#outbox.attach(undefined);
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const request of pending) request.fail(error);
  }

  /** Changes the time of silence, in milliseconds, after which the switch is asked for an echo; 0: it never is. */
  setProbeInterval(interval: number): void {
    if (interval === this.#probeInterval) return;
    this.#probeInterval = interval;
    if (this.#stream === undefined) return;
    this.#cancelTimer?.();
    this.#startProbe();
  }

  #startProbe(): void {
    const interval = this.#probeInterval;
    if (interval === 0) return;
    this.#heard = true;
    this.#probing = false;
    const tick = (): void => {
      const stream = this.#stream;
      if (stream === undefined) return;
      if (!this.#heard && this.#probing) {
        this.#streamEnded(stream, new Error(`the switch was silent for ${2 * interval} ms`));
        return;
      }
      this.#probing = !this.#heard;
      if (this.#probing) this.#outbox.put(this.#nextXid(), { type: 'echo_request', data: new Uint8Array(0) });
      this.#heard = false;
      this.#cancelTimer = this.#timer(interval, tick);
    };
    this.#cancelTimer = this.#timer(interval, tick);
  }

  #receive(bytes: Uint8Array): void {
    const decoded = decodeMessage(bytes);
    if (!decoded.ok) {
      const { message, offset } = decoded.error;
      const xid = bytes.length >= 8 ? new DataView(bytes.buffer, bytes.byteOffset).getUint32(4) : 0;
      const detail = `a message of type ${bytes[1]} could not be decoded: ${message} (at byte ${offset})`;
      const waiting = this.#pending.get(xid);
      this.#pending.delete(xid);
      waiting?.fail(new Error(detail));
      if (waiting === undefined) this.#handlers.unexpected?.(undefined, detail);
      return;
    }
    const { xid, message } = decoded.value;
    switch (message.type) {
      case 'hello':
        this.#hello(message.versions);
        return;
      case 'echo_request':
        this.#outbox.put(xid, { type: 'echo_reply', data: message.data });
        return;
      case 'echo_reply':
        if (!this.#pending.has(xid)) return;
        break;
      case 'packet_in':
        this.#handlers.packetIn?.(message);
        return;
      case 'port_status':
        this.#handlers.portStatus?.(message);
        return;
      case 'flow_removed':
        this.#handlers.flowRemoved?.(message);
        return;
      case 'error':
        this.#error(xid, message);
        return;
    }
    const pending = this.#pending.get(xid);
    if (pending === undefined) {
      this.#handlers.unexpected?.(message, `nobody waits for a ${message.type}`);
    } else if (pending.reply(message)) {
      this.#pending.delete(xid);
    }
  }

  #error(xid: number, message: ErrorMessage): void {
    const pending = this.#pending.get(xid);
    if (pending !== undefined) {
      this.#pending.delete(xid);
      pending.fail(new OpenFlowError(message, pending.request));
      return;
    }
    if (this.#state === 'hello') {
      const stream = this.#stream;
      if (stream !== undefined) this.#streamEnded(stream, new OpenFlowError(message, undefined));
      return;
    }
    const refused = decodeMessage(message.data);
    const error = new OpenFlowError(message, refused.ok ? refused.value.message : undefined);
    for (const batch of this.#batches) {
      if (xid >= batch.first && xid <= batch.last) {
        batch.errors.push(error);
        return;
      }
    }
    this.#handlers.error?.(error);
  }

  #hello(versions: readonly number[]): void {
    const stream = this.#stream;
    if (this.#state !== 'hello' || stream === undefined) return;
    if (!versions.includes(OFP_VERSION)) {
      this.#streamEnded(
        stream,
        new Error(`the switch speaks versions ${versions.join(', ')} and not OpenFlow 1.5 (6)`),
      );
      return;
    }
    this.#state = 'features';
    const request: Message = { type: 'features_request' };
    this.#request(request, {
      request,
      reply: (reply) => {
        if (reply.type === 'features_reply') this.#ready(reply);
        return true;
      },
      fail: (error) => this.#streamEnded(stream, error),
    });
  }

  #ready(features: MessageOf<'features_reply'>): void {
    this.#state = 'ready';
    this.#backoff = this.#options.minBackoff ?? 250;
    this.send({ type: 'set_packet_in_format', format: PACKET_IN2 });
    const { controllerId, asyncConfig } = this.#options;
    if (controllerId !== undefined) this.send({ type: 'set_controller_id', id: controllerId });
    if (asyncConfig !== undefined) this.send({ type: 'set_async', ...asyncConfig });
    // Whole packets, and no reassembly of fragments.
    this.send({ type: 'set_config', flags: 0, missSendLen: 0xffff });
    this.#handlers.connected?.(features);
  }
}
