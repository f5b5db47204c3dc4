/**
 * Reads the reply to a monitor's request (`monitor_cond`, ovsdb-server(7)) while it arrives: {"id": _, "result": {table: {uuid: {"initial": row}}}, ...}.
 * Its rows are made straight from the text. To have all of it parsed first takes twice the time and the memory: there would be an object of all uuids
 * for each table, and two objects for each row, only to be taken apart again.
 */
import { isUtf8 } from 'node:buffer';
import { FramingError, type ValueReader } from '@weft/jsonrpc/framing';
import { parseWireJson } from '@weft/jsonrpc/json';
import type { Json } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { RowReader } from './row-reader.ts';

/** The rows of tables, in the order in which they are written. */
export type WrittenRows = ReadonlyMap<string, Row[]>;

/** Does a message begin like such a reply, with rows? Where it cannot be told yet it need not be one. */
export function isReplyWithRows(bytes: Buffer): boolean {
  return /^\{"id":\d+,"result":\{"/.test(bytes.toString('latin1', 0, 64));
}

/** Thrown where the text ends for now. */
const incomplete = Symbol('incomplete');
/** Deeper than any value of OVSDB. */
const maxDepth = 100;

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const space = 0x20;
const string = /"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y;
const word = /[-+.\w]+/y;

/** Reads one such reply; its rows go into `tables`, whose readers are in `readers`. The value that remains has no rows. */
export class WrittenRowsReader implements ValueReader {
  readonly #readers: ReadonlyMap<string, RowReader>;
  readonly #tables: Map<string, Row[]>;
  readonly #message: { [name: string]: Json } = {};
  /** What comes next. */
  #next: 'message' | 'member' | 'table' | 'row' | 'end' = 'message';
  #reader: RowReader | undefined;
  #rows: Row[] = [];
  /** What is not read yet begins at `#at`. */
  #text = '';
  #at = 0;
  #hasEscapes = false;
  /** Bytes that may end within a character. */
  #held: Buffer[] = [];

  constructor(readers: ReadonlyMap<string, RowReader>, tables: Map<string, Row[]>) {
    this.#readers = readers;
    this.#tables = tables;
  }

  get value(): Json {
    return this.#message;
  }

  get pendingBytes(): number {
    return this.#text.length - this.#at + this.#held.reduce((sum, { length }) => sum + length, 0);
  }

  feed(bytes: Buffer): number | undefined {
    // A brace is no part of a longer character; and without one, no row can end.
    const end = bytes.lastIndexOf(closeBrace) + 1;
    if (end > 0) {
      this.#add(bytes.subarray(0, end));
      if (this.#read()) return end - Buffer.byteLength(this.#text.slice(this.#at));
    }
    if (end < bytes.length) this.#held.push(bytes.subarray(end));
    return undefined;
  }

  #add(bytes: Buffer): void {
    const whole = this.#held.length === 0 ? bytes : Buffer.concat([...this.#held, bytes]);
    this.#held = [];
    if (!isUtf8(whole)) throw new FramingError('invalid UTF-8');
    this.#text = this.#text.slice(this.#at) + whole.toString();
    this.#at = 0;
    this.#hasEscapes = this.#text.includes('\\');
  }

  /** Reads as far as the text goes, always to the end of a row; true at the end of the message. */
  #read(): boolean {
    let from = this.#at;
    try {
      while (this.#next !== 'end') {
        this.#step();
        from = this.#at;
      }
    } catch (error) {
      if (error !== incomplete) throw error;
      this.#at = from;
    }
    return this.#next === 'end';
  }

  #step(): void {
    switch (this.#next) {
      case 'message':
        this.#expect(openBrace);
        this.#next = 'member';
        return;
      case 'member':
        this.#member();
        return;
      case 'table':
        this.#table();
        return;
      case 'row':
        this.#row();
        return;
      case 'end':
        return;
    }
  }

  #member(): void {
    const name = this.#name();
    if (name === 'result' && this.#peek() === openBrace) {
      this.#at++;
      if (this.#isEmpty()) this.#afterTables();
      else this.#next = 'table';
      this.#message.result = {};
      return;
    }
    const value = this.#value(maxDepth);
    this.#next = this.#continues(closeBrace) ? 'member' : 'end';
    this.#message[name] = value;
  }

  #table(): void {
    const name = this.#name();
    this.#expect(openBrace);
    const isEmpty = this.#isEmpty();
    if (isEmpty) this.#afterTable();
    else this.#next = 'row';
    this.#reader = this.#readers.get(name);
    this.#rows = [];
    if (this.#reader !== undefined) this.#tables.set(name, this.#rows);
  }

  #row(): void {
    const uuid = this.#name();
    const row = this.#reader?.blank(uuid);
    this.#expect(openBrace);
    // `{"initial": {column: value, ...}}`
    this.#name();
    this.#expect(openBrace);
    if (!this.#isEmpty()) {
      do {
        const column = this.#name();
        const value = this.#value(maxDepth);
        if (row !== undefined) this.#reader?.set(row, column, value);
      } while (this.#continues(closeBrace));
    }
    this.#expect(closeBrace);
    const isLast = !this.#continues(closeBrace);
    if (isLast) this.#afterTable();
    if (row !== undefined) this.#rows.push(row);
  }

  #afterTable(): void {
    if (this.#continues(closeBrace)) this.#next = 'table';
    else this.#afterTables();
  }

  #afterTables(): void {
    this.#next = this.#continues(closeBrace) ? 'member' : 'end';
  }

  /** The next character that is no space, which is not taken. */
  #peek(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code > space) return code;
      if (Number.isNaN(code)) throw incomplete;
      this.#at++;
    }
  }

  #expect(code: number): void {
    if (this.#peek() !== code) throw this.#unexpected();
    this.#at++;
  }

  /** Behind an opening brace: is there nothing before the closing one, which is taken? */
  #isEmpty(): boolean {
    if (this.#peek() !== closeBrace) return false;
    this.#at++;
    return true;
  }

  /** Behind a member: takes a comma, or the bracket that closes what it stands in. */
  #continues(close: number): boolean {
    const code = this.#peek();
    if (code !== comma && code !== close) throw this.#unexpected();
    this.#at++;
    return code === comma;
  }

  /** A member's name, and the colon behind it. */
  #name(): string {
    if (this.#peek() !== quote) throw this.#unexpected();
    const name = this.#string();
    this.#expect(colon);
    return name;
  }

  #string(): string {
    const from = this.#at;
    if (!this.#hasEscapes) {
      const end = this.#text.indexOf('"', from + 1);
      if (end < 0) throw incomplete;
      this.#at = end + 1;
      return this.#text.slice(from + 1, end);
    }
    string.lastIndex = from;
    const match = string.exec(this.#text);
    if (match === null) throw incomplete;
    this.#at = string.lastIndex;
    return match[0].includes('\\') ? (this.#parse(match[0], false) as string) : match[0].slice(1, -1);
  }

  #value(depth: number): Json {
    switch (this.#peek()) {
      case quote:
        return this.#string();
      case openBracket:
        return this.#array(depth - 1);
      case openBrace:
        return this.#object(depth - 1);
      default:
        return this.#word();
    }
  }

  #array(depth: number): Json {
    if (depth === 0) throw new FramingError(`input exceeds maximum nesting depth ${maxDepth}`);
    this.#at++;
    const values: Json[] = [];
    if (this.#peek() === closeBracket) {
      this.#at++;
      return values;
    }
    do values.push(this.#value(depth));
    while (this.#continues(closeBracket));
    return values;
  }

  #object(depth: number): Json {
    if (depth === 0) throw new FramingError(`input exceeds maximum nesting depth ${maxDepth}`);
    this.#at++;
    const members: [string, Json][] = [];
    if (!this.#isEmpty()) {
      do members.push([this.#name(), this.#value(depth)]);
      while (this.#continues(closeBrace));
    }
    return Object.fromEntries(members);
  }

  /** A number, `true`, `false` or `null`. A bracket stands behind it, so it does not go on where the text does. */
  #word(): Json {
    word.lastIndex = this.#at;
    if (!word.test(this.#text)) throw this.#unexpected();
    const text = this.#text.slice(this.#at, word.lastIndex);
    this.#at = word.lastIndex;
    return this.#parse(text, text.length > 15 || /\d[eE]/.test(text));
  }

  #parse(text: string, exact: boolean): Json {
    try {
      return parseWireJson(text, exact);
    } catch (cause) {
      throw new FramingError(`syntax error: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }

  #unexpected(): FramingError {
    return new FramingError(`syntax error: unexpected "${this.#text[this.#at]}"`);
  }
}
