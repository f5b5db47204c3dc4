/**
 * Keeps the flows, groups and meters of a switch as they should be, with the fewest changes.
 *
 * After a connection the switch is asked what it has: an earlier controller's flows keep forwarding, and those that are right stay as they are, with
 * their counters. From then on only changes are sent.
 */

import { type Actions, actionsWire } from '@weft/openflow/action-list';
import type { Action } from '@weft/openflow/actions';
import { type Flow, flowKey, type Group, type Meter } from '@weft/openflow/flow';
import type { Message } from '@weft/openflow/messages';
import { BatchError } from '@weft/openflow/openflow-error';
import type { Logger } from '../feature.ts';
import type { FlowTable } from '../flow-table.ts';
import type { GroupTable, MeterTable } from '../group-table.ts';
import { geneveOption, learnedTables } from '../pipeline.ts';
import { type Contents, groupContent, meterContent } from './same-numbers.ts';
import type { Switch } from './switch.ts';

/** Flows that are compared before others get their turn. */
const flowsAtAStretch = 2000;

/** Errors of one bundle that are told; the others are likely of the same kind. */
const loggedErrors = 5;

/** How much was sent, for people and for tests. */
export interface SyncStats {
  added: number;
  removed: number;
  /** Found right when the switch was read. */
  kept: number;
  bundles: number;
  /** Changes of groups and meters. */
  groups: number;
  meters: number;
}

export class SwitchSync {
  readonly #table: FlowTable;
  readonly #groups: Numbered<Group>;
  readonly #meters: Numbered<Meter>;
  readonly #log: Logger;
  readonly #pause: () => Promise<unknown>;
  #switch: Switch | undefined;
  /** The switch has been read, and only changes need to be sent. */
  #inStep = false;
  /** What the switch had when it was read, until that has been dealt with. */
  #present: Contents | undefined;
  /** How often the switch was given up as known: what a push learned before does not count after. */
  #doubts = 0;
  readonly stats: SyncStats = { added: 0, removed: 0, kept: 0, bundles: 0, groups: 0, meters: 0 };

  constructor(table: FlowTable, groups: GroupTable, meters: MeterTable, log: Logger, pause: () => Promise<unknown>) {
    this.#table = table;
    this.#groups = new Numbered(
      () => groups.version,
      () => groups.groups(),
      groupContent,
      (mod, command) => ({ type: 'group_mod', mod: { ...mod, command } }),
    );
    this.#meters = new Numbered(
      () => meters.version,
      () => meters.meters(),
      meterContent,
      (mod, command) => ({ type: 'meter_mod', mod: { ...mod, command } }),
    );
    this.#log = log;
    this.#pause = pause;
    this.forget();
  }

  get connected(): boolean {
    return this.#switch !== undefined;
  }

  /** The switch and the table agree, as far as is known. */
  get inStep(): boolean {
    return this.#inStep;
  }

  attach(peer: Switch | undefined): void {
    this.#switch = peer;
    this.forget();
  }

  /** Reads the switch anew at the next push. */
  forget(): void {
    this.#inStep = false;
    this.#present = undefined;
    this.#doubts++;
    this.#table.ignoreChanges();
  }

  /**
   * What the switch has, if that is not known already or was read before: the table may take numbers over from it before the next {@link push}.
   */
  async read(): Promise<Contents | undefined> {
    const peer = this.#switch;
    if (peer === undefined || this.#inStep || this.#present !== undefined) return undefined;
    const doubts = this.#doubts;
    try {
      const present = await readSwitch(peer);
      if (doubts !== this.#doubts) return undefined;
      this.#present = present;
      return present;
    } catch (error) {
      this.#failed(peer, error);
      return undefined;
    }
  }

  /**
   * Brings the switch to what the table holds now; resolves when that has taken effect. False if there was no switch, or it was lost meanwhile.
   * One push at a time.
   */
  async push(zonesToFlush: ReadonlySet<number>): Promise<boolean> {
    const peer = this.#switch;
    if (peer === undefined) return false;
    const doubts = this.#doubts;
    try {
      const { flows, groups, meters } = this.#inStep ? this.#changes() : await this.#differences(peer);
      this.stats.groups += groups.before.length + groups.after.length;
      this.stats.meters += meters.before.length + meters.after.length;
      await this.#batch(peer, meters.before);
      if (zonesToFlush.size > 0) peer.send([...zonesToFlush].map((zone) => ({ type: 'ct_flush_zone', zone })));
      await this.#send(peer, new Mods(groups.before, flows, groups.after));
      await this.#batch(peer, meters.after);
      if (this.#switch !== peer) return false;
      if (doubts === this.#doubts) this.#inStep = true;
      return true;
    } catch (error) {
      // What part of it has taken effect is not known: read the switch again.
      this.#failed(peer, error);
      return false;
    }
  }

  #failed(peer: Switch, error: unknown): void {
    if (this.#switch === peer) this.forget();
    this.#log.warn(`switch: ${error instanceof Error ? error.message : String(error)}`);
  }

  /** The tunnel option must be there before flows can name it. */
  async #prepare(peer: Switch): Promise<void> {
    const { class: optionClass, type: optionType, length, index } = geneveOption;
    const mappings = await peer.tlvMappings();
    const ours = mappings.find((mapping) => mapping.optionClass === optionClass && mapping.optionType === optionType);
    if (ours === undefined)
      peer.send([{ type: 'tlv_table_mod', command: 'add', mappings: [{ optionClass, optionType, length, index }] }]);
    else if (ours.index !== index)
      this.#log.warn(`the switch maps our Geneve option to tun_metadata${ours.index}: tunnels will not work`);
  }

  /** What changed in the table since the last push. */
  #changes(): Differences {
    const { put, removed } = this.#table.takeChanges();
    const flows = { removed: [...removed.values()], added: [...put.values()] };
    return { flows, groups: this.#groups.changes(), meters: this.#meters.changes() };
  }

  /** Between the whole table and the whole switch. */
  async #differences(peer: Switch): Promise<Differences> {
    await this.#prepare(peer);
    const found = this.#present ?? (await readSwitch(peer));
    this.#present = undefined;
    this.#groups.found(found.groups);
    this.#meters.found(found.meters);
    const present = new Map<string, Flow>();
    for (const flow of found.flows) present.set(flowKey(flow), flow);
    // From here on changes are noted again: what changes while we compare comes with the next push. What is compared is the table of this moment, since
    // the next push tells only what is then other than it.
    this.#table.forgetChanges();
    const wanted = new Map(this.#table.flows());
    const groups = this.#groups.changes();
    const meters = this.#meters.changes();
    const removed: Flow[] = [];
    const added: Flow[] = [];
    let compared = 0;
    for (const [key, flow] of present) {
      // What the switch has learned it forgets by itself when the flow goes by which it learned.
      if (!wanted.has(key) && !learnedTables.has(flow.table)) removed.push(flow);
      if (++compared % flowsAtAStretch === 0) await this.#pause();
    }
    for (const [key, flow] of wanted) {
      const old = present.get(key);
      if (old !== undefined && old.cookie === flow.cookie && sameActions(old.actions, flow.actions)) this.stats.kept++;
      else added.push(flow);
      if (++compared % flowsAtAStretch === 0) await this.#pause();
    }
    return { flows: { removed, added }, groups, meters };
  }

  async #send(peer: Switch, mods: Mods): Promise<void> {
    if (mods.size === 0) return;
    this.stats.added += mods.flows.added.length;
    this.stats.removed += mods.flows.removed.length;
    this.stats.bundles++;
    try {
      await peer.bundle(mods);
    } catch (error) {
      // The switch refuses some of it, and took none. One bad flow is not to keep the others out: they go one by one.
      this.#refused(error);
      await peer.batch(mods).catch((second: unknown) => {
        if (!(second instanceof BatchError)) throw second;
      });
    }
    await peer.barrier();
  }

  /** Messages that no bundle can hold. What the switch refuses of them, as one without meters does, is told and left. */
  async #batch(peer: Switch, messages: readonly Message[]): Promise<void> {
    if (messages.length > 0) await peer.batch(messages).catch((error: unknown) => this.#refused(error));
  }

  /** Tells what the switch refused. Throws any other error. */
  #refused(error: unknown): void {
    if (!(error instanceof BatchError)) throw error;
    for (const { message } of error.errors.slice(0, loggedErrors)) this.#log.warn(`switch: refused: ${message}`);
  }
}

const readSwitch = async (peer: Switch): Promise<Contents> => ({
  groups: await peer.groups(),
  meters: await peer.meters(),
  flows: await peer.flows(),
});

/** Flows that the switch has and should not have, and those that it should have and has not, or not so. */
interface FlowDifferences {
  readonly removed: readonly Flow[];
  readonly added: readonly Flow[];
}

/** Of groups or meters: what flows refer to comes before them, and goes after them. */
interface NumberedDifferences {
  readonly before: readonly Message[];
  readonly after: readonly Message[];
}

/** Everything that the switch needs to be told, of one moment. */
interface Differences {
  readonly flows: FlowDifferences;
  readonly groups: NumberedDifferences;
  readonly meters: NumberedDifferences;
}

/** The messages of one bundle. Each is made when it is to be encoded: of ten thousands, none needs to be kept. */
class Mods implements Iterable<Message> {
  readonly flows: FlowDifferences;
  readonly #before: readonly Message[];
  readonly #after: readonly Message[];

  constructor(before: readonly Message[], flows: FlowDifferences, after: readonly Message[]) {
    this.#before = before;
    this.flows = flows;
    this.#after = after;
  }

  get size(): number {
    return this.#before.length + this.flows.removed.length + this.flows.added.length + this.#after.length;
  }

  *[Symbol.iterator](): Iterator<Message> {
    for (const message of this.#before) yield message;
    for (const flow of this.flows.removed) yield remove(flow);
    for (const flow of this.flows.added) yield add(flow);
    for (const message of this.#after) yield message;
  }
}

/** Groups, or meters: few, so that they are compared whole whenever one of them may have changed. */
class Numbered<T extends { readonly id: number }> {
  readonly #version: () => number;
  readonly #wanted: () => readonly T[];
  readonly #content: (item: T) => string;
  readonly #message: (item: T, command: 'add' | 'modify' | 'delete') => Message;
  /** What the switch has, by number. */
  #present = new Map<number, T>();
  #seen = -1;

  constructor(
    version: () => number,
    wanted: () => readonly T[],
    content: (item: T) => string,
    message: (item: T, command: 'add' | 'modify' | 'delete') => Message,
  ) {
    this.#version = version;
    this.#wanted = wanted;
    this.#content = content;
    this.#message = message;
  }

  found(items: readonly T[]): void {
    this.#present = new Map(items.map((item) => [item.id, item]));
    this.#seen = -1;
  }

  changes(): NumberedDifferences {
    const version = this.#version();
    if (version === this.#seen) return { before: [], after: [] };
    this.#seen = version;
    const wanted = new Map(this.#wanted().map((item) => [item.id, item]));
    const before: Message[] = [];
    const after: Message[] = [];
    for (const [id, item] of wanted) {
      const present = this.#present.get(id);
      if (present === undefined) before.push(this.#message(item, 'add'));
      else if (this.#content(present) !== this.#content(item)) before.push(this.#message(item, 'modify'));
    }
    for (const [id, item] of this.#present) if (!wanted.has(id)) after.push(this.#message(item, 'delete'));
    this.#present = wanted;
    return { before, after };
  }
}

// Member by member: for ten thousands of flows a spread costs more than encoding them. Ours have no timeouts and no flags.
const add = ({ table, priority, cookie, match, actions }: Flow): Message => ({
  type: 'flow_mod',
  mod: { table, priority, cookie, match, actions, command: 'add' },
});

const remove = ({ table, priority, match }: Flow): Message => ({
  type: 'flow_mod',
  mod: { table, priority, match, cookie: 0n, actions: [], command: 'delete_strict' },
});

/** Actions are alike if they are the same bytes. Of which conjunctive matches a flow is a part has no order. */
function sameActions(a: Actions, b: Actions): boolean {
  if (actionsWire(a) === actionsWire(b)) return true;
  const [clauses, others] = [[...a], [...b]];
  return clauses[0]?.type === 'conjunction' && sorted(clauses) === sorted(others);
}

const sorted = (actions: readonly Action[]): string =>
  actions
    .map((action) => actionsWire([action]))
    .sort()
    .join('');
