/**
 * The controller of one chassis: two databases and a switch in, flows and rows out. It does no I/O of its own: replicas, the switch and the clock are
 * passed in.
 *
 * One turn of its loop: take changes into the tables; bring the derivations up to date; ask for the rows that are now of interest; write what rows
 * should be different; bring the switch into step; and when the switch has confirmed, say so (`up`, `ovn-installed`, `nb_cfg`).
 */
import { Runtime } from '@weft/incremental/runtime';
import { Stopwatches } from '@weft/incremental/stopwatch';
import { Compiler } from '@weft/lflow/compile';
import type { Message, PacketIn } from '@weft/openflow/messages';
import type { RowChange } from '@weft/ovsdb/row';
import { TransactionError } from '@weft/ovsdb-client/errors';
import type { Transaction } from '@weft/ovsdb-client/transaction';
import type { sb } from '@weft/schemas/sb';
import type { vswitch } from '@weft/schemas/vswitch';
import type { ControllerConfig } from './config.ts';
import { ConjunctionIds } from './conjunction-ids.ts';
import type { Feature, Logger, Outputs } from './feature.ts';
import { FlowTable } from './flow-table.ts';
import { GroupTable, MeterTable } from './group-table.ts';
import { loadBalancers } from './load-balancers.ts';
import { announcements } from './local/announcements.ts';
import { bindings } from './local/bindings.ts';
import { integrationBridge } from './local/bridge.ts';
import { chassis } from './local/chassis.ts';
import { chassisIndexes } from './local/chassis-index.ts';
import { type SbConditions, wantedConditions } from './local/conditions.ts';
import { configuration } from './local/configuration.ts';
import { ctZones } from './local/ct-zones.ts';
import { nbCfg } from './local/nb-cfg.ts';
import { NbCfgReport } from './local/nb-cfg-report.ts';
import { patchPorts } from './local/patch-ports.ts';
import { tunnels } from './local/tunnels.ts';
import { logicalFlows } from './logical-flows.ts';
import { Intake } from './model/intake.ts';
import { Model } from './model/model.ts';
import { complaintOf, Writes } from './model/writes.ts';
import { Announcer, type Timer } from './packet-in/announcer.ts';
import { PacketInHandler } from './packet-in/handler.ts';
import { physicalFlows } from './physical/flows.ts';
import { type SameNumbers, sameNumbers } from './switch/same-numbers.ts';
import type { Switch } from './switch/switch.ts';
import { SwitchSync } from './switch/sync.ts';

/** A database as the controller uses it; a `Replica` is one. */
export interface Database<D extends typeof sb | typeof vswitch> {
  transaction(): Transaction<D>;
}

/** In the order in which they build on each other. */
const features: readonly Feature[] = [
  configuration,
  integrationBridge,
  ctZones,
  chassis,
  chassisIndexes,
  tunnels,
  patchPorts,
  bindings,
  nbCfg,
  announcements,
  physicalFlows,
  loadBalancers,
  logicalFlows,
];

export interface ControllerOptions {
  readonly ovs: Database<typeof vswitch>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly timer: Timer;
  /** The chassis name from the command line. */
  readonly name?: string | undefined;
  /** Asks the southbound database for other rows; resolves when they are there. */
  readonly setConditions: (conditions: SbConditions) => Promise<void>;
  /** The configuration has changed, or become known. */
  readonly onConfig: (config: ControllerConfig | undefined) => void;
}

/** How long one turn may keep the event loop, in milliseconds. */
const turnBudgetMs = 50;
const retryMs = 1000;

/** Lets others have the event loop. */
const pause = (): Promise<unknown> => new Promise(setImmediate);
const slices = { budgetMs: turnBudgetMs, now: () => performance.now(), pause };

export class Controller {
  readonly runtime: Runtime;
  readonly model: Model;
  readonly flows = new FlowTable();
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly conjunctionIds: ConjunctionIds;
  readonly sync: SwitchSync;
  readonly compiler = new Compiler(() => this.model.tables.sb.Logical_Flow.size + this.flows.size);
  readonly stopwatches = new Stopwatches(['flow-generation', 'flow-installation'], () => performance.now());
  readonly nbCfgReport: NbCfgReport;
  readonly #options: ControllerOptions;
  readonly #sbWrites = new Writes<typeof sb>();
  readonly #ovsWrites = new Writes<typeof vswitch>();
  readonly #zonesToFlush = new Set<number>();
  readonly #intake = new Intake();
  readonly #packetIn: PacketInHandler;
  readonly #announcer: Announcer;
  #sb: Database<typeof sb> | undefined;
  #scheduled = false;
  #running = false;
  #stopped = false;
  #paused = false;
  #rechecking = false;
  /** Condition changes that are on their way. */
  #conditionsPending = 0;
  #conditions = '';
  #pushing = false;
  /** A turn came to an end while the switch was being brought into step. */
  #pushAgain = false;
  /** What went wrong last with all writes to a database together, by its name. */
  readonly #complaints = new Map<string, string>();
  readonly #committing = new Set<object>();
  /** Writes that a server refused and that wait for their next attempt. */
  readonly #refused = new Set<object>();
  /** Ports that became local since the last push. */
  readonly #freshPorts = new Set<string>();
  #switch: Switch | undefined;

  constructor(options: ControllerOptions) {
    this.#options = options;
    this.runtime = new Runtime((derivation, key, error) => {
      const row = key as { _uuid?: string } | undefined;
      options.log.warn(
        `${derivation}: ${row?._uuid ?? String(key)}: ${error instanceof Error ? error.stack : String(error)}`,
      );
    });
    this.model = new Model(this.runtime, options.name);
    this.groups = new GroupTable(this.runtime);
    this.meters = new MeterTable(this.runtime);
    this.conjunctionIds = new ConjunctionIds(this.runtime);
    this.sync = new SwitchSync(this.flows, this.groups, this.meters, options.log, pause);
    this.nbCfgReport = new NbCfgReport(this.model, options, () => this.schedule());
    this.#announcer = new Announcer((messages) => this.#switch?.send(messages), options.timer);
    const outputs: Outputs = {
      flows: this.flows,
      groups: this.groups,
      meters: this.meters,
      conjunctionIds: this.conjunctionIds,
      compiler: this.compiler,
      announcer: this.#announcer,
      sbWrites: this.#sbWrites,
      ovsWrites: this.#ovsWrites,
      zonesToFlush: this.#zonesToFlush,
      log: options.log,
      now: options.now,
    };
    this.runtime.forEach(
      'configuration',
      () => ['configuration'],
      () => ({ config: this.model.config() }),
      (_key, next) => options.onConfig(next?.config),
      (a, b) => a.config === b.config,
    );
    for (const feature of features) feature(this.model, outputs);
    this.runtime.forEach(
      'local ports',
      this.model.localPorts,
      (uuid) => {
        const port = this.model.tables.sb.Port_Binding.get(uuid);
        return port && this.model.interfaceOf(port)?._uuid;
      },
      (uuid, next) => {
        this.model.installedPorts.apply([{ uuid }]);
        if (next === undefined) this.#freshPorts.delete(uuid);
        else this.#freshPorts.add(uuid);
      },
    );
    this.runtime.forEach(
      'conditions',
      () => ['conditions'],
      () => JSON.stringify(wantedConditions(this.model)),
      (_key, next) => this.#ask(next ?? ''),
    );
    this.#packetIn = new PacketInHandler({
      model: this.model,
      now: options.now,
      log: options.log,
      send: (messages) => this.#switch?.send(messages),
      transact: (build) => this.#learn(build),
    });
  }

  /** Changes of the local database. */
  ovsChanged(changes: readonly RowChange[]): void {
    this.#intake.add(this.model.tables.ovs, changes);
    this.schedule();
  }

  /** Changes of the southbound database. */
  sbChanged(changes: readonly RowChange[]): void {
    this.#intake.add(this.model.tables.sb, changes);
    this.schedule();
  }

  /** The southbound database is there, or lost. While it is lost the rows that were known stay, and packets are forwarded by them. */
  sbConnected(database: Database<typeof sb> | undefined): void {
    this.#sb = database;
    if (database !== undefined) {
      // What was asked for on the old connection must be confirmed on this one.
      const conditions = this.#conditions;
      this.#conditions = '';
      if (conditions !== '') this.#ask(conditions);
    }
    this.schedule();
  }

  switchConnected(peer: Switch | undefined): void {
    this.#switch = peer;
    this.sync.attach(peer);
    this.#packetIn.reset();
    this.schedule();
  }

  /** Sends messages to the switch; false if it is not there. */
  send(messages: readonly Message[]): boolean {
    this.#switch?.send(messages);
    return this.#switch !== undefined;
  }

  packetIn(packet: PacketIn): void {
    this.#packetIn.handle(packet);
  }

  /** Reads the switch anew, and compares all of it. */
  recompute(): void {
    this.sync.forget();
    this.schedule();
  }

  /** All conditions are granted, so the tables hold everything that was asked for. */
  get settled(): boolean {
    return this.#sb !== undefined && this.#conditions !== '' && this.#conditionsPending === 0;
  }

  /** Something is under way, or about to be. */
  get busy(): boolean {
    return (
      this.#scheduled || this.#running || this.#pushing || this.#committing.size > 0 || this.#conditionsPending > 0
    );
  }

  schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#turn();
    });
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Takes changes in, and does nothing about them. */
  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.schedule();
  }

  /** Who still has something to write to which database. */
  get pendingWrites(): readonly string[] {
    return [...this.#ovsWrites.keys.map((key) => `ovs ${key}`), ...this.#sbWrites.keys.map((key) => `sb ${key}`)];
  }

  stop(): void {
    this.#announcer.stop();
    this.nbCfgReport.stop();
    this.#stopped = true;
    // Whoever takes leave looks for its rows.
    this.#intake.finish();
  }

  async #turn(): Promise<void> {
    if (this.#running || this.#stopped || this.#paused) return;
    this.#running = true;
    try {
      // More may come while derivations run: what is written below is derived from whole updates only.
      do {
        await this.#takeIn();
        await this.stopwatches.time('flow-generation', () => this.runtime.flushChunked(slices));
      } while (!this.#intake.empty && !this.#stopped);
    } finally {
      this.#running = false;
    }
    if (this.#stopped) return;
    for (const numbers of [this.groups, this.meters, this.conjunctionIds]) numbers.sweep();
    if (this.settled && this.model.marks.get('settled') === undefined) {
      this.model.marks.apply([{ uuid: 'settled', new: { _uuid: 'settled' } }]);
      this.schedule();
      return;
    }
    if (this.model.otherNorthdVersion() !== undefined) return;
    void this.#commit(this.#options.ovs, this.#ovsWrites, 'Open_vSwitch');
    if (this.#sb !== undefined) void this.#commit(this.#sb, this.#sbWrites, 'OVN_Southbound');
    void this.#push();
    this.#packetIn.modelChanged();
  }

  /** Brings the tables to what the databases are known to hold. */
  async #takeIn(): Promise<void> {
    let until = performance.now() + turnBudgetMs;
    while (!this.#intake.empty) {
      this.#intake.step();
      if (performance.now() < until) continue;
      await pause();
      until = performance.now() + turnBudgetMs;
    }
  }

  #ask(conditions: string): void {
    if (conditions === this.#conditions || conditions === '') return;
    this.#conditions = conditions;
    this.#conditionsPending++;
    this.#options
      .setConditions(JSON.parse(conditions) as SbConditions)
      .catch((error: unknown) => this.#options.log.warn(`conditions: ${String(error)}`))
      .finally(() => {
        this.#conditionsPending--;
        this.schedule();
      });
  }

  /** Brings the switch into step. What was true when the table was read is what may be said once the switch has confirmed. */
  async #push(): Promise<void> {
    // Before all is known, flows would be taken away that are only not known yet.
    if (!this.model.marks.get('settled') || !this.sync.connected) return;
    if (this.#pushing) {
      this.#pushAgain = true;
      return;
    }
    const renumbered = await this.#pushAlone(() => this.#takeNumbersOver());
    if (renumbered || this.#pushAgain) {
      this.schedule();
      return;
    }
    const settled = this.settled;
    const ports = settled ? [...this.#freshPorts] : [];
    let nbCfg: number | undefined;
    if (settled) for (const row of this.model.tables.sb.SB_Global.rows()) nbCfg = row.nb_cfg;
    for (const port of ports) this.#freshPorts.delete(port);
    const zones = new Set(this.#zonesToFlush);
    this.#zonesToFlush.clear();
    const done = await this.#pushAlone(() => this.stopwatches.time('flow-installation', () => this.sync.push(zones)));
    if (!done) {
      for (const port of ports) this.#freshPorts.add(port);
      for (const zone of zones) this.#zonesToFlush.add(zone);
      if (this.sync.connected) this.#later();
      return;
    }
    this.model.installedPorts.apply(ports.map((uuid) => ({ uuid, new: { _uuid: uuid } })));
    if (nbCfg !== undefined) this.nbCfgReport.installed(nbCfg);
    if (ports.length > 0 || this.#pushAgain) this.schedule();
  }

  /** One at a time talks to the switch; who comes meanwhile is served by another push. */
  async #pushAlone<T>(work: () => Promise<T>): Promise<T> {
    this.#pushing = true;
    this.#pushAgain = false;
    try {
      return await work();
    } finally {
      this.#pushing = false;
    }
  }

  /**
   * Gives what flows refer to the numbers that a switch, when it is met, knows it by from before: those flows can stay. True if any is another now, and
   * the flows must be made anew.
   */
  async #takeNumbersOver(): Promise<boolean> {
    const present = await this.sync.read();
    if (present === undefined) return false;
    const flows = [...this.flows.flows()].map(([, flow]) => flow);
    const wanted = { flows, groups: this.groups.groups(), meters: this.meters.meters() };
    let same: SameNumbers;
    try {
      same = sameNumbers(wanted, present);
    } catch (error) {
      // It has something that we cannot even encode: then its flows are replaced, which is no reason to leave it alone.
      this.#options.log.warn(`switch: its numbers are not kept: ${String(error)}`);
      return false;
    }
    const moved = [
      this.conjunctionIds.renumber(same.conjunctions),
      this.groups.renumber(same.groups),
      this.meters.renumber(same.meters),
    ];
    return moved.includes(true);
  }

  /** One transaction at a time for each database: what is asked for meanwhile goes into the next. */
  async #commit<D extends typeof sb | typeof vswitch>(
    database: Database<D>,
    writes: Writes<D>,
    name: string,
  ): Promise<void> {
    if (writes.size === 0 || this.#committing.has(writes) || !writes.anyBut(this.#refused)) return;
    this.#committing.add(writes);
    const transaction = database.transaction();
    const filled = writes.fill(transaction);
    try {
      await transaction.commit();
      writes.settle(filled);
      if (writes.unconfirmed > 0) this.#recheck();
      this.#complaints.delete(name);
    } catch (error) {
      const complaint = complaintOf(error);
      if (this.#complaints.get(name) !== complaint) this.#complain(name, error);
      this.#complaints.set(name, complaint);
      if (error instanceof TransactionError) await this.#commitSingly(database, writes, filled, name);
      else this.#later();
      return;
    } finally {
      this.#committing.delete(writes);
    }
    this.schedule();
  }

  /** One write that the server refuses does not keep the others from being made. */
  async #commitSingly<D extends typeof sb | typeof vswitch>(
    database: Database<D>,
    writes: Writes<D>,
    filled: ReturnType<Writes<D>['fill']>,
    name: string,
  ): Promise<void> {
    for (const [key, write] of filled) {
      const transaction = database.transaction();
      write(transaction);
      try {
        await transaction.commit();
        writes.settle(new Map([[key, write]]));
      } catch (error) {
        if (writes.isNews(key, complaintOf(error))) this.#complain(`${name}: ${key}`, error);
        if (!(error instanceof TransactionError)) break;
        // It stays asked for, and is tried again later: what is in its way may go without our hearing of it.
        this.#refused.add(write);
      }
    }
    if (writes.unconfirmed > 0) this.#recheck();
    if (writes.size > 0) this.#later();
    else this.schedule();
  }

  #complain(about: string, error: unknown): void {
    this.#options.log.warn(`${about}: ${error instanceof Error ? error.message : String(error)}`);
  }

  async #learn(build: (transaction: Transaction<typeof sb>) => void): Promise<void> {
    const database = this.#sb;
    if (database === undefined) return;
    const transaction = database.transaction();
    build(transaction);
    try {
      await transaction.commit();
    } catch (error) {
      // Somebody else may have learned it first; if not, the next packet tries again.
      this.#options.log.info(`OVN_Southbound: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Looks after a while whether what was written is there. */
  #recheck(): void {
    if (this.#rechecking) return;
    this.#rechecking = true;
    setTimeout(() => {
      this.#rechecking = false;
      if (this.#ovsWrites.unconfirmed + this.#sbWrites.unconfirmed === 0) return;
      this.#ovsWrites.revive();
      this.#sbWrites.revive();
      this.schedule();
    }, retryMs).unref();
  }

  #later(): void {
    setTimeout(() => {
      this.#refused.clear();
      this.schedule();
    }, retryMs).unref();
  }
}
