/**
 * The desired flows, counted: derivations put in and take out flows of single datapaths; equal flows of several datapaths are one
 * {@link LogicalFlow} that knows the set of its datapaths. Changes are collected until {@link FlowTable.takeChanged}.
 */
import type { Uuid } from '@weft/ovsdb/uuid';
import { DatapathHashes, DatapathSet } from './datapath-set.ts';
import type { Flow } from './flow.ts';
import type { Stage } from './pipeline.ts';

/** Emissions of one flow on one datapath: nearly always exactly one. */
type Emissions = Flow | readonly Flow[];

/** One future row of Logical_Flow: a flow and the datapaths that want it. */
export class LogicalFlow {
  readonly stage: Stage;
  readonly priority: number;
  readonly match: string;
  readonly actions: string;
  readonly meter: string | undefined;
  readonly datapaths: DatapathSet;
  /** By datapath; a lone emission stands in {@link #only}. */
  #only: Flow | undefined;
  #emissions: Map<Uuid, Emissions> | undefined;

  constructor(content: FlowContent, meter: string | undefined, hashes: DatapathHashes) {
    this.datapaths = new DatapathSet(hashes);
    this.stage = content.stage;
    this.priority = content.priority;
    this.match = content.match;
    this.actions = content.actions;
    this.meter = meter;
  }

  get wanted(): boolean {
    return this.datapaths.size > 0;
  }

  /** The first eight digits of the uuid of the NB row that the flow is there for; the least, where there are several. */
  get hint(): string | undefined {
    const hint = this.#only === undefined ? least(this.#all(), (flow) => flow.options.hint) : this.#only.options.hint;
    return hint?.slice(0, 8);
  }

  get inOutPort(): string | undefined {
    if (this.#only !== undefined) return this.#only.options.inOutPort;
    return least(this.#all(), (flow) => flow.options.inOutPort);
  }

  add(flow: Flow): void {
    if (!this.wanted) {
      this.#only = flow;
      this.datapaths.add(flow.datapath);
      return;
    }
    this.#emissions ??= new Map(this.#only && [[this.#only.datapath, this.#only]]);
    this.#only = undefined;
    const before = this.#emissions.get(flow.datapath);
    if (before === undefined) this.datapaths.add(flow.datapath);
    this.#emissions.set(flow.datapath, before === undefined ? flow : [...list(before), flow]);
  }

  remove(flow: Flow): void {
    if (this.#emissions === undefined) {
      if (this.#only !== flow) return;
      this.#only = undefined;
      this.datapaths.delete(flow.datapath);
      return;
    }
    const before = this.#emissions.get(flow.datapath);
    if (before === undefined) return;
    const rest = list(before).filter((other) => other !== flow);
    if (rest.length > 0) {
      this.#emissions.set(flow.datapath, rest.length === 1 ? (rest[0] as Flow) : rest);
      return;
    }
    this.#emissions.delete(flow.datapath);
    this.datapaths.delete(flow.datapath);
    if (this.#emissions.size > 1) return;
    const [last] = this.#emissions.values();
    if (last !== undefined && Array.isArray(last)) return;
    this.#only = last as Flow | undefined;
    this.#emissions = undefined;
  }

  *#all(): Iterable<Flow> {
    if (this.#only !== undefined) yield this.#only;
    else for (const emissions of this.#emissions?.values() ?? []) yield* list(emissions);
  }
}

const list = (emissions: Emissions): readonly Flow[] =>
  Array.isArray(emissions) ? (emissions as readonly Flow[]) : [emissions as Flow];

function least(flows: Iterable<Flow>, of: (flow: Flow) => string | undefined): string | undefined {
  let result: string | undefined;
  for (const flow of flows) {
    const value = of(flow);
    if (value !== undefined && (result === undefined || value < result)) result = value;
  }
  return result;
}

/** What makes two flows the same row, apart from their datapaths. */
type FlowContent = Pick<Flow, 'stage' | 'priority' | 'match' | 'actions'>;
interface Content extends FlowContent {
  readonly meter: string | undefined;
}

/** The flows of one stage and priority by match: nearly always one. The match is the key itself, so that no copy of the text is kept. */
type Place = Map<string, LogicalFlow | LogicalFlow[]>;

const placeOf = ({ stage, priority }: FlowContent): number => stage.id * 0x10000 + priority;
const same = (flow: LogicalFlow, { actions }: FlowContent, meter: string | undefined): boolean =>
  flow.actions === actions && flow.meter === meter;

export class FlowTable {
  readonly hashes = new DatapathHashes();
  readonly #places = new Map<number, Place>();
  #size = 0;
  #changed = new Set<LogicalFlow>();

  /** The number of wanted rows, and of those that the writer still has to delete. */
  get size(): number {
    return this.#size;
  }

  /** The number of stages and priorities that have a place of their own. */
  get places(): number {
    return this.#places.size;
  }

  /** Wanted flows. */
  *[Symbol.iterator](): Iterator<LogicalFlow> {
    for (const place of this.#places.values()) {
      for (const flows of place.values()) for (const flow of [flows].flat()) if (flow.wanted) yield flow;
    }
  }

  /** The sink of the derivations. */
  replace(next: readonly Flow[] | undefined, previous: readonly Flow[] | undefined): void {
    for (const flow of next ?? []) {
      const entry = this.#entryFor(flow, flow.options.meter);
      entry.add(flow);
      this.#changed.add(entry);
    }
    for (const flow of previous ?? []) {
      const entry = this.#find(flow, flow.options.meter);
      if (entry === undefined) continue;
      entry.remove(flow);
      this.#changed.add(entry);
    }
  }

  /** The flow with this content, made if it is not there: a row that is in SB and that nobody wants has an entry too, until it is deleted. */
  entry(content: Content): LogicalFlow {
    return this.#entryFor(content, content.meter);
  }

  #entryFor(content: FlowContent, meter: string | undefined): LogicalFlow {
    const known = this.#find(content, meter);
    if (known !== undefined) return known;
    const flow = new LogicalFlow(content, meter, this.hashes);
    const number = placeOf(content);
    let place = this.#places.get(number);
    if (place === undefined) {
      place = new Map();
      this.#places.set(number, place);
    }
    const others = place.get(content.match);
    place.set(content.match, others === undefined ? flow : [others, flow].flat());
    this.#size++;
    return flow;
  }

  #find(content: FlowContent, meter: string | undefined): LogicalFlow | undefined {
    const flows = this.#places.get(placeOf(content))?.get(content.match);
    if (Array.isArray(flows)) return flows.find((flow) => same(flow, content, meter));
    return flows !== undefined && same(flows, content, meter) ? flows : undefined;
  }

  /** Asks that the writer looks at this flow again. */
  touch(flow: LogicalFlow): void {
    this.#changed.add(flow);
  }

  /** Whether {@link takeChanged} would return anything. */
  get hasChanged(): boolean {
    return this.#changed.size > 0;
  }

  /** The flows that may have changed since the last call. */
  takeChanged(): ReadonlySet<LogicalFlow> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** Drops an entry that nobody wants and that is in no row. */
  forget(flow: LogicalFlow): void {
    const place = this.#places.get(placeOf(flow));
    const flows = place?.get(flow.match);
    if (flow.wanted || place === undefined || flows === undefined) return;
    const rest = [flows].flat().filter((other) => other !== flow);
    if (rest.length === [flows].flat().length) return;
    this.#size--;
    if (rest.length === 0) {
      place.delete(flow.match);
      if (place.size === 0) this.#places.delete(placeOf(flow));
    } else place.set(flow.match, rest.length === 1 ? (rest[0] as LogicalFlow) : rest);
  }
}
