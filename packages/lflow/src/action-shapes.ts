/**
 * Templates of actions (see `shapes.ts`).
 *
 * A literal is a hole if it is what an assignment assigns, and if the encoder puts all of its bits in one place: in the value of a `set_field`, or in
 * bytes of a controller action's userdata. Neither the parser nor the encoder looks at an assigned value but to see whether it fits the field, so any
 * other that fits goes the same way.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Action, ActionOf } from '@weft/openflow/actions';
import type { Field, FieldValue } from '@weft/openflow/fields';
import type { LflowAction, ParsedActions } from './action-ast.ts';
import type { ActionContext } from './action-context.ts';
import type { Constant, FieldRef } from './ast.ts';
import { encodeActions } from './encode-actions.ts';
import { LiteralKind, type Literals } from './literals.ts';
import { narrow } from './number.ts';
import { agree, type Fixed } from './shapes.ts';
import { onesOf } from './terms.ts';

type Load = LflowAction & { readonly kind: 'load' };
type SetField = ActionOf<'set_field'>;
type LookupPort = (name: string) => number | undefined;

/** A literal whose value goes into a `set_field`, with the mask that the action has. */
interface FieldHole {
  readonly literal: number;
  readonly field: Field;
  readonly mask: FieldValue | undefined;
  /** How far left of the field's end the value is. */
  readonly shift: number;
  /** The largest value that fits. */
  readonly ones: FieldValue;
}

/** A literal whose value is bytes `from` to `to` of userdata. */
interface BytesHole {
  readonly literal: number;
  readonly from: number;
  readonly to: number;
  readonly ones: FieldValue;
}

/** Actions with holes in them. Each part says which of the actions it is about. */
interface Pattern {
  readonly actions: readonly Action[];
  readonly fields: readonly { readonly index: number; readonly hole: FieldHole }[];
  readonly bytes: readonly { readonly index: number; readonly holes: readonly BytesHole[] }[];
  readonly inner: readonly { readonly index: number; readonly pattern: Pattern }[];
}

/** What the texts of a shape become. */
export class ActionTemplate {
  readonly prerequisites: string;
  readonly #pattern: Pattern;
  readonly #fixed: readonly Fixed[];

  constructor(pattern: Pattern, prerequisites: string, fixed: readonly Fixed[]) {
    this.#pattern = pattern;
    this.prerequisites = prerequisites;
    this.#fixed = fixed;
  }

  /** The actions of a text; undefined if it is one that must be compiled. */
  make(text: string, literals: Literals, lookupPort: LookupPort): Action[] | undefined {
    return agree(text, literals, this.#fixed) ? fill(this.#pattern, text, literals, lookupPort) : undefined;
  }
}

function fill(pattern: Pattern, text: string, literals: Literals, lookupPort: LookupPort): Action[] | undefined {
  const out = pattern.actions.slice();
  for (const { index, hole } of pattern.fields) {
    const action = setField(hole, text, literals, lookupPort);
    if (action === undefined) return undefined;
    out[index] = action;
  }
  for (const { index, holes } of pattern.bytes) {
    const action = out[index]!;
    if (action.type !== 'controller' || action.userdata === undefined) return undefined;
    const userdata = action.userdata.slice();
    for (const hole of holes) if (!putBytes(userdata, hole, text, literals, lookupPort)) return undefined;
    out[index] = { ...action, userdata };
  }
  for (const { index, pattern: inner } of pattern.inner) {
    const action = out[index]!;
    const actions = fill(inner, text, literals, lookupPort);
    if (actions === undefined || !('actions' in action)) return undefined;
    out[index] = { ...action, actions };
  }
  return out;
}

function setField(hole: FieldHole, text: string, literals: Literals, lookupPort: LookupPort): Action | undefined {
  const { literal, field, mask, shift, ones } = hole;
  let value: FieldValue;
  if (literals.kinds[literal] === LiteralKind.string) {
    value = portNumber(literals.string(text, literal), lookupPort);
  } else if (field.wide) {
    value = literals.wide(literal);
    if (value > ones) return undefined;
    if (shift > 0) value <<= BigInt(shift);
  } else {
    value = literals.narrow(literal);
    if (value > ones) return undefined;
    value = (value << shift) >>> 0;
  }
  return mask === undefined ? { type: 'set_field', field, value } : { type: 'set_field', field, value, mask };
}

function putBytes(
  userdata: Uint8Array,
  { literal, from, to, ones }: BytesHole,
  text: string,
  literals: Literals,
  lookupPort: LookupPort,
): boolean {
  if (literals.kinds[literal] === LiteralKind.string) {
    let port = portNumber(literals.string(text, literal), lookupPort);
    for (let at = to - 1; at >= from; at--, port >>>= 8) userdata[at] = port;
    return true;
  }
  if (literals.wide(literal) > ones) return false;
  const end = 16 * literal + 16;
  for (let at = from; at < to; at++) userdata[at] = literals.bytes[end - to + at]!;
  return true;
}

/** What the encoder writes for a port: 0 if there is no such port. */
function portNumber(name: string, lookupPort: LookupPort): number {
  return name === '' ? 0 : (lookupPort(name) ?? 0);
}

/** Learns the template of actions, if they have one. Of the caller it asks nothing: ports have numbers of its own. */
export function learnActions(
  text: string,
  literals: Literals,
  { actions, prerequisites }: ParsedActions,
  context: ActionContext,
): ActionTemplate | undefined {
  const experiment = new Experiment(context);
  const compiled = encodeActions(actions, experiment);
  const questions = experiment.ports;
  const loads = loadsOf(actions);
  const places: Place[] = [];
  const fixed: Fixed[] = [];
  for (let literal = 0; literal < literals.count; literal++) {
    const load = loads.find(({ value }) => value.offset === literals.starts[literal]);
    const place = load && experiment.place(actions, compiled, load, literal);
    if (place === undefined) fixed.push({ literal, text: literals.text(text, literal) });
    else places.push(place);
  }
  const strings = places.filter(({ literal }) => literals.kinds[literal] === LiteralKind.string).length;
  // The actions have made-up numbers for ports in them, which must all be replaced.
  if (experiment.asked || places.length === 0 || strings !== questions) return undefined;
  return new ActionTemplate(patternOf(compiled, places), prerequisites, fixed);
}

/** A literal, where it is: indices of an action, of one inside it, and so on. */
interface Place {
  readonly literal: number;
  readonly path: readonly number[];
  readonly field: FieldHole | undefined;
  readonly bytes: BytesHole | undefined;
}

function patternOf(actions: readonly Action[], places: readonly Place[]): Pattern {
  const byIndex = new Map<number, Place[]>();
  for (const place of places) {
    const index = place.path[0]!;
    byIndex.set(index, [...(byIndex.get(index) ?? []), place]);
  }
  const pattern = { actions, fields: [] as Pattern['fields'][number][], bytes: [] as Pattern['bytes'][number][] };
  const inner: Pattern['inner'][number][] = [];
  for (const [index, here] of byIndex) {
    const action = actions[index]!;
    const holes = here.flatMap(({ bytes }) => bytes ?? []);
    const [first] = here;
    if (first?.path.length === 1 && first.field !== undefined) pattern.fields.push({ index, hole: first.field });
    else if (holes.length > 0) pattern.bytes.push({ index, holes });
    else if ('actions' in action)
      inner.push({
        index,
        pattern: patternOf(
          action.actions ?? [],
          here.map((place) => ({ ...place, path: place.path.slice(1) })),
        ),
      });
  }
  return { ...pattern, inner };
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

  constructor({ pipeline, table, datapath, cookie, controllerMeter }: ActionContext) {
    this.pipeline = pipeline;
    this.table = table;
    this.datapath = datapath;
    this.cookie = cookie;
    this.controllerMeter = controllerMeter;
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

  /** Where what an assignment assigns is in the actions; undefined if it is no hole. */
  place(actions: readonly LflowAction[], compiled: readonly Action[], load: Load, literal: number): Place | undefined {
    const { value: constant, dst } = load;
    const ones = onesOf(dst.bits);
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
    const others = encodeActions(replaceAll(actions, load, { ...load, value: inverse }), this);
    return locate(compiled, others, { literal, dst, value, inverted });
  }
}

interface Wanted {
  readonly literal: number;
  readonly dst: FieldRef;
  readonly value: bigint;
  readonly inverted: bigint;
}

/** The one place where actions differ from others, if it has the value there and the others the inverted one. */
function locate(actions: readonly Action[], others: readonly Action[], wanted: Wanted): Place | undefined {
  if (actions.length !== others.length) return undefined;
  const [index, second] = [...actions.keys()].filter((i) => !isDeepStrictEqual(actions[i], others[i]));
  if (index === undefined || second !== undefined) return undefined;
  const a = actions[index]!;
  const b = others[index]!;
  const { literal } = wanted;
  if (a.type === 'set_field' && b.type === 'set_field') {
    const field = fieldHole(a, b, wanted);
    return field && { literal, path: [index], field, bytes: undefined };
  }
  if (a.type === 'controller' && isDeepStrictEqual({ ...a, userdata: undefined }, { ...b, userdata: undefined })) {
    const bytes = bytesHole(a.userdata, (b as typeof a).userdata, wanted);
    return bytes && { literal, path: [index], field: undefined, bytes };
  }
  if ('actions' in a && isDeepStrictEqual({ ...a, actions: [] }, { ...b, actions: [] })) {
    const inner = locate(a.actions ?? [], (b as typeof a).actions ?? [], wanted);
    return inner && { ...inner, path: [index, ...inner.path] };
  }
  return undefined;
}

function fieldHole(a: SetField, b: SetField, { literal, dst, value, inverted }: Wanted): FieldHole | undefined {
  const { field, mask } = a;
  const shift = dst.symbol.ofs + dst.ofs;
  if (field !== b.field || mask !== b.mask) return undefined;
  if (BigInt(a.value) !== value << BigInt(shift) || BigInt(b.value) !== inverted << BigInt(shift)) return undefined;
  const ones = onesOf(dst.bits);
  return { literal, field, mask, shift, ones: field.wide ? ones : Number(ones) };
}

function bytesHole(
  a: Uint8Array | undefined,
  b: Uint8Array | undefined,
  { literal, dst, value }: Wanted,
): BytesHole | undefined {
  if (a === undefined || b === undefined || a.length !== b.length || dst.bits % 8 !== 0) return undefined;
  const from = a.findIndex((byte, i) => byte !== b[i]);
  const to = from + dst.bits / 8;
  let found = 0n;
  for (let i = 0; i < a.length; i++) {
    if ((a[i]! ^ b[i]!) !== (i >= from && i < to ? 0xff : 0)) return undefined;
    if (i >= from && i < to) found = (found << 8n) | BigInt(a[i]!);
  }
  return found === value ? { literal, from, to, ones: onesOf(dst.bits) } : undefined;
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
