/**
 * The parser of actions (ovn-sb(5), Logical_Flow, "actions"), with the checks that need no knowledge of the network. Messages are worded as
 * ovn-controller's. What an action with arguments looks like is in `parse-calls.ts`.
 */
import {
  bitFunctions,
  type LflowAction,
  lookupFunctions,
  natActions,
  nestedActions,
  optionFunctions,
  type ParsedActions,
  simpleActions,
} from './action-ast.ts';
import type { ActionContext } from './action-context.ts';
import type { Constant, FieldRef } from './ast.ts';
import { type Doubt, Lexer, LflowError } from './lexer.ts';
import { narrow, type Value } from './number.ts';
import { select, nat as translate } from './parse-balancing.ts';
import * as calls from './parse-calls.ts';
import { checkWidth, isPredicate, notAnLvalue, parseField, parseOperand } from './parse-match.ts';
import { putOptions } from './parse-options.ts';
import type { OvnFieldSymbol, SymbolTable } from './symbols.ts';

/** Braces may be nested this deep. */
const maxDepth = 10;
/** The last logical table that `next` may name. */
export const lastTable = 28;

/** What actions ask of DHCP options. */
export type OptionLookups = Pick<ActionContext, 'lookupDhcpv4Option' | 'lookupDhcpv6Option'>;

/** What the parsers of single actions share. */
export interface ActionParser {
  readonly lexer: Lexer;
  readonly symbols: SymbolTable;
  /** What stood before where the parser is. */
  readonly doubts: Doubt<OptionLookups>[];
  /** Adds to what the match must say. */
  require(prerequisites: string): void;
  /** A field, adding its prerequisites. */
  field(): FieldRef;
  /** A field that holds a logical port. */
  portField(): FieldRef;
  /** An integer field of that width. */
  integerField(bits: number): FieldRef;
}

/** Parses a whole text of actions. Throws LflowError. */
export function parseActions(text: string, symbols: SymbolTable): ParsedActions {
  const parser = new Parser(new Lexer(text), symbols);
  try {
    const actions = parser.parse();
    return { actions, prerequisites: parser.prerequisites() };
  } catch (error) {
    if (error instanceof LflowError) error.doubts = parser.doubts;
    throw error;
  }
}

const simple: ReadonlySet<string> = new Set(simpleActions);
const nested: ReadonlySet<string> = new Set(nestedActions);
const nat: ReadonlySet<string> = new Set(natActions);
const bits: ReadonlySet<string> = new Set(bitFunctions);
const lookups: ReadonlySet<string> = new Set(lookupFunctions);
const optionSets: ReadonlySet<string> = new Set(optionFunctions);

/** What the packet must be for an action, where its fields do not say so. */
const needs: ReadonlyMap<string, string> = new Map([
  ['decrement-ttl', 'ip'],
  ['ct_next', 'ip'],
  ['ct_commit', 'ip'],
  ['ct_commit_nat', 'ip'],
  ['ct_dnat', 'ip'],
  ['ct_snat', 'ip'],
  ['ct_dnat_in_czone', 'ip'],
  ['ct_snat_in_czone', 'ip'],
  ['ct_lb', 'ip'],
  ['ct_lb_mark', 'ip'],
  ['arp', 'ip4'],
  ['icmp4', 'ip4'],
  ['icmp4_error', 'ip4'],
  ['icmp6', 'ip6'],
  ['icmp6_error', 'ip6'],
  ['nd_ns', 'ip6'],
  ['nd_na', 'nd_ns'],
  ['nd_na_router', 'nd_ns'],
  ['tcp_reset', 'tcp'],
  ['sctp_abort', 'sctp'],
  ['dns_lookup', 'udp'],
  ['put_nd_ra_opts', 'ip6'],
]);

type IntegerConstant = Constant & { readonly kind: 'integer' };

class Parser implements ActionParser {
  readonly lexer: Lexer;
  readonly symbols: SymbolTable;
  readonly doubts: Doubt<OptionLookups>[] = [];
  #needs: string[] = [];
  #depth = 0;
  /** Inside `ct_commit { … }`, where ct_mark and ct_label can be set. */
  #committing = false;

  constructor(lexer: Lexer, symbols: SymbolTable) {
    this.lexer = lexer;
    this.symbols = symbols;
  }

  prerequisites(): string {
    return this.#needs.length === 0 ? '' : this.#needs.join(' && ');
  }

  require(prerequisites: string): void {
    if (prerequisites !== '' && !this.#needs.includes(prerequisites)) this.#needs.push(prerequisites);
  }

  field(): FieldRef {
    const ref = parseField(this.lexer, this.symbols);
    this.require(ref.symbol.prerequisites);
    return ref;
  }

  portField(): FieldRef {
    const { lexer } = this;
    const offset = lexer.start;
    const ref = this.field();
    if (ref.symbol.type !== 'string')
      throw lexer.fail(`Cannot use numeric field ${ref.symbol.name} where string field is required.`, offset);
    return ref;
  }

  integerField(width: number): FieldRef {
    const offset = this.lexer.start;
    const ref = this.field();
    this.#checkField(ref, width, offset);
    return ref;
  }

  #checkField(ref: FieldRef, width: number, offset: number): void {
    const { name } = ref.symbol;
    if (ref.symbol.type === 'string' && width !== 32) {
      throw this.lexer.fail(`Cannot use string field ${name} where numeric field is required.`, offset);
    }
    if (ref.bits !== width) {
      throw this.lexer.fail(
        `Cannot use ${ref.bits}-bit field ${name}[${ref.ofs}..${ref.ofs + ref.bits - 1}] where ${width}-bit field is required.`,
        offset,
      );
    }
  }

  /** Where a function's result goes. */
  #result(ref: FieldRef, width: number, offset: number): FieldRef {
    this.#checkField(ref, width, offset);
    this.#checkWritable(ref, offset);
    return ref;
  }

  #checkWritable(ref: FieldRef, offset: number): void {
    const { symbol } = ref;
    if (this.#committing && (symbol.base.name === 'ct_mark' || symbol.base.name === 'ct_label')) return;
    if (!symbol.writable) throw this.lexer.fail(`Field ${symbol.name} is not modifiable.`, offset);
  }

  parse(): readonly LflowAction[] {
    const { lexer } = this;
    if (this.#matchDrop()) {
      lexer.expectEnd();
      return [];
    }
    const actions: LflowAction[] = [];
    while (lexer.type !== 'end') actions.push(this.#statement());
    return actions;
  }

  /** `drop;`, whole: the word alone is no action. */
  #matchDrop(): boolean {
    const { lexer } = this;
    if (lexer.type !== 'id' || lexer.text !== 'drop' || lexer.peek() !== ';') return false;
    lexer.next();
    lexer.expect(';');
    return true;
  }

  #block(): readonly LflowAction[] {
    const { lexer } = this;
    lexer.expect('{');
    if (++this.#depth > maxDepth) throw lexer.fail('Actions nested too deeply.');
    const actions: LflowAction[] = [];
    // A block of `drop;` alone is an empty one.
    if (this.#matchDrop()) {
      lexer.expect('}');
    } else {
      while (!lexer.match('}')) {
        if (lexer.type === 'end') throw lexer.plainSyntaxError();
        actions.push(this.#statement());
      }
    }
    this.#depth--;
    return actions;
  }

  #statement(): LflowAction {
    const { lexer } = this;
    if (lexer.type !== 'id') throw lexer.plainSyntaxError();
    const name = lexer.text;
    const assigns = this.#assignmentFollows();
    if (!assigns && nested.has(name)) return this.#nested(name);
    if (!assigns && name === 'ct_commit') {
      const action = this.#ctCommit();
      this.require('ip');
      return action;
    }
    const action = assigns ? this.#assignment() : this.#named(name);
    if (action === undefined) throw lexer.syntaxError('expecting action');
    lexer.expect(';');
    const need = needs.get(action.kind);
    if (need !== undefined) this.require(need);
    return action;
  }

  #nested(name: string): LflowAction {
    const { lexer } = this;
    lexer.next();
    // What happens to the packet that takes the original's place asks nothing of the original; a clone is the original.
    const outer = this.#needs;
    if (name !== 'clone') this.#needs = [];
    const actions = this.#block();
    this.#needs = outer;
    this.require(needs.get(name) ?? '');
    lexer.expect(';');
    return { kind: name as 'clone', actions };
  }

  #ctCommit(): LflowAction {
    const { lexer } = this;
    lexer.next();
    if (lexer.type === '{') {
      const outer = this.#needs;
      this.#needs = [];
      const offset = lexer.start;
      this.#committing = true;
      const actions = this.#block();
      this.#committing = false;
      this.#needs = outer;
      for (const action of actions) {
        const target = action.kind === 'load' || action.kind === 'move' ? action.dst.symbol.base.name : undefined;
        if (target !== 'ct_mark' && target !== 'ct_label')
          throw lexer.fail('ct_commit can only set ct_mark and ct_label.', offset);
      }
      lexer.expect(';');
      return { kind: 'ct_commit', form: 'block', actions };
    }
    const actions: LflowAction[] = [];
    let form: 'block' | 'list' = 'block';
    if (lexer.match('(')) {
      while (!lexer.match(')')) {
        form = 'list';
        const name = lexer.type === 'id' ? lexer.text : '';
        const symbol = name === 'ct_mark' || name === 'ct_label' ? this.symbols.get(name) : undefined;
        if (symbol?.kind !== 'field') throw lexer.plainSyntaxError();
        lexer.next();
        lexer.expect('=');
        if (lexer.type !== 'integer' && lexer.type !== 'masked-integer') throw lexer.syntaxError('expecting integer');
        const value = committed(this.#integer(), symbol.bits);
        // What sets no bit is left out.
        if (value.mask === undefined || BigInt(value.mask) !== 0n)
          actions.push({ kind: 'load', dst: symbol.whole, value });
        lexer.match(',');
      }
    }
    lexer.expect(';');
    return { kind: 'ct_commit', form, actions };
  }

  #integer(): IntegerConstant {
    const { lexer } = this;
    const constant: IntegerConstant = {
      kind: 'integer',
      value: lexer.value,
      mask: lexer.type === 'masked-integer' ? lexer.mask : undefined,
      format: lexer.format,
      offset: lexer.start,
    };
    lexer.next();
    return constant;
  }

  /** An action that its first word tells; undefined if the word is none. The lexer is left before the `;`. */
  #named(name: string): LflowAction | undefined {
    const { lexer } = this;
    if (name === 'next') return this.#next();
    if (name === 'ip.ttl') return this.#decrementTtl();
    const parse = simple.has(name) ? undefined : nat.has(name) ? translate : calls.statements.get(name);
    if (parse === undefined && !simple.has(name)) return undefined;
    lexer.next();
    return parse === undefined ? { kind: name as 'output' } : parse(this, name);
  }

  #next(): LflowAction {
    const { lexer } = this;
    lexer.next();
    if (!lexer.match('(')) return { kind: 'next', pipeline: undefined, table: undefined };
    let pipeline: 'ingress' | 'egress' | undefined;
    let table: number | undefined;
    const offset = lexer.start;
    if (lexer.type === 'integer' && lexer.format === 'decimal' && lexer.value <= 0x7fffffff) {
      table = lexer.expectSmallInteger();
    } else {
      do {
        if (lexer.matchId('pipeline')) {
          lexer.expect('=');
          if (lexer.matchId('ingress')) pipeline = 'ingress';
          else if (lexer.matchId('egress')) pipeline = 'egress';
          else throw lexer.syntaxError('expecting "ingress" or "egress"');
        } else if (lexer.matchId('table')) {
          lexer.expect('=');
          table = lexer.expectSmallInteger();
        } else {
          throw lexer.syntaxError('expecting "pipeline" or "table"');
        }
      } while (lexer.match(','));
    }
    lexer.expect(')');
    if (table !== undefined && table > lastTable)
      throw lexer.fail(`"next" action cannot advance beyond table ${lastTable}.`, offset);
    return { kind: 'next', pipeline, table };
  }

  /** `ip.ttl--` */
  #decrementTtl(): LflowAction {
    const { lexer } = this;
    lexer.next();
    lexer.expect('--');
    return { kind: 'decrement-ttl' };
  }

  /** Whether the current word starts an assignment: `=`, `<->` or bits follow it; `==` is none of them. */
  #assignmentFollows(): boolean {
    const { lexer } = this;
    const ahead = lexer.peek();
    if (ahead === '=') return lexer.peek(1) !== '=';
    return ahead === '[' || (ahead === '<' && lexer.peek(1) === '-' && lexer.peek(2) === '>');
  }

  #assignment(): LflowAction {
    const { lexer } = this;
    const offset = lexer.start;
    const symbol = this.symbols.get(lexer.text);
    if (symbol?.kind === 'ovn-field') return this.#ovnLoad(symbol);
    const target = parseOperand(lexer, this.symbols);
    if (isPredicate(target)) throw notAnLvalue(target, offset);
    const exchange = lexer.match('<->');
    if (!exchange && !lexer.match('=')) throw lexer.syntaxError("expecting `=' or `<->'");
    if (exchange) {
      const right = this.#operand(target, 'exchange');
      this.#checkWritable(target, offset);
      this.#checkWritable(right, offset);
      this.require(target.symbol.prerequisites);
      this.require(right.symbol.prerequisites);
      return { kind: 'exchange', left: target, right };
    }
    if (lexer.type === 'id' && lexer.peek() === '(') {
      const call = this.#function(lexer.text, target, offset);
      if (call !== undefined) {
        this.require(target.symbol.prerequisites);
        return call;
      }
    }
    if (lexer.type === 'id') {
      const src = this.#operand(target, 'assign');
      this.#checkAssignable(target, src, offset);
      this.require(target.symbol.prerequisites);
      this.require(src.symbol.prerequisites);
      return { kind: 'move', dst: target, src };
    }
    return this.#load(target, offset);
  }

  #load(ref: FieldRef, offset: number): LflowAction {
    const { lexer } = this;
    const { name, type } = ref.symbol;
    const at = lexer.start;
    this.#checkWritable(ref, offset);
    let value: Constant;
    switch (lexer.type) {
      case 'string':
        value = { kind: 'string', value: lexer.expectString(), offset: at };
        if (type !== 'string') throw lexer.fail(`Integer field ${name} is not compatible with string constant.`, at);
        break;
      case 'integer':
      case 'masked-integer':
        value = this.#integer();
        if (type === 'string') throw lexer.fail(`String field ${name} is not compatible with integer constant.`, at);
        if (value.kind === 'integer') checkWidth(value, ref.symbol.bits, name, at);
        break;
      case 'address-set':
        throw lexer.syntaxError('expecting address set name');
      case 'port-group':
        throw lexer.syntaxError('expecting port group name');
      default:
        throw lexer.syntaxError('expecting constant');
    }
    this.require(ref.symbol.prerequisites);
    return { kind: 'load', dst: ref, value };
  }

  #operand(left: FieldRef, verb: 'assign' | 'exchange'): FieldRef {
    const { lexer } = this;
    const offset = lexer.start;
    const right = parseField(lexer, this.symbols);
    const [a, b] = [left.symbol, right.symbol];
    if (a.type !== b.type) {
      throw lexer.fail(
        verb === 'assign'
          ? `Can't assign ${b.type} field (${b.name}) to ${a.type} field (${a.name}).`
          : `Can't exchange ${a.type} field (${a.name}) with ${b.type} field (${b.name}).`,
        offset,
      );
    }
    if (left.bits !== right.bits && verb === 'exchange')
      throw lexer.fail(`Can't exchange ${left.bits}-bit field with ${right.bits}-bit field.`, offset);
    return right;
  }

  #checkAssignable(dst: FieldRef, src: FieldRef, offset: number): void {
    if (dst.bits !== src.bits)
      throw this.lexer.fail(`Can't assign ${src.bits}-bit value to ${dst.bits}-bit destination.`, offset);
    this.#checkWritable(dst, offset);
  }

  #ovnLoad(symbol: OvnFieldSymbol): LflowAction {
    const { lexer } = this;
    lexer.next();
    lexer.expect('=');
    const at = lexer.start;
    if (lexer.type === 'id') {
      const src = parseField(lexer, this.symbols);
      throw lexer.fail(`Can't assign ${src.bits}-bit value to ${symbol.bits}-bit destination.`, at);
    }
    if (lexer.type === 'string')
      throw lexer.fail(`Integer field ${symbol.name} is not compatible with string constant.`, at);
    if (lexer.type === 'address-set') throw lexer.syntaxError('expecting address set name');
    if (lexer.type === 'port-group') throw lexer.syntaxError('expecting port group name');
    if (lexer.type !== 'integer' && lexer.type !== 'masked-integer') throw lexer.syntaxError('expecting constant');
    const mask = lexer.type === 'masked-integer' ? lexer.mask : undefined;
    const { value, format } = lexer;
    checkWidth({ value, mask, format }, symbol.bits, symbol.name, at);
    lexer.next();
    this.require(symbol.prerequisites);
    return { kind: 'ovn-load', dst: symbol, value };
  }

  /** `R = name(…)`; undefined if no function has the name. */
  #function(name: string, dst: FieldRef, offset: number): LflowAction | undefined {
    const { lexer } = this;
    if (name === 'select') {
      lexer.next();
      this.#checkWritable(dst, offset);
      return select(this, dst, offset);
    }
    if (name === 'get_fdb') {
      lexer.next();
      const result = this.#result(dst, 32, offset);
      lexer.expect('(');
      const mac = this.integerField(48);
      lexer.expect(')');
      return { kind: 'get_fdb', dst: result, mac };
    }
    if (bits.has(name)) {
      lexer.next();
      lexer.next();
      if (!lexer.match(')')) throw lexer.fail(`${name} doesn't take any parameters`);
      return { kind: name as 'chk_lb_aff', dst: this.#result(dst, 1, offset) };
    }
    const call = lookups.has(name) ? calls.lookup : optionSets.has(name) ? putOptions : calls.functions.get(name);
    if (call === undefined) return undefined;
    lexer.next();
    return call(this, name, this.#result(dst, 1, offset));
  }
}

/** A constant of the older form of ct_commit, which takes of it what the field can hold. */
function committed(constant: IntegerConstant, bits: number): IntegerConstant {
  const ones = (1n << BigInt(bits)) - 1n;
  const fit = (value: Value): Value => narrow(BigInt(value) & ones);
  const mask = constant.mask === undefined ? undefined : fit(constant.mask);
  return { ...constant, value: fit(constant.value), mask, format: 'hexadecimal' };
}
