/** Methods by name, over jayson's server, which is made for servers: a client does not pay for loading it. */
import jayson from 'jayson';
import type { Json } from './json.ts';
import type { RequestId } from './message.ts';
import type { Peer } from './peer.ts';

/** Thrown by a method to answer with an error; `error` goes on the wire as it is. */
export class MethodError extends Error {
  override name = 'MethodError';
  readonly error: Json;

  constructor(error: Json) {
    super(typeof error === 'string' ? error : JSON.stringify(error));
    this.error = error;
  }
}

export interface CallContext<P = Peer> {
  readonly peer: P;
  readonly id: RequestId;
}

/** Returns the result, or a promise of it; throws MethodError for an error that the peer shall see. */
export type Method<P = Peer> = (params: readonly Json[], context: CallContext<P>) => Json | Promise<Json>;

export interface DispatcherOptions {
  /** The `error` for a method that does not exist; an OVSDB server says "unknown method" (RFC 7047 says nothing). */
  readonly unknownMethod?: (method: string) => Json;
  /** A method failed otherwise than by MethodError: a defect, to be logged. The peer gets the message as its error. */
  readonly onDefect?: (method: string, error: unknown) => void;
}

type Done = (error: Json | null, result?: Json) => void;

export class Dispatcher<P = Peer> {
  readonly #server: jayson.Server;
  readonly #methods = new Map<string, jayson.Method>();
  readonly #options: DispatcherOptions;

  constructor(methods: { readonly [name: string]: Method<P> }, options: DispatcherOptions = {}) {
    this.#options = options;
    const unknownMethod = options.unknownMethod ?? (() => 'unknown method');
    for (const [name, method] of Object.entries(methods)) this.register(name, method);
    this.#server = new jayson.Server({}, {
      // jayson's types know no versions per server, its code does: 1 is the one of OVSDB.
      version: 1,
      router: (method: string) =>
        this.#methods.get(method) ??
        new jayson.Method(((_params: unknown, done: Done) => done(unknownMethod(method))) as never, {}),
    } as jayson.ServerOptions);
  }

  /** Adds a method; one of that name is replaced. */
  register(name: string, method: Method<P>): void {
    this.#methods.set(name, wrap(name, method, this.#options));
  }

  /** Runs the method and answers the peer; hand it to `PeerOptions.onRequest`. */
  handle(method: string, params: readonly Json[], id: RequestId, peer: P & Pick<Peer, 'reply' | 'replyError'>): void {
    const context: CallContext<P> = { peer, id };
    this.#server.call(
      { method, params: [...params], id } as unknown as jayson.JSONRPCRequestLike,
      context as object,
      (error?: unknown, response?: unknown) => {
        const envelope = (error ?? response) as { error: Json; result?: Json };
        if (envelope.error !== null) peer.replyError(id, envelope.error);
        else peer.reply(id, envelope.result ?? null);
      },
    );
  }
}

function wrap<P>(name: string, method: Method<P>, options: DispatcherOptions): jayson.Method {
  const handler = (params: readonly Json[], context: CallContext<P>, done: Done): void => {
    const fail = (error: unknown): void => {
      if (error instanceof MethodError) {
        done(error.error);
        return;
      }
      options.onDefect?.(name, error);
      done(error instanceof Error ? error.message : String(error));
    };
    let result: Json | Promise<Json>;
    try {
      result = method(params, context);
    } catch (error) {
      fail(error);
      return;
    }
    if (result instanceof Promise) result.then((value) => done(null, value), fail);
    else done(null, result);
  };
  return new jayson.Method(handler as never, { useContext: true });
}
