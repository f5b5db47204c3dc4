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
import { encodeActions } from './encode-actions.ts';
import { type Cost, costs, type MatchFlow, type MatchFlows, toFlows } from './flows.ts';
import { type Doubt, LflowError } from './lexer.ts';
import { type Form, Literals } from './literals.ts';
import { type CompileTree, learnMatch, type MatchTemplate } from './match-shapes.ts';
import { type MatchLookups, Normalizer } from './normalize.ts';
import { parseActions } from './parse-actions.ts';
import { parseMatch } from './parse-match.ts';
import { ActionNotes, answersAgain, MatchNotes, type Question } from './questions.ts';
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

/** What is known of a match's text: its tree, and the flows that it became last. */
interface KnownMatch {
  readonly parsed: Expression | Failure;
  readonly last?: {
    readonly flows: MatchFlows;
    readonly prerequisites: string;
    readonly datapath: number | undefined;
    readonly questions: readonly Question<MatchLookups>[];
  };
}

/** The same of actions' text. */
interface KnownActions {
  readonly parsed: ParsedActions | Failure;
  readonly last?: {
    readonly compiled: CompiledActions;
    /** See `circumstancesOf`. */
    readonly circumstances: number;
    readonly questions: readonly Question<ActionContext>[];
  };
}

/** A number for what the result depends on beside the answers of the context's functions. */
function circumstancesOf({ pipeline, table, datapath, controllerMeter: meter }: ActionContext): number {
  const place = 4 * table + (pipeline === 'egress' ? 2 : 0) + (datapath.type === 'router' ? 1 : 0);
  return place + (meter === undefined ? 0 : 1024 * (meter + 1));
}

/**
 * Texts, and flows of texts, of a generation of a cache: more than a large network has logical flows, since a generation just short of them would age
 * between two passes over them.
 */
const generationSize = 250_000;
/** A generation of a small network. */
const leastGenerationSize = 10_000;
/** Of how many prerequisites, and circumstances of actions, a generation remembers shapes; northd's have some dozens, unless meters come and go. */
const shapesGeneration = 500;

/** A compiler and its caches. One serves a whole program; two are independent of each other. */
export class Compiler {
  readonly symbols: SymbolTable = createSymbols();
  /** How many results were made from templates. */
  made = 0;
  readonly #normalizer = new Normalizer(this.symbols);
  /** Of texts without shapes. */
  readonly #matches: RecentMap<string, KnownMatch>;
  readonly #actions: RecentMap<string, KnownActions>;
  readonly #literals = new Literals();
  /** By prerequisites. */
  readonly #matchShapes = new RecentMap<string, Shapes<MatchTemplate>>(() => shapesGeneration);
  /** By circumstances. */
  readonly #actionShapes = new RecentMap<number, Shapes<ActionTemplate>>(() => shapesGeneration);

  /**
   * @param inUse how many texts there are, and flows of them, at the moment. Of a network whose texts are ever new ones, those that are gone would otherwise
   * be kept until they are as many as those of the largest.
   */
  constructor(inUse: () => number = () => generationSize) {
    const size = (): number => Math.min(generationSize, leastGenerationSize + 2 * inUse());
    this.#matches = new RecentMap(size, ({ last }) => 1 + (last?.flows.flows.length ?? 0));
    this.#actions = new RecentMap(size);
  }

  /** How many texts are kept, and how many shapes of texts. */
  get cached(): { readonly matches: number; readonly actions: number; readonly shapes: number } {
    let shapes = 0;
    for (const all of [this.#matchShapes, this.#actionShapes]) for (const one of all.values()) shapes += one.size;
    return { matches: this.#matches.size, actions: this.#actions.size, shapes };
  }

  /** Forgets what was found out about texts. Nothing that it compiles changes by it. */
  flush(): void {
    this.#matches.clear();
    this.#actions.clear();
    this.#matchShapes.clear();
    this.#actionShapes.clear();
  }

  /** The syntax tree of a match. */
  parseMatch(text: string): Expression | CompileError {
    return withoutDoubts(this.#match(text).parsed);
  }

  /** The syntax trees of actions. */
  parseActions(text: string): ParsedActions | CompileError {
    return withoutDoubts(this.#action(text).parsed);
  }

  /** Compiles a match to the flows that select its packets. The caller adds table, priority and ids of conjunctions. */
  compileMatch(text: string, context: MatchContext): MatchFlows | CompileError {
    const made = this.#makeMatch(text, context);
    if (made !== undefined) return made;
    if (!text.includes('^')) return this.#compileMatch(text, context);
    return expanded(
      text,
      context.lookupTemplate,
      (whole) => this.#makeMatch(whole, context) ?? this.#compileMatch(whole, context),
    );
  }

  /** The flows of a match whose shape is known. */
  #makeMatch(text: string, context: MatchContext): MatchFlows | undefined {
    const literals = this.#literals;
    const shapes = shapesOf(this.#matchShapes, context.prerequisites ?? '');
    const made = shapes.template(text, literals)?.make(text, literals, context);
    if (made !== undefined) this.made++;
    return made;
  }

  #compileMatch(text: string, context: MatchContext): MatchFlows | CompileError {
    const prerequisites = context.prerequisites ?? '';
    const result = this.#compileOneMatch(text, prerequisites, context);
    if ('error' in result) return result;
    shapesOf(this.#matchShapes, prerequisites).learn(text, this.#literals, () =>
      experimentally(() => {
        const compile: CompileTree = (tree, lookups) =>
          toFlows(this.#normalizer.normalizeWith(tree, prerequisites, lookups));
        const { parsed } = this.#match(text);
        return 'error' in parsed ? undefined : learnMatch(text, this.#literals, parsed, compile);
      }),
    );
    return result;
  }

  /** Compiles a match whose shape tells nothing. */
  #compileOneMatch(text: string, prerequisites: string, context: MatchContext): MatchFlows | CompileError {
    const { parsed, last } = this.#match(text);
    const datapath = context.datapath?.tunnelKey;
    if (last !== undefined && last.prerequisites === prerequisites && last.datapath === datapath) {
      if (answersAgain(last.questions, context)) return last.flows;
    }
    if ('error' in parsed) return firstComplaint(parsed, context);
    const notes = new MatchNotes(context);
    const result = attempt(() => toFlows(this.#normalizer.normalizeWith(parsed, prerequisites, notes), datapath));
    if ('error' in result) return result;
    const { questions } = notes;
    this.#matches.set(text, { parsed, last: { flows: result, prerequisites, datapath, questions } });
    return result;
  }

  /** Says what each alternative of a match costs in flows, and why. */
  explainMatch(text: string, context: MatchContext): readonly Cost[] | CompileError {
    return expanded(text, context.lookupTemplate, (whole): readonly Cost[] | CompileError => {
      const { parsed } = this.#match(whole);
      if ('error' in parsed) return firstComplaint(parsed, context);
      return attempt(() => costs(this.#normalizer.normalizeWith(parsed, context.prerequisites ?? '', context)));
    });
  }

  /** Compiles actions. */
  compileActions(text: string, context: ActionContext): CompiledActions | CompileError {
    const made = this.#makeActions(text, context);
    if (made !== undefined) return made;
    if (!text.includes('^')) return this.#compileActions(text, context);
    return expanded(
      text,
      context.lookupTemplate,
      (whole) => this.#makeActions(whole, context) ?? this.#compileActions(whole, context),
    );
  }

  /** What actions become whose shape is known. */
  #makeActions(text: string, context: ActionContext): CompiledActions | undefined {
    const literals = this.#literals;
    const shapes = shapesOf(this.#actionShapes, circumstancesOf(context));
    const made = shapes.template(text, literals)?.make(text, literals, context);
    if (made !== undefined) this.made++;
    return made;
  }

  #compileActions(text: string, context: ActionContext): CompiledActions | CompileError {
    const result = this.#compileOneActions(text, context);
    if ('error' in result) return result;
    shapesOf(this.#actionShapes, circumstancesOf(context)).learn(text, this.#literals, () =>
      experimentally(() => {
        const parse = (other: string): ParsedActions => parseActions(other, this.symbols);
        const { parsed } = this.#action(text);
        return 'error' in parsed ? undefined : learnActions(text, this.#literals, parsed, parse, context);
      }),
    );
    return result;
  }

  /** Compiles actions whose shape tells nothing. */
  #compileOneActions(text: string, context: ActionContext): CompiledActions | CompileError {
    const { parsed, last } = this.#action(text);
    const circumstances = circumstancesOf(context);
    if (last !== undefined && last.circumstances === circumstances) {
      if (answersAgain(last.questions, context)) return last.compiled;
    }
    if ('error' in parsed) return firstComplaint(parsed, context);
    const notes = new ActionNotes(context);
    const result = attempt(
      (): CompiledActions => ({
        actions: ActionList.of(encodeActions(parsed.actions, notes)),
        prerequisites: parsed.prerequisites,
      }),
    );
    if ('error' in result) return result;
    const { questions } = notes;
    this.#actions.set(text, { parsed, last: { compiled: result, circumstances, questions } });
    return result;
  }

  /** The flows of a syntax tree. */
  compileTree(expression: Expression, prerequisites: string, context: MatchContext): MatchFlows | CompileError {
    const { datapath } = context;
    return attempt(() =>
      toFlows(this.#normalizer.normalizeWith(expression, prerequisites, context), datapath?.tunnelKey),
    );
  }

  #match(text: string): KnownMatch {
    let known = this.#matches.get(text);
    if (known === undefined) {
      known = { parsed: attempt(() => parseMatch(text, this.symbols)) };
      this.#matches.set(text, known);
    }
    return known;
  }

  #action(text: string): KnownActions {
    let known = this.#actions.get(text);
    if (known === undefined) {
      known = { parsed: attempt(() => parseActions(text, this.symbols)) };
      this.#actions.set(text, known);
    }
    return known;
  }
}

/** The shapes under some circumstances. */
function shapesOf<K extends string | number, Template extends { readonly form: Form }>(
  all: RecentMap<K, Shapes<Template>>,
  key: K,
): Shapes<Template> {
  let shapes = all.get(key);
  if (shapes === undefined) {
    shapes = new Shapes();
    all.set(key, shapes);
  }
  return shapes;
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
