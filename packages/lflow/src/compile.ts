/**
 * The compiler of logical flows: texts of the southbound database's Logical_Flow table to OpenFlow. What a text depends on (ports, sets, groups, ids) it
 * asks for through functions that the caller passes, and it asks for nothing that the text does not name; so a caller who tracks its own reads knows the
 * dependencies of every result.
 */
import { ActionList } from '@weft/openflow/action-list';
import type { ParsedActions } from './action-ast.ts';
import type { ActionContext, GroupSpec, MeterSpec } from './action-context.ts';
import { type ActionTemplate, learnActions } from './action-shapes.ts';
import type { Expression } from './ast.ts';
import type { OptionDefinition } from './dhcp-options.ts';
import { encodeActions } from './encode-actions.ts';
import { type Cost, costs, inDatapath, type MatchFlow, type MatchFlows, toFlows } from './flows.ts';
import { type Doubt, LflowError } from './lexer.ts';
import { Literals } from './literals.ts';
import { type CompileTree, learnMatch, type MatchTemplate } from './match-shapes.ts';
import { type MatchLookups, Normalizer } from './normalize.ts';
import { parseActions } from './parse-actions.ts';
import { parseMatch } from './parse-match.ts';
import { RecentMap } from './recent-map.ts';
import { Shapes } from './shapes.ts';
import { createSymbols, type SymbolTable } from './symbols.ts';
import { expandTemplate, unexpandedOffset } from './template.ts';

export type { ActionContext, Cost, GroupSpec, MatchFlow, MatchFlows, MatchLookups, MeterSpec };

/** What a match asks its caller. */
export interface MatchContext extends MatchLookups {
  /** The text of `^name`. No variable has one if left out. */
  readonly lookupTemplate?: (name: string) => string | undefined;
  /** A match expression that must hold too: the prerequisites of the flow's actions. */
  readonly prerequisites?: string;
  /** The datapath that the flows are for, which their matches then say. */
  readonly datapath?: { readonly tunnelKey: number };
}

/** A text that is no match or no actions. `offset` counts UTF-16 units from the text's start. */
export interface CompileError {
  readonly error: string;
  readonly offset: number;
}

export interface CompiledActions {
  /** Empty: drop. */
  readonly actions: ActionList;
  /** A match expression that the logical flow's match must be joined with (`MatchContext.prerequisites`), or ''. */
  readonly prerequisites: string;
}

/** What is known of a match's text: its tree, or the flows with some prerequisites, which depend on nothing. One of the two, to be small. */
interface KnownMatch {
  parsed: Expression | CompileError | undefined;
  flows: MatchFlows | undefined;
  prerequisites: string;
}

/** What is known of actions' text: its trees, or what they become in some place, which depends on nothing. */
interface KnownActions {
  parsed: ParsedActions | CompileError | undefined;
  compiled: CompiledActions | undefined;
  /** See `placeOf`. */
  place: number;
  meter: number | undefined;
  /** What they become in further places: `next;` is everywhere. */
  more: Map<number, CompiledActions> | undefined;
}

/** A number for what the result depends on beside the answers of the context's functions and the meter. */
function placeOf({ pipeline, table, datapath }: ActionContext): number {
  return 4 * table + (pipeline === 'egress' ? 2 : 0) + (datapath.type === 'router' ? 1 : 0);
}

/** The same where the meter counts too. */
function circumstances(context: ActionContext): number {
  const { controllerMeter: meter } = context;
  return placeOf(context) + (meter === undefined ? 0 : 1024 * (meter + 1));
}

/**
 * Texts of a generation of a cache: more than a large network has logical flows, since a generation just short of them would age between two passes over
 * them.
 */
const generationSize = 250_000;
/** Prerequisites that shapes are learned for, and circumstances of actions; northd's have some dozens. */
const shapesLimit = 1000;

/** A compiler and its caches. One serves a whole program; two are independent of each other. */
export class Compiler {
  readonly symbols: SymbolTable = createSymbols();
  /** How many results were made from templates. */
  made = 0;
  readonly #normalizer = new Normalizer(this.symbols);
  /** Of texts without shapes. */
  readonly #matches = new RecentMap<string, KnownMatch>(generationSize);
  readonly #actions = new RecentMap<string, KnownActions>(generationSize);
  readonly #literals = new Literals();
  /** By prerequisites. */
  readonly #matchShapes = new Map<string, Shapes<MatchTemplate>>();
  /** By circumstances. */
  readonly #actionShapes = new Map<number, Shapes<ActionTemplate>>();

  /** The syntax tree of a match. */
  parseMatch(text: string): Expression | CompileError {
    return withoutDoubts(this.#match(text).parsed ?? attempt(() => parseMatch(text, this.symbols)));
  }

  /** The syntax trees of actions. */
  parseActions(text: string): ParsedActions | CompileError {
    return withoutDoubts(this.#action(text).parsed ?? attempt(() => parseActions(text, this.symbols)));
  }

  /** Compiles a match to the flows that select its packets. The caller adds table, priority, datapath and ids of conjunctions. */
  compileMatch(text: string, context: MatchContext): MatchFlows | CompileError {
    if (!text.includes('^')) return this.#compileMatch(text, context);
    return expanded(text, context.lookupTemplate, (whole) => this.#compileMatch(whole, context));
  }

  #compileMatch(text: string, context: MatchContext): MatchFlows | CompileError {
    const prerequisites = context.prerequisites ?? '';
    const literals = this.#literals;
    literals.scan(text);
    if (literals.count === 0) return this.#compileOneMatch(text, prerequisites, context);
    const shapes = shapesOf(this.#matchShapes, prerequisites);
    const made = shapes?.template(text, literals)?.make(text, literals, context);
    if (made !== undefined) {
      this.made++;
      return made;
    }
    const result = this.#compileOneMatch(text, prerequisites, context);
    if (!('error' in result)) {
      shapes?.learn(text, literals, () =>
        experimentally(() => {
          const compile: CompileTree = (tree, lookups) =>
            toFlows(this.#normalizer.normalizeWith(tree, prerequisites, lookups));
          return learnMatch(text, literals, parseMatch(text, this.symbols), compile);
        }),
      );
    }
    return result;
  }

  /** Compiles a match whose shape tells nothing. */
  #compileOneMatch(text: string, prerequisites: string, context: MatchContext): MatchFlows | CompileError {
    const flows = this.#compileAnywhere(text, prerequisites, context);
    return 'error' in flows || context.datapath === undefined ? flows : inDatapath(flows, context.datapath.tunnelKey);
  }

  /** The same for any datapath. */
  #compileAnywhere(text: string, prerequisites: string, context: MatchContext): MatchFlows | CompileError {
    const known = this.#match(text);
    if (known.flows !== undefined && known.prerequisites === prerequisites) return known.flows;
    const parsed = known.parsed ?? attempt(() => parseMatch(text, this.symbols));
    if ('error' in parsed) return firstComplaint(parsed, context);
    const tracked = new TrackedMatch(context);
    const result = this.compileTree(parsed, prerequisites, tracked);
    if (!tracked.asked && !('error' in result)) {
      known.flows = result;
      known.prerequisites = prerequisites;
      known.parsed = undefined;
    }
    return result;
  }

  /** Says what each alternative of a match costs in flows, and why. */
  explainMatch(text: string, context: MatchContext): readonly Cost[] | CompileError {
    return expanded(text, context.lookupTemplate, (whole): readonly Cost[] | CompileError => {
      const parsed = this.#match(whole).parsed ?? attempt(() => parseMatch(whole, this.symbols));
      if ('error' in parsed) return firstComplaint(parsed, context);
      return attempt(() => costs(this.#normalizer.normalizeWith(parsed, context.prerequisites ?? '', context)));
    });
  }

  /** Compiles actions. */
  compileActions(text: string, context: ActionContext): CompiledActions | CompileError {
    if (!text.includes('^')) return this.#compileActions(text, context);
    return expanded(text, context.lookupTemplate, (whole) => this.#compileActions(whole, context));
  }

  #compileActions(text: string, context: ActionContext): CompiledActions | CompileError {
    const literals = this.#literals;
    literals.scan(text);
    if (literals.count === 0) return this.#compileOneActions(text, context);
    const shapes = shapesOf(this.#actionShapes, circumstances(context));
    const template = shapes?.template(text, literals);
    const actions = template?.make(text, literals, context.lookupPort);
    if (actions !== undefined) {
      this.made++;
      return { actions, prerequisites: template?.prerequisites ?? '' };
    }
    const result = this.#compileOneActions(text, context);
    if (!('error' in result)) {
      shapes?.learn(text, literals, () =>
        experimentally(() => learnActions(text, literals, parseActions(text, this.symbols), context)),
      );
    }
    return result;
  }

  /** Compiles actions whose shape tells nothing. */
  #compileOneActions(text: string, context: ActionContext): CompiledActions | CompileError {
    const known = this.#action(text);
    const place = placeOf(context);
    if (known.meter === context.controllerMeter) {
      const before = known.place === place ? known.compiled : known.more?.get(place);
      if (before !== undefined) return before;
    }
    const parsed = known.parsed ?? attempt(() => parseActions(text, this.symbols));
    if ('error' in parsed) return firstComplaint(parsed, context);
    const tracked = new TrackedActions(context);
    const result = attempt(
      (): CompiledActions => ({
        actions: ActionList.of(encodeActions(parsed.actions, tracked)),
        prerequisites: parsed.prerequisites,
      }),
    );
    if (!tracked.asked && !('error' in result)) keep(known, place, context.controllerMeter, result);
    return result;
  }

  /** The flows of a syntax tree. */
  compileTree(expression: Expression, prerequisites: string, lookups: MatchLookups): MatchFlows | CompileError {
    return attempt(() => toFlows(this.#normalizer.normalizeWith(expression, prerequisites, lookups)));
  }

  #match(text: string): KnownMatch {
    let known = this.#matches.get(text);
    if (known === undefined) {
      known = { parsed: attempt(() => parseMatch(text, this.symbols)), flows: undefined, prerequisites: '' };
      this.#matches.set(text, known);
    }
    return known;
  }

  #action(text: string): KnownActions {
    let known = this.#actions.get(text);
    if (known === undefined) {
      const parsed = attempt(() => parseActions(text, this.symbols));
      known = { parsed, compiled: undefined, place: -1, meter: undefined, more: undefined };
      this.#actions.set(text, known);
    }
    return known;
  }
}

/** The shapes under some circumstances; undefined if there are too many circumstances. */
function shapesOf<K, Template>(all: Map<K, Shapes<Template>>, key: K): Shapes<Template> | undefined {
  let shapes = all.get(key);
  if (shapes === undefined && all.size < shapesLimit) {
    shapes = new Shapes();
    all.set(key, shapes);
  }
  return shapes;
}

function keep(known: KnownActions, place: number, meter: number | undefined, result: CompiledActions): void {
  if (known.compiled === undefined || known.meter !== meter) {
    known.compiled = result;
    known.place = place;
    known.meter = meter;
    known.more = undefined;
    known.parsed = undefined;
  } else {
    known.more ??= new Map();
    known.more.set(place, result);
  }
}

/** What becomes of a text when its template variables are replaced; a complaint's place is in the text as it was written. */
function expanded<T extends object>(
  text: string,
  lookup: MatchContext['lookupTemplate'] = () => undefined,
  compile: (whole: string) => T | CompileError,
): T | CompileError {
  const result = compile(expandTemplate(text, lookup));
  if (!('error' in result)) return result;
  return { error: result.error, offset: unexpandedOffset(text, lookup, result.offset) };
}

/** A parser's complaint, with the doubts that stand before it. */
interface Failure extends CompileError {
  readonly doubts?: LflowError['doubts'];
}

function withoutDoubts<T extends object>(result: T | Failure): T | CompileError {
  return 'error' in result ? { error: result.error, offset: result.offset } : result;
}

/** A parser's complaint, or the first of the doubts before it that comes true. */
function firstComplaint<Lookups>({ error, offset, doubts }: Failure, lookups: Lookups): CompileError {
  for (const doubt of (doubts ?? []) as readonly Doubt<Lookups>[]) {
    const complaint = doubt(lookups);
    if (complaint !== undefined) return { error: complaint.message, offset: complaint.offset };
  }
  return { error, offset };
}

/** Passes questions on and remembers that there was one: a result without questions is true for ever. */
class TrackedMatch implements MatchLookups {
  readonly #context: MatchLookups;
  asked = false;

  constructor(context: MatchLookups) {
    this.#context = context;
  }

  lookupPort(name: string): number | undefined {
    this.asked = true;
    return this.#context.lookupPort(name);
  }

  lookupAddressSet(name: string): Iterable<string> | undefined {
    this.asked = true;
    return this.#context.lookupAddressSet(name);
  }

  lookupPortGroup(name: string): Iterable<string> | undefined {
    this.asked = true;
    return this.#context.lookupPortGroup(name);
  }

  isChassisResident(port: string): boolean {
    this.asked = true;
    return this.#context.isChassisResident(port);
  }
}

/** As TrackedMatch. */
class TrackedActions implements ActionContext {
  readonly #context: ActionContext;
  readonly pipeline: ActionContext['pipeline'];
  readonly table: number;
  readonly controllerMeter: number | undefined;
  asked = false;

  constructor(context: ActionContext) {
    this.#context = context;
    this.pipeline = context.pipeline;
    this.table = context.table;
    this.controllerMeter = context.controllerMeter;
  }

  /** The datapath's type is part of the place; its key and the cookie are read by `sample`, which asks for collector sets before. */
  get datapath(): ActionContext['datapath'] {
    return this.#context.datapath;
  }

  get cookie(): number {
    return this.#context.cookie;
  }

  lookupPort(name: string): number | undefined {
    this.asked = true;
    return this.#context.lookupPort(name);
  }

  lookupTunnel(port: string): number | undefined {
    this.asked = true;
    return this.#context.lookupTunnel(port);
  }

  allocateGroup(group: GroupSpec): number {
    this.asked = true;
    return this.#context.allocateGroup(group);
  }

  allocateMeter(meter: MeterSpec): number | undefined {
    this.asked = true;
    return this.#context.allocateMeter(meter);
  }

  lookupDhcpv4Option(name: string): OptionDefinition | undefined {
    this.asked = true;
    return this.#context.lookupDhcpv4Option(name);
  }

  lookupDhcpv6Option(name: string): OptionDefinition | undefined {
    this.asked = true;
    return this.#context.lookupDhcpv6Option(name);
  }

  hasCollectorSet(id: number): boolean {
    this.asked = true;
    return this.#context.hasCollectorSet(id);
  }
}

/** What an experiment finds; nothing if there is a complaint. */
function experimentally<T extends object>(run: () => T | undefined): T | undefined {
  const result = attempt(run);
  return result !== undefined && 'error' in result ? undefined : result;
}

/** Runs a parser or an encoder; its complaint becomes a value. */
function attempt<T>(run: () => T): T | Failure {
  try {
    return run();
  } catch (error) {
    if (error instanceof LflowError) {
      const { message, offset, doubts } = error;
      return doubts === undefined || doubts.length === 0
        ? { error: message, offset }
        : { error: message, offset, doubts };
    }
    // The switch's encoding cannot hold it: userdata of more than 64 kB, for one.
    if (error instanceof RangeError) return { error: error.message, offset: 0 };
    throw error;
  }
}
