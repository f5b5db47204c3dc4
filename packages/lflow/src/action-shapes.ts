/**
 * Templates of actions (see `shapes.ts`).
 *
 * A literal is a hole if it is what an assignment assigns, or an address anywhere else, and if the encoder copies all of its bits to the encoding. Neither
 * the parser nor the encoder looks at an assigned value but to see whether it fits the field, or at an address but to see that it is one (0 may stand
 * for none), so any other goes the same way.
 */
import { ActionList, actionsWire } from '@weft/openflow/action-list';
import { type Wire, Writer } from '@weft/openflow/buffer';
import type { LflowAction, ParsedActions } from './action-ast.ts';
import type { ActionContext } from './action-context.ts';
import type { Constant } from './ast.ts';
import type { CompiledActions } from './compile.ts';
import type { OptionDefinition } from './dhcp-options.ts';
import { encodeActions } from './encode-actions.ts';
import { type Form, LiteralKind, Literals, largest } from './literals.ts';
import { formatNumber, type NumberFormat, narrow } from './number.ts';
import { type Hole, holesOf, type Inversion, Pattern } from './pattern.ts';
import { answersAgain, type Question } from './questions.ts';
import { exceed, type Limit } from './shapes.ts';
import { onesOf } from './terms.ts';

type Parse = (text: string) => ParsedActions;
type Load = LflowAction & { readonly kind: 'load' };

/** What a template knows of its literals and its caller. */
interface Known {
  readonly ports: readonly number[];
  readonly limits: readonly Limit[];
  readonly questions: readonly Question<ActionContext>[];
}

const scratch = new Writer();

/** What the texts of a form become. */
export class ActionTemplate {
  readonly form: Form;
  readonly #pattern: Pattern;
  readonly #prerequisites: string;
  /** Literals that are names of ports. */
  readonly #ports: readonly number[];
  readonly #limits: readonly Limit[];
  /** What it was told when it was learned, and is true of those answers only. */
  readonly #questions: readonly Question<ActionContext>[];
  /** What they become if there are no literals. */
  readonly #constant: CompiledActions | undefined;

  constructor(form: Form, pattern: Pattern, prerequisites: string, { ports, limits, questions }: Known) {
    this.form = form;
    this.#pattern = pattern;
    this.#prerequisites = prerequisites;
    this.#ports = ports;
    this.#limits = limits;
    this.#questions = questions;
    if (form.kinds.length === 0) this.#constant = this.#fill(new Literals());
  }

  /** What a text becomes whose literals these are; undefined if it is one that must be compiled. */
  make(text: string, literals: Literals, context: ActionContext): CompiledActions | undefined {
    if (!answersAgain(this.#questions, context)) return undefined;
    if (this.#constant !== undefined) return this.#constant;
    if (exceed(literals, this.#limits)) return undefined;
    for (const port of this.#ports) {
      const name = literals.string(text, port);
      // What the encoder writes for a port that does not exist.
      literals.resolve(port, name === '' ? 0 : (context.lookupPort(name) ?? 0));
    }
    return this.#fill(literals);
  }

  #fill(literals: Literals): CompiledActions {
    scratch.pos = 0;
    this.#pattern.put(scratch, literals);
    return { actions: new ActionList(scratch.wire()), prerequisites: this.#prerequisites };
  }
}

/** Learns the template of actions whose literals these are, if they have one. Of the caller it asks for options; ports have numbers of its own. */
export function learnActions(
  text: string,
  literals: Literals,
  { actions, prerequisites }: ParsedActions,
  parse: Parse,
  context: ActionContext,
): ActionTemplate | undefined {
  const experiment = new Experiment(context, actions);
  const { wire, questions } = experiment;
  const asked = experiment.ports;
  const loads = loadsOf(actions);
  const free: number[] = [];
  const holes: Hole[] = [];
  const ports: number[] = [];
  const limits: Limit[] = [];
  for (let i = 0; i < literals.count; i++) {
    const literal = free.length;
    const kind = literals.kinds[i]!;
    const load = loads.find(({ value }) => value.offset === literals.starts[i]);
    const bits = load?.dst.bits ?? largest(kind);
    const inverse = load === undefined ? inverted(text, literals, i) : undefined;
    const found = load
      ? experiment.holes(load, literal)
      : inverse && experiment.holesOfAddress(inverse, literal, parse);
    if (found === undefined) continue;
    free.push(i);
    holes.push(...found);
    if (kind === LiteralKind.string) ports.push(literal);
    else if (load === undefined) limits.push({ literal, bits, nonzero: true });
    else if (bits < largest(kind)) limits.push({ literal, bits });
  }
  // The actions have made-up numbers for ports in them, which must all be replaced.
  if (experiment.asked || ports.length !== asked) return undefined;
  const known = { ports, limits, questions };
  return new ActionTemplate(literals.form(text, free), new Pattern(wire, holes), prerequisites, known);
}

/** A text with an address in it, and that with all the address's bits inverted. */
interface Inverse {
  readonly text: string;
  readonly value: bigint;
  readonly bits: number;
}

/** The text with the inverse of a literal in its place; undefined if it is no address. */
function inverted(text: string, literals: Literals, i: number): Inverse | undefined {
  const kind = literals.kinds[i]!;
  const format = formats[kind];
  const bits = largest(kind);
  const value = format === undefined ? 0n : literals.value(i);
  if (format === undefined || value === 0n) return undefined;
  const other = formatNumber(narrow(onesOf(bits) ^ value), format);
  return { text: text.slice(0, literals.starts[i]) + other + text.slice(literals.ends[i]), value, bits };
}

/** How addresses are written, by kind of literal. */
const formats: readonly (NumberFormat | undefined)[] = [undefined, undefined, 'ipv4', 'ethernet', 'ipv6'];

/** Encodes actions with other constants in them, for a place like another but that it answers questions itself. */
class Experiment implements ActionContext {
  readonly pipeline: ActionContext['pipeline'];
  readonly table: number;
  readonly datapath: ActionContext['datapath'];
  readonly cookie: number;
  readonly controllerMeter: number | undefined;
  /** Whether the actions ask for anything but ports. */
  asked = false;
  /** How often they asked for a port. */
  ports = 0;
  readonly #numbers = new Map<string, number>();
  readonly #actions: readonly LflowAction[];
  readonly #context: ActionContext;
  /** The encoding of the actions as they are. */
  readonly wire: Wire;
  /** What was asked for that. */
  readonly questions: readonly Question<ActionContext>[];
  #asking: Question<ActionContext>[] = [];

  constructor(context: ActionContext, actions: readonly LflowAction[]) {
    const { pipeline, table, datapath, cookie, controllerMeter } = context;
    this.#context = context;
    this.pipeline = pipeline;
    this.table = table;
    this.datapath = datapath;
    this.cookie = cookie;
    this.controllerMeter = controllerMeter;
    this.#actions = actions;
    this.wire = this.#encode(actions);
    this.questions = this.#asking;
    this.#asking = [];
  }

  lookupPort(name: string): number {
    this.ports++;
    let number = this.#numbers.get(name);
    if (number === undefined) {
      number = 0x1000 + this.#numbers.size;
      this.#numbers.set(name, number);
    }
    return number;
  }

  #ask(): undefined {
    this.asked = true;
  }

  lookupTunnel(): undefined {
    this.#ask();
  }

  allocateGroup(): number {
    this.#ask();
    return 0;
  }

  allocateMeter(): undefined {
    this.#ask();
  }

  // The names of options are no literals: texts of one form ask for the same.
  lookupDhcpv4Option(name: string): OptionDefinition | undefined {
    return this.#askAgain((context) => context.lookupDhcpv4Option(name));
  }

  lookupDhcpv6Option(name: string): OptionDefinition | undefined {
    return this.#askAgain((context) => context.lookupDhcpv6Option(name));
  }

  #askAgain<T>(ask: (context: ActionContext) => T): T {
    const answer = ask(this.#context);
    this.#asking.push({ ask, answer });
    return answer;
  }

  hasCollectorSet(): boolean {
    this.#ask();
    return false;
  }

  /** Where what an assignment assigns is in the encoding; undefined if it is no hole. */
  holes(load: Load, literal: number): readonly Hole[] | undefined {
    const { value: constant, dst } = load;
    const { bits } = dst;
    const ones = onesOf(bits);
    const isString = constant.kind === 'string';
    if ((constant.kind !== 'integer' && !isString) || (constant.kind === 'integer' && constant.mask !== undefined))
      return undefined;
    const value = BigInt(isString ? this.lookupPort(constant.value) : constant.value);
    if (value > ones) return undefined;
    const inverted = ones ^ value;
    const invertedPort = `${isString ? constant.value : ''}\n`;
    if (isString) this.#numbers.set(invertedPort, Number(inverted));
    const inverse: Constant = isString
      ? { ...constant, value: invertedPort }
      : { ...constant, value: narrow(inverted) };
    const other = this.#encode(replaceAll(this.#actions, load, { ...load, value: inverse }));
    return this.#differences(other, { literal, value, mask: ones, bits });
  }

  /** Where an address that is assigned to nothing is in the encoding; undefined if it is no hole. */
  holesOfAddress({ text, value, bits }: Inverse, literal: number, parse: Parse): readonly Hole[] | undefined {
    const other = this.#encode(parse(text).actions);
    return this.#differences(other, { literal, value, mask: onesOf(bits), bits });
  }

  /** The holes that explain how another encoding differs; undefined if there are none: what is nowhere counts for something else. */
  #differences(other: Wire, inversion: Inversion): readonly Hole[] | undefined {
    const holes = holesOf(this.wire, other, inversion);
    return holes?.length === 0 ? undefined : holes;
  }

  #encode(actions: readonly LflowAction[]): Wire {
    return actionsWire(encodeActions(actions, this));
  }
}

function loadsOf(actions: readonly LflowAction[]): readonly Load[] {
  return actions.flatMap((action) =>
    action.kind === 'load' ? [action] : 'actions' in action ? loadsOf(action.actions) : [],
  );
}

/** The actions with another assignment in the place of one. */
function replaceAll(actions: readonly LflowAction[], old: Load, next: Load): readonly LflowAction[] {
  return actions.map((action) => {
    if (action === old) return next;
    return 'actions' in action ? { ...action, actions: replaceAll(action.actions, old, next) } : action;
  });
}
