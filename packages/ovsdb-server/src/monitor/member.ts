/** One monitor of one session. */
import type { Uuid } from '@weft/ovsdb/uuid';
import type { TableChange } from '../changes.ts';
import { type Committed, compose, NetChanges } from '../history.ts';
import { sendAround, type TextSink } from '../pieces.ts';
import type { MonitorView } from './view.ts';

export type Method = 'update' | 'update2' | 'update3';

/** Where updates go. */
export interface MonitorSink extends TextSink {
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
  /** What came before these, if they were too many to be kept one by one. */
  #merged: NetChanges | undefined;
  #lastBehind: Uuid | undefined;

  constructor(method: Method, sink: MonitorSink, id: string, view: MonitorView) {
    this.method = method;
    this.sink = sink;
    this.id = id;
    this.view = view;
  }

  get isBehind(): boolean {
    return this.#lastBehind !== undefined;
  }

  head(transaction: Uuid): string {
    const last = this.method === 'update3' ? `,"${transaction}"` : '';
    return `{"id":null,"method":"${this.method}","params":[${this.id}${last},`;
  }

  /** Remembers a commit for later. */
  postpone(committed: Committed): void {
    this.#behind.push(committed);
    this.#lastBehind = committed.id;
    if (this.#behind.length > mergeAbove) this.#merge();
  }

  #merge(): NetChanges {
    this.#merged ??= new NetChanges();
    for (const { changes } of this.#behind) this.#merged.add(changes, this.#wanted);
    this.#behind = [];
    return this.#merged;
  }

  readonly #wanted = (change: TableChange): boolean => this.view.concerns(change);

  /** Sends what was postponed, as one update. */
  catchUp(): void {
    const id = this.#lastBehind;
    if (id === undefined) return;
    const updates = this.view.updates(this.#merged === undefined ? compose(this.#behind) : this.#merge().changes());
    this.#behind = [];
    this.#merged = undefined;
    this.#lastBehind = undefined;
    if (updates === undefined) return;
    this.told = id;
    sendAround(this.sink, this.head(id), updates, ']}');
  }
}
