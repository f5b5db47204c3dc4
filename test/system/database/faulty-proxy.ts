/** A TCP proxy before a unix socket that does to connections what networks do: delays, stalls, breaks them in the midst of a message, takes them late. */
import { createConnection, createServer, type Server, type Socket } from 'node:net';

interface Piece {
  readonly to: Socket;
  readonly bytes: Buffer;
  readonly at: number;
}

/** One client, and what has not been handed over yet. */
class Passage {
  readonly #proxy: FaultyProxy;
  readonly #ends: readonly [Socket, Socket];
  readonly #held: Piece[] = [];
  #last = 0;
  /** Breaks after so many bytes more. */
  bytesLeft = Number.POSITIVE_INFINITY;

  constructor(proxy: FaultyProxy, client: Socket, server: Socket) {
    this.#proxy = proxy;
    this.#ends = [client, server];
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('data', (bytes: Buffer) => {
        // Later, but never before what came before.
        this.#last = Math.max(this.#last, performance.now() + proxy.delay());
        this.#held.push({ to, bytes, at: this.#last });
        this.pass();
      });
      from.on('error', () => {});
      from.on('close', () => this.end());
    }
  }

  pass(): void {
    for (let piece = this.#held[0]; piece !== undefined && !this.#proxy.stalled; piece = this.#held[0]) {
      const wait = piece.at - performance.now();
      if (wait > 0) {
        setTimeout(() => this.pass(), wait);
        return;
      }
      this.#held.shift();
      const { to, bytes } = piece;
      if (bytes.length >= this.bytesLeft) {
        to.write(bytes.subarray(0, this.bytesLeft), () => this.end());
        this.bytesLeft = Number.POSITIVE_INFINITY;
        return;
      }
      this.bytesLeft -= bytes.length;
      to.write(bytes);
    }
  }

  end(): void {
    this.#proxy.passages.delete(this);
    for (const end of this.#ends) end.destroy();
  }
}

const usualDelay = (): number => Math.random() * 10;

export class FaultyProxy {
  readonly passages = new Set<Passage>();
  /** Milliseconds; asked for each chunk. Never none, so that much is on its way when something happens. */
  delay = usualDelay;
  /** Milliseconds; asked for each client: those that come later may be served earlier. */
  connectDelay = (): number => 0;
  stalled = false;
  refusing = false;
  readonly #server: Server;

  private constructor(socket: string) {
    this.#server = createServer({ pauseOnConnect: true }, (client) => {
      client.on('error', () => {});
      if (this.refusing) client.resetAndDestroy();
      else {
        setTimeout(() => {
          this.passages.add(new Passage(this, client, createConnection({ path: socket })));
          client.resume();
        }, this.connectDelay());
      }
    });
  }

  static async listen(socket: string): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(socket);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get remote(): string {
    const address = this.#server.address();
    return `tcp:127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  }

  cut(): void {
    for (const passage of [...this.passages]) passage.end();
  }

  cutAfter(bytes: () => number): void {
    for (const passage of this.passages) passage.bytesLeft = bytes();
  }

  heal(): void {
    this.delay = usualDelay;
    this.connectDelay = () => 0;
    this.refusing = false;
    this.stalled = false;
    for (const passage of this.passages) {
      passage.bytesLeft = Number.POSITIVE_INFINITY;
      passage.pass();
    }
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}
