/** What the arguments of actions and functions are made of. */
import { type Endpoint, type LflowAction, type NamedOption, type Protocol, protocols } from './action-ast.ts';
import type { Constant, FieldRef } from './ast.ts';
import type { Lexer, LflowError } from './lexer.ts';
import { parseIpv4, parseIpv6 } from './number.ts';
import type { ActionParser } from './parse-actions.ts';
import { integerConstant } from './parse-match.ts';

/** Parses an action with arguments; `name` tells those apart that look alike. */
export type Statement = (parser: ActionParser, name: string) => LflowAction;

/** The same of a function whose result goes to `dst`. */
export type BitFunction = (parser: ActionParser, name: string, dst: FieldRef) => LflowAction;

/** `(`, then fields separated by commas, a port's or an integer one of so many bits, then `)`. */
export function fields<T extends readonly ('port' | number)[]>(
  parser: ActionParser,
  ...kinds: T
): { -readonly [K in keyof T]: FieldRef } {
  const found = kinds.map((kind, i) => {
    parser.lexer.expect(i === 0 ? '(' : ',');
    return kind === 'port' ? parser.portField() : parser.integerField(kind);
  });
  parser.lexer.expect(')');
  return found as { -readonly [K in keyof T]: FieldRef };
}

/** An IPv4 or IPv6 address, or else `complaint`. */
export function address(lexer: Lexer, complaint: string): { family: 'ipv4' | 'ipv6'; address: number | bigint } {
  if (lexer.type !== 'integer' || (lexer.format !== 'ipv4' && lexer.format !== 'ipv6'))
    throw lexer.syntaxError(complaint);
  const found = { family: lexer.format as 'ipv4' | 'ipv6', address: lexer.value };
  lexer.next();
  return found;
}

/** A decimal integer of at most `max`, or undefined with nothing consumed. */
export function number(lexer: Lexer, max: number): number | undefined {
  if (!isDecimal(lexer) || lexer.value > max) return undefined;
  const value = Number(lexer.value);
  lexer.next();
  return value;
}

/** Whether the current token is a decimal integer. */
export const isDecimal = (lexer: Lexer): boolean => lexer.type === 'integer' && lexer.format === 'decimal';

/** As `number`; throws `complaint` if there is none. */
export function demand(lexer: Lexer, max: number, complaint: string): number {
  const value = number(lexer, max);
  if (value === undefined) throw lexer.syntaxError(complaint);
  return value;
}

/** A decimal integer of 32 bits. Anything else is passed over. */
export function numberOrNone(lexer: Lexer): number | undefined {
  const value = number(lexer, 0xffffffff);
  if (value === undefined) lexer.next();
  return value;
}

/** `true` or `false`, as a word or a string. */
export function boolean(lexer: Lexer): boolean {
  const word = lexer.type === 'id' || lexer.type === 'string' ? lexer.text : '';
  if (word !== 'true' && word !== 'false') throw lexer.syntaxError('expecting true or false');
  lexer.next();
  return word === 'true';
}

/** The current identifier if it is one of `words`. */
export function oneOf<T extends string>(lexer: Lexer, words: readonly T[]): T | undefined {
  return lexer.type === 'id' ? words.find((word) => word === lexer.text) : undefined;
}

/** `= tcp`, or another protocol. */
export function parseProtocol(lexer: Lexer): Protocol {
  lexer.expect('=');
  const protocol = oneOf(lexer, protocols);
  if (protocol === undefined) throw lexer.syntaxError('invalid protocol');
  lexer.next();
  return protocol;
}

/** `name="ADDRESS"` or `name="ADDRESS:PORT"`, of a `family` if one is given. */
export function endpoint(lexer: Lexer, name: string, family?: Endpoint['family']): Endpoint {
  if (!lexer.matchId(name)) throw lexer.syntaxError('invalid parameter');
  lexer.expect('=');
  if (lexer.type !== 'string') throw lexer.syntaxError('invalid parameter');
  const parsed = parseEndpoint(lexer.text);
  if (parsed === undefined) throw lexer.syntaxError('invalid parameter');
  if (family !== undefined && parsed.family !== family) throw lexer.syntaxError('invalid protocol family');
  lexer.next();
  return parsed;
}

/** `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const found = /^(?:\[([^\]]+)\]|([0-9.]+)|([0-9a-fA-F:.]+))(?::([0-9]{1,5}))?$/.exec(text);
  if (found === null) return undefined;
  const [, bracketed, v4, v6, portText] = found;
  const port = portText === undefined ? undefined : Number(portText);
  if (port !== undefined && (port > 65535 || port === 0)) return undefined;
  if (v4 !== undefined) {
    const value = parseIpv4(v4);
    return value === undefined ? undefined : { family: 'ipv4', address: value, port };
  }
  const value = parseIpv6(bracketed ?? (portText === undefined ? (v6 ?? '') : text));
  return value === undefined
    ? undefined
    : { family: 'ipv6', address: value, port: bracketed === undefined ? undefined : port };
}

/** `name = constants` pairs up to the closing parenthesis. `known` may throw at a name, at which the lexer is, and `check` at what it is given. */
export function options(
  lexer: Lexer,
  known: (name: string) => void,
  check?: (option: NamedOption) => void,
): NamedOption[] {
  const found: NamedOption[] = [];
  while (!lexer.match(')')) {
    if (lexer.type !== 'id') throw lexer.plainSyntaxError();
    const name = lexer.text;
    const offset = lexer.start;
    known(name);
    lexer.next();
    lexer.expect('=');
    const option = { name, values: constants(lexer), offset };
    check?.(option);
    found.push(option);
    lexer.match(',');
  }
  return found;
}

function constants(lexer: Lexer): Constant[] {
  const values: Constant[] = [];
  if (!lexer.match('{')) return [constant(lexer)];
  do {
    values.push(constant(lexer, values[0]));
    lexer.match(',');
  } while (!lexer.match('}'));
  return values;
}

/** A constant, of the same type as the first of its set. */
function constant(lexer: Lexer, first?: Constant): Constant {
  const offset = lexer.start;
  if (first?.kind === 'string' && (lexer.type === 'integer' || lexer.type === 'masked-integer'))
    throw lexer.syntaxError('expecting string');
  if (first?.kind === 'integer' && lexer.type === 'string') throw lexer.syntaxError('expecting integer');
  if (lexer.type === 'string') return { kind: 'string', value: lexer.expectString(), offset };
  if (lexer.type === 'address-set') throw lexer.syntaxError('expecting address set name');
  if (lexer.type === 'port-group') throw lexer.syntaxError('expecting port group name');
  if (lexer.type !== 'integer' && lexer.type !== 'masked-integer') throw lexer.syntaxError('expecting constant');
  return integerConstant(lexer);
}

/**
 * The complaint where ovn-controller's parser gives up on arguments and expects the `;` after them. It goes on if the `;` is there; we say what is missing.
 */
export function incomplete(lexer: Lexer, missing: string): LflowError {
  return lexer.syntaxError(`expecting ${lexer.type === ';' ? missing : "`;'"}`);
}
