import { connect, type Socket } from 'node:net';
import { JsonFramer } from '@weft/jsonrpc/framer';
import { isObject, type Json } from '@weft/ovsdb/json';

/** A connection to a database server on which anything can be sent. */
export class RawClient {
  readonly #socket: Socket;
  readonly #heard: Json[] = [];
  #sentinels = 0;
  #wake = (): void => {};
  closed = false;

  constructor(path: string) {
    this.#socket = connect(path);
    const framer = new JsonFramer((value) => this.#heard.push(value as Json));
    this.#socket.on('data', (bytes) => {
      framer.push(bytes);
      this.#wake();
    });
    const end = (): void => {
      this.closed = true;
      this.#wake();
    };
    this.#socket.on('close', end).on('error', end);
  }

  send(text: string | Uint8Array): void {
    this.#socket.write(text);
  }

  /** All that came since the last call and until the server has answered what was sent before this one. */
  async take(): Promise<Json[]> {
    const id = `sentinel ${++this.#sentinels}`;
    this.send(JSON.stringify({ id, method: 'echo', params: [] }));
    const isAnswer = (json: Json): boolean => isObject(json) && json.id === id;
    while (!this.closed && !this.#heard.some(isAnswer)) await new Promise<void>((wake) => (this.#wake = wake));
    return this.#heard.splice(0).filter((json) => !isAnswer(json));
  }

  close(): void {
    this.#socket.destroy();
  }
}
