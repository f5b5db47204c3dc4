/** Takes the members of a JSON object apart: each must be there, have its type, and be known. The words are those of the C programs. */
import { OvsdbError } from './error.ts';
import { isArray, isObject, type Json, type JsonObject } from './json.ts';
import { isId } from './wire.ts';

const isString = (json: Json): json is string => typeof json === 'string';
const isIdText = (json: Json): json is string => typeof json === 'string' && isId(json);

export class Members {
  readonly #json: JsonObject;
  readonly #what: string | (() => string);
  /** Few, so a list is searched faster than a set is made. */
  readonly #known: string[] = [];

  /** `what` says in messages what the object is. Errors: `syntax error` if it is none. */
  constructor(json: Json, what: string | (() => string)) {
    this.#what = what;
    if (!isObject(json)) throw new OvsdbError('syntax error', this.#message('Object expected.'));
    this.#json = json;
  }

  #message(details: string): string {
    return `Parsing ${typeof this.#what === 'string' ? this.#what : this.#what()} failed: ${details}`;
  }

  fail(details: string): OvsdbError {
    return new OvsdbError('syntax error', this.#message(details), { syntax: this.#json });
  }

  get json(): JsonObject {
    return this.#json;
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#json, name);
  }

  /** What `read` makes of the member if it is there. */
  optional<T>(name: string, read: () => T): T | undefined {
    return this.has(name) ? read() : undefined;
  }

  any(name: string): Json {
    return this.#typed(name, (_): _ is Json => true);
  }

  string(name: string): string {
    return this.#typed(name, isString);
  }

  /** RFC 7047 `<id>`. */
  id(name: string): string {
    return this.#typed(name, isIdText);
  }

  array(name: string): readonly Json[] {
    return this.#typed(name, isArray);
  }

  object(name: string): JsonObject {
    return this.#typed(name, isObject);
  }

  boolean(name: string): boolean {
    return this.#typed(name, (json): json is boolean => typeof json === 'boolean');
  }

  number(name: string): number {
    const isNumber = (json: Json): json is number | bigint => typeof json === 'number' || typeof json === 'bigint';
    return Number(this.#typed(name, isNumber));
  }

  stringOrObject(name: string): string | JsonObject {
    return this.#typed(name, (json): json is string | JsonObject => typeof json === 'string' || isObject(json));
  }

  integerOrString(name: string): number | string {
    return typeof this.#json[name] === 'string' ? this.string(name) : this.integer(name);
  }

  /** An integer, of which digits beyond 2^53 may be lost. */
  integer(name: string): number {
    return Number(this.bigInteger(name));
  }

  /** An integer of 64 bits, with all its digits. */
  bigInteger(name: string): number | bigint {
    const isInteger = (json: Json): json is number | bigint =>
      typeof json === 'bigint'
        ? BigInt.asIntN(64, json) === json
        : Number.isInteger(json) && (json as number) >= -(2 ** 63) && (json as number) < 2 ** 63;
    return this.#typed(name, isInteger);
  }

  /** Throws if the object has a member that nobody asked for. */
  end(): void {
    for (const name in this.#json) if (!this.#known.includes(name)) throw this.#unknown(name);
  }

  #unknown(name: string): OvsdbError {
    const others = Object.keys(this.#json).filter((other) => other !== name && !this.#known.includes(other)).length;
    if (others === 0) return this.fail(`Member '${name}' is present but not allowed here.`);
    const members = others === 1 ? 'member' : 'members';
    return this.fail(`Member '${name}' and ${others} other ${members} are present but not allowed here.`);
  }

  #typed<T extends Json>(name: string, test: (json: Json) => json is T): T {
    this.#known.push(name);
    const json = Object.hasOwn(this.#json, name) ? this.#json[name] : undefined;
    if (json === undefined) throw this.fail(`Required '${name}' member is missing.`);
    if (!test(json)) throw this.fail(`Type mismatch for member '${name}'.`);
    return json;
  }
}
