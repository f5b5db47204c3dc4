/** One monitor of one session. */
import type { Uuid } from '@weft/ovsdb/uuid';
import { type Committed, compose } from '../history.ts';
import type { MonitorView } from './view.ts';

export type Method = 'update' | 'update2' | 'update3';

/** Where updates go. */
export interface MonitorSink {
  send(message: string): void;
  /** False while so much waits to be sent that more had better wait here, where changes of one row can be merged. */
  readonly ready: boolean;
}

/** Distinct commits that a slow reader may be behind before they are merged. */
const mergeAbove = 64;

export class Member {
  readonly method: Method;
  readonly sink: MonitorSink;
  /** The monitor's id as JSON text. */
  id: string;
  view: MonitorView;
  /** The last transaction that the client was told, by which it asks for the rest if it comes back. */
  told: Uuid | undefined;
  /** Commits that the sink was not ready for. */
  #behind: Committed[] = [];

  constructor(method: Method, sink: MonitorSink, id: string, view: MonitorView) {
    this.method = method;
    this.sink = sink;
    this.id = id;
    this.view = view;
  }

  get isBehind(): boolean {
    return this.#behind.length > 0;
  }

  head(transaction: Uuid): string {
    const last = this.method === 'update3' ? `,"${transaction}"` : '';
    return `{"id":null,"method":"${this.method}","params":[${this.id}${last},`;
  }

  /** Remembers a commit for later. */
  postpone(committed: Committed): void {
    this.#behind.push(committed);
    if (this.#behind.length > mergeAbove) this.#behind = [{ id: committed.id, changes: compose(this.#behind) }];
  }

  /** Sends what was postponed, as one update. */
  catchUp(): void {
    if (this.#behind.length === 0) return;
    const { id } = this.#behind.at(-1)!;
    const updates = this.view.updates(compose(this.#behind));
    this.#behind = [];
    if (updates === undefined) return;
    this.told = id;
    this.sink.send(`${this.head(id)}${updates}]}`);
  }
}
