/**
 * Templates of actions (see `shapes.ts`).
 *
 * A literal is a hole if it is what an assignment assigns, and if the encoder copies all of its bits to the encoding. Neither the parser nor the encoder
 * looks at an assigned value but to see whether it fits the field, so any other that fits goes the same way.
 */
import { ActionList, actionsWire } from '@weft/openflow/action-list';
import { type Wire, Writer } from '@weft/openflow/buffer';
import type { LflowAction, ParsedActions } from './action-ast.ts';
import type { ActionContext } from './action-context.ts';
import type { Constant } from './ast.ts';
import type { CompiledActions } from './compile.ts';
import { encodeActions } from './encode-actions.ts';
import { type Form, LiteralKind, Literals, largest } from './literals.ts';
import { narrow } from './number.ts';
import { type Hole, holesOf, Pattern } from './pattern.ts';
import { exceed, type Limit } from './shapes.ts';
import { onesOf } from './terms.ts';

type Load = LflowAction & { readonly kind: 'load' };
type LookupPort = (name: string) => number | undefined;

const scratch = new Writer();

/** What the texts of a form become. */
export class ActionTemplate {
  readonly form: Form;
  readonly #pattern: Pattern;
  readonly #prerequisites: string;
  /** Literals that are names of ports. */
  readonly #ports: readonly number[];
  readonly #limits: readonly Limit[];
  /** What they become if there are no literals. */
  readonly #constant: CompiledActions | undefined;

  constructor(
    form: Form,
    pattern: Pattern,
    prerequisites: string,
    { ports, limits }: { readonly ports: readonly number[]; readonly limits: readonly Limit[] },
  ) {
    this.form = form;
    this.#pattern = pattern;
    this.#prerequisites = prerequisites;
    this.#ports = ports;
    this.#limits = limits;
    if (form.kinds.length === 0) this.#constant = this.#fill(new Literals());
  }

  /** What a text becomes whose literals these are; undefined if it is one that must be compiled. */
  make(text: string, literals: Literals, lookupPort: LookupPort): CompiledActions | undefined {
    if (this.#constant !== undefined) return this.#constant;
    if (exceed(literals, this.#limits)) return undefined;
    for (const port of this.#ports) {
      const name = literals.string(text, port);
      // What the encoder writes for a port that does not exist.
      literals.resolve(port, name === '' ? 0 : (lookupPort(name) ?? 0));
    }
    return this.#fill(literals);
  }

  #fill(literals: Literals): CompiledActions {
    scratch.pos = 0;
    this.#pattern.put(scratch, literals);
    return { actions: new ActionList(scratch.wire()), prerequisites: this.#prerequisites };
  }
}

/** Learns the template of actions whose literals these are, if they have one. Of the caller it asks nothing: ports have numbers of its own. */
export function learnActions(
  text: string,
  literals: Literals,
  { actions, prerequisites }: ParsedActions,
  context: ActionContext,
): ActionTemplate | undefined {
  const experiment = new Experiment(context, actions);
  const { wire } = experiment;
  const questions = experiment.ports;
  const loads = loadsOf(actions);
  const free: number[] = [];
  const holes: Hole[] = [];
  const ports: number[] = [];
  const limits: Limit[] = [];
  for (let i = 0; i < literals.count; i++) {
    const literal = free.length;
    const load = loads.find(({ value }) => value.offset === literals.starts[i]);
    const found = load && experiment.holes(load, literal);
    if (load === undefined || found === undefined) continue;
    free.push(i);
    holes.push(...found);
    const kind = literals.kinds[i]!;
    const { bits } = load.dst;
    if (kind === LiteralKind.string) ports.push(literal);
    else if (bits < largest(kind)) limits.push({ literal, bits });
  }
  // The actions have made-up numbers for ports in them, which must all be replaced.
  if (experiment.asked || ports.length !== questions) return undefined;
  return new ActionTemplate(literals.form(text, free), new Pattern(wire, holes), prerequisites, { ports, limits });
}

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
  /** The encoding of the actions as they are. */
  readonly wire: Wire;

  constructor({ pipeline, table, datapath, cookie, controllerMeter }: ActionContext, actions: readonly LflowAction[]) {
    this.pipeline = pipeline;
    this.table = table;
    this.datapath = datapath;
    this.cookie = cookie;
    this.controllerMeter = controllerMeter;
    this.#actions = actions;
    this.wire = this.#encode(actions);
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

  lookupDhcpv4Option(): undefined {
    this.#ask();
  }

  lookupDhcpv6Option(): undefined {
    this.#ask();
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
    return holesOf(this.wire, other, { literal, value, mask: ones, bits });
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
