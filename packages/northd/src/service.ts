/**
 * Joins the core to two databases: while this instance holds the `ovn_northd` lock of SB, changes go in, the core flushes, differences go out.
 *
 * One round is: flush; write SB, in one transaction if the difference is small, else in several, `nb_cfg` last; write NB, at the same time where that is
 * much, `sb_cfg` last. Changes that arrive meanwhile make another round. Databases that are down, conflicts and a lost lock end the round; the next one
 * starts from what is there then.
 */

import type { Runtime } from '@weft/incremental/runtime';
import { Stopwatches } from '@weft/incremental/stopwatch';
import type { JsonObject } from '@weft/ovsdb/json';
import type { Row, RowChange } from '@weft/ovsdb/row';
import { ConflictError, NotConnectedError, UncertainError } from '@weft/ovsdb-client/errors';
import type { Replica } from '@weft/ovsdb-client/replica';
import type { nb } from '@weft/schemas/nb';
import type { SbTable, sb } from '@weft/schemas/sb';
import { Allocations, type SbRows } from './allocations.ts';
import { allFeatures } from './features.ts';
import { sbInputs } from './model.ts';
import { NbWriter } from './nb-writer.ts';
import { Northd } from './northd.ts';
import { allOutputs } from './outputs.ts';
import { observedTables, SbWriter } from './sb-writer.ts';
import { TransactionStream } from './transaction-stream.ts';

export interface ServiceOptions {
  readonly nb: Replica<typeof nb>;
  readonly sb: Replica<typeof sb>;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string) => void;
  /** Milliseconds since the epoch. */
  readonly wallClock: () => number;
  /** Milliseconds of a clock that does not jump. */
  readonly now: () => number;
  /** Lets others use the event loop. */
  readonly pause: () => Promise<unknown>;
  /** Waits so many milliseconds. */
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/** The SB tables and columns that northd monitors. */
export const sbTables = [...new Set<SbTable>([...observedTables, ...sbInputs])];

const lockName = 'ovn_northd';
/** How long to work at a stretch, in milliseconds. */
const flushBudgetMs = 20;
const retryMs = 1000;
const defaultProbeMs = 5000;
/** A clock may be set: look at it now and then. */
const longestSleepMs = 60_000;

/** A whole round; deriving; writing SB; writing NB. */
const phases = ['ovn-northd-loop', 'ovnnb_db_run', 'lflows_to_sb', 'ovnsb_db_run'] as const;

export type Status = 'active' | 'standby' | 'paused';

/** What the last rounds did, for `inc-engine/show-stats`. */
export interface RoundStats {
  rounds: number;
  operations: number;
  transactions: number;
  failures: number;
  lastFlushMs: number;
  lastWriteMs: number;
}

/** The core and its writers, for as long as this instance is the active one. */
interface Active {
  readonly northd: Northd;
  readonly sbWriter: SbWriter;
  readonly nbWriter: NbWriter;
}

export class NorthdService {
  readonly #options: ServiceOptions;
  readonly stats: RoundStats = {
    rounds: 0,
    operations: 0,
    transactions: 0,
    failures: 0,
    lastFlushMs: 0,
    lastWriteMs: 0,
  };
  /** The phases of a round; where ovn-northd has the same, it has its name. */
  readonly stopwatches: Stopwatches<(typeof phases)[number]>;
  #paused: boolean;
  #active: Active | undefined;
  #dirty = false;
  /** The next round begins with nothing derived. */
  #anew = false;
  /** When the next round comes by itself. */
  #alarm: number | undefined;
  #running = false;
  #closed = false;
  /** The last write was refused: perhaps a piece of it made no sense without the rest, as when two rows swap their keys. */
  #whole = false;
  #probeInterval: string | undefined;
  /** When the `nb_cfg` that is being worked on was first seen. */
  #nbCfgSeen: { readonly value: number; readonly at: number } | undefined;

  constructor(options: ServiceOptions, paused = false) {
    this.#options = options;
    this.stopwatches = new Stopwatches(phases, options.now);
    this.#paused = paused;
    options.nb.onChange((changes) => this.#nbChanged(changes));
    options.sb.onChange((changes) => this.#sbChanged(changes));
    options.nb.onState(() => this.#wake());
    options.sb.onState(() => this.#wake());
    if (!paused) this.#aspire();
  }

  get status(): Status {
    if (this.#paused) return 'paused';
    return this.#holdsLock ? 'active' : 'standby';
  }

  /** What counts how often each derivation ran since the last {@link clearStats}; undefined while this instance is not active. */
  get runtime(): Runtime | undefined {
    return this.#active?.northd.rt;
  }

  clearStats(): void {
    this.#active?.northd.rt.resetStats();
    Object.assign(this.stats, { rounds: 0, operations: 0, transactions: 0, failures: 0 });
  }

  /** Derives everything anew from what the databases hold, as after a start (ovn-northd(8)). What is right is not written again. */
  recompute(): void {
    this.#anew = true;
    this.#wake();
  }

  /** Stops writing, and lets another instance take over. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#options.sb.unlock(lockName);
    this.#active = undefined;
    this.#options.log('info', 'paused');
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#aspire();
    this.#options.log('info', 'resumed');
    this.#wake();
  }

  /** Ends for good. */
  close(): void {
    this.#closed = true;
    this.#active = undefined;
  }

  get #holdsLock(): boolean {
    return !this.#paused && this.#options.sb.lock(lockName).held;
  }

  #aspire(): void {
    const lock = this.#options.sb.lock(lockName);
    lock.onChange((held) => {
      this.#options.log(
        'info',
        held ? 'lock acquired: this instance is now active' : 'lock lost: this instance is now on standby',
      );
      if (!held) this.#active = undefined;
      this.#wake();
    });
  }

  #nbChanged(changes: readonly RowChange[]): void {
    const active = this.#active;
    if (active === undefined) return;
    this.#takeNb(active, changes);
    this.#wake();
  }

  #takeNb({ northd, nbWriter }: Active, changes: readonly RowChange[]): void {
    for (const [table, rows] of byTable(changes)) {
      northd.model.nb[table as keyof typeof northd.model.nb]?.apply(rows as never);
    }
    nbWriter.observe(changes);
    for (const { nb_cfg, options } of this.#options.nb.table('NB_Global').rows()) {
      this.#setProbeInterval(options.get('northd_probe_interval'));
      if (this.#nbCfgSeen?.value !== nb_cfg) this.#nbCfgSeen = { value: nb_cfg, at: this.#options.wallClock() };
    }
  }

  /** `NB_Global.options:northd_probe_interval`, in milliseconds: 0 for none, else at least a second (ovn-nb(5)). */
  #setProbeInterval(text: string | undefined): void {
    if (text === this.#probeInterval) return;
    this.#probeInterval = text;
    const interval = text !== undefined && /^\d+$/.test(text) ? Number(text) : defaultProbeMs;
    for (const replica of [this.#options.nb, this.#options.sb]) {
      replica.setProbeInterval(interval === 0 ? 0 : Math.max(interval, 1000));
    }
  }

  #sbChanged(changes: readonly RowChange[]): void {
    const active = this.#active;
    if (active === undefined) return;
    this.#takeSb(active, changes);
    this.#wake();
  }

  #takeSb({ northd, sbWriter }: Active, changes: readonly RowChange[]): void {
    for (const [table, rows] of byTable(changes)) {
      northd.model.sb[table as keyof typeof northd.model.sb]?.apply(rows as never);
    }
    sbWriter.observe(changes);
  }

  /** Asks for a round. */
  #wake(): void {
    this.#dirty = true;
    if (this.#running) return;
    this.#running = true;
    void this.#run().finally(() => {
      this.#running = false;
      if (this.#dirty && this.#ready) this.#wake();
    });
  }

  get #ready(): boolean {
    const { nb, sb } = this.#options;
    return !this.#closed && nb.state === 'live' && sb.state === 'live' && this.#holdsLock;
  }

  async #run(): Promise<void> {
    while (this.#dirty && this.#ready) {
      this.#dirty = false;
      if (this.#anew) this.#active = undefined;
      this.#anew = false;
      try {
        await this.stopwatches.time('ovn-northd-loop', async () => this.#round(await this.#activate()));
      } catch (error) {
        this.stats.failures++;
        // What was under way may or may not be there: look at everything again.
        this.#active = undefined;
        this.#dirty = true;
        if (error instanceof NotConnectedError || error instanceof UncertainError) return;
        if (error instanceof ConflictError) continue;
        this.#whole = true;
        this.#options.log('error', `could not write: ${error instanceof Error ? error.message : String(error)}`);
        await this.#options.sleep(retryMs);
      }
    }
  }

  /** The core, made from what the databases hold if this instance has just become the active one. */
  async #activate(): Promise<Active> {
    if (this.#active !== undefined) return this.#active;
    const { nb, sb, log, pause } = this.#options;
    await this.#insertGlobals();
    const allocations = new Allocations();
    allocations.seedFrom(
      Object.fromEntries(observedTables.map((table) => [table, [...sb.table(table).rows()]])) as SbRows,
    );
    const northd = new Northd({
      features: allFeatures,
      outputs: allOutputs,
      allocations,
      problem: (message) => log('warn', message),
    });
    const child = (table: string, uuid: string): Row | undefined =>
      sb.table(table as SbTable).get(uuid) as Row | undefined;
    const active = { northd, sbWriter: new SbWriter(northd, allocations, child), nbWriter: new NbWriter(northd) };
    // Changes that arrive between two slices are not lost: a row is taken as it is when its slice comes, and `apply` goes by what is new.
    this.#active = active;
    for (const table of Object.keys(nb.schema.tables) as (keyof typeof nb.schema.tables)[]) {
      for (const slice of slices(nb.table(table).rows() as Iterable<Row>, table)) {
        this.#takeNb(active, slice);
        await pause();
      }
    }
    const last: SbTable[] = ['Logical_DP_Group', 'Logical_Flow'];
    for (const table of [...sbTables.filter((name) => !last.includes(name)), ...last]) {
      for (const slice of slices(sb.table(table).rows() as Iterable<Row>, table)) {
        this.#takeSb(active, slice);
        await pause();
      }
    }
    return active;
  }

  /** The rows that everything else hangs on; the C tools make them with `init`, perhaps at this moment. */
  async #insertGlobals(): Promise<void> {
    const { nb, sb } = this.#options;
    const insert = async (size: () => number, write: () => Promise<unknown>): Promise<void> => {
      if (size() > 0) return;
      await write().catch((error: unknown) => {
        if (size() === 0) throw error;
      });
    };
    await insert(
      () => nb.table('NB_Global').size,
      () => nb.transact([{ op: 'insert', table: 'NB_Global', row: {} }]),
    );
    await insert(
      () => sb.table('SB_Global').size,
      () => sb.transact([this.#assertLock(), { op: 'insert', table: 'SB_Global', row: {} }]),
    );
  }

  async #round(active: Active): Promise<void> {
    const { now, pause, nb, sb, wallClock } = this.#options;
    const started = now();
    const { expiry } = active.northd.model;
    expiry.advance(wallClock(), Number(active.northd.model.option('mac_binding_removal_limit') ?? 0) || 0);
    await this.stopwatches.time('ovnnb_db_run', () =>
      active.northd.flushChunked({ budgetMs: flushBudgetMs, now, pause }),
    );
    this.#check(active);
    const flushed = now();
    const nbCfg = sbCfgWanted(active);
    const toSb = this.#stream(active, (operations) => sb.transact([this.#assertLock(), ...operations]));
    const toNb = this.#stream(active, (operations) => nb.transact(operations));
    // What it says of ports does not depend on SB's having taken the rest.
    const portsToNb = toNb.add(active.nbWriter.units());
    // If SB fails, nobody waits for it any more.
    portsToNb.catch(() => {});
    await this.stopwatches.time('lflows_to_sb', async () => {
      await toSb.add(active.sbWriter.units());
      await toSb.end();
    });
    this.stats.lastFlushMs = flushed - started;
    this.stats.lastWriteMs = now() - flushed;
    await this.stopwatches.time('ovnsb_db_run', async () => {
      await portsToNb;
      this.#setCounters(active, nbCfg);
      await toNb.add(active.nbWriter.units());
      await toNb.end();
    });
    this.stats.rounds++;
    this.#wakeAt(expiry.next);
    if (active.sbWriter.hasWork || active.nbWriter.hasWork) this.#dirty = true;
  }

  /** Makes a round when the next row expires. */
  #wakeAt(at: number | undefined): void {
    if (at === undefined || (this.#alarm !== undefined && this.#alarm <= at)) return;
    this.#alarm = at;
    const { sleep, wallClock } = this.#options;
    void sleep(Math.min(Math.max(at - wallClock(), 0), longestSleepMs)).then(() => {
      if (this.#alarm !== at) return;
      this.#alarm = undefined;
      this.#wake();
    });
  }

  /** What NB_Global says of the writes to SB, which are done: `nbCfg` is what SB says since. */
  #setCounters({ nbWriter }: Active, nbCfg: number | undefined): void {
    const { nb, wallClock } = this.#options;
    for (const global of nb.table('NB_Global').rows()) {
      const counters: { [column: string]: number } = {};
      if (nbCfg !== undefined && global.sb_cfg !== nbCfg) {
        counters.sb_cfg = nbCfg;
        counters.sb_cfg_timestamp = wallClock();
        counters.nb_cfg_timestamp = this.#nbCfgSeen?.at ?? wallClock();
      }
      Object.assign(counters, this.#hvCfg(global));
      nbWriter.setCounters(global._uuid, counters);
      break;
    }
  }

  /** How far all chassis have come (ovn-nb(5), NB_Global `hv_cfg`). */
  #hvCfg(global: { nb_cfg: number; hv_cfg: number }): { [column: string]: number } {
    let hv_cfg = global.nb_cfg;
    let hv_cfg_timestamp = 0;
    for (const { nb_cfg, nb_cfg_timestamp, chassis } of this.#options.sb.table('Chassis_Private').rows()) {
      const remote =
        chassis && this.#options.sb.table('Chassis').get(chassis)?.other_config.get('is-remote') === 'true';
      if (remote) continue;
      if (nb_cfg < hv_cfg) {
        hv_cfg = nb_cfg;
        hv_cfg_timestamp = nb_cfg_timestamp;
      } else if (nb_cfg === hv_cfg && nb_cfg_timestamp > hv_cfg_timestamp) hv_cfg_timestamp = nb_cfg_timestamp;
    }
    return hv_cfg === global.hv_cfg ? {} : { hv_cfg, hv_cfg_timestamp };
  }

  #stream(active: Active, transact: (operations: readonly JsonObject[]) => Promise<unknown>): TransactionStream {
    const { now, pause } = this.#options;
    return new TransactionStream({
      transact: (operations) => {
        this.stats.operations += operations.length;
        this.stats.transactions++;
        return transact(operations);
      },
      whole: this.#whole,
      now,
      pause,
      check: () => this.#check(active),
    });
  }

  /** Ends a round whose instance is active no more. */
  #check(active: Active): void {
    if (this.#active !== active) throw new NotConnectedError('no longer active');
  }

  #assertLock(): JsonObject {
    return { op: 'assert', lock: lockName };
  }
}

/** The `nb_cfg` that SB will say when what is desired is written. */
function sbCfgWanted({ northd }: Active): number | undefined {
  const value = northd.rows.table('sb', 'SB_Global').get('')?.nb_cfg;
  return typeof value === 'number' ? value : undefined;
}

function byTable(changes: readonly RowChange[]): Map<string, RowChange[]> {
  const tables = new Map<string, RowChange[]>();
  for (const change of changes) {
    const list = tables.get(change.table);
    if (list === undefined) tables.set(change.table, [change]);
    else list.push(change);
  }
  return tables;
}

/** Rows as insertions, a thousand at a time. */
function* slices(rows: Iterable<Row>, table: string): Iterable<RowChange[]> {
  let slice: RowChange[] = [];
  for (const row of rows) {
    slice.push({ table, uuid: row._uuid, new: row });
    if (slice.length < 1000) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}
