/** Random transactions over a schema that has every kind of column, reference and constraint; mostly valid, often not. */
import type { Json, JsonObject } from '@weft/ovsdb/json';

/** A deterministic source of random numbers (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }

  chance(p: number): boolean {
    return this.next() < p;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

const scalar = (key: Json): Json => ({ type: key });
const many = (key: Json, min = 0, max: number | string = 'unlimited', value?: Json): Json => ({
  type: value === undefined ? { key, min, max } : { key, value, min, max },
});

export const fuzzSchema = {
  name: 'Fuzz',
  version: '1.0.0',
  tables: {
    Root: {
      isRoot: true,
      indexes: [['name']],
      columns: {
        name: scalar('string'),
        number: { type: { key: { type: 'integer', minInteger: -5, maxInteger: 20 } } },
        big: scalar('integer'),
        ratio: { type: { key: { type: 'real', minReal: -10, maxReal: 10 } } },
        flag: scalar('boolean'),
        id: scalar('uuid'),
        short: many({ type: 'string', minLength: 1, maxLength: 3 }, 0, 1),
        colour: many({ type: 'string', enum: ['set', ['red', 'green', 'blue']] }, 0, 3),
        level: many({ type: 'integer', enum: ['set', [1, 2, 5]] }, 0, 1),
        numbers: many('integer'),
        reals: many('real', 0, 4),
        flags: many('boolean', 0, 2),
        words: many('string', 1, 3),
        labels: many('string', 0, 'unlimited', 'string'),
        pair: many('string', 0, 1, 'string'),
        counts: many('string', 0, 2, { type: 'integer', minInteger: 0, maxInteger: 5 }),
        fixed: { type: 'string', mutable: false },
        children: many({ type: 'uuid', refTable: 'Leaf' }),
        favourite: many({ type: 'uuid', refTable: 'Leaf', refType: 'weak' }, 0, 1),
        friends: many({ type: 'uuid', refTable: 'Root', refType: 'weak' }),
        byName: many('string', 0, 'unlimited', { type: 'uuid', refTable: 'Leaf' }),
        watched: many({ type: 'uuid', refTable: 'Leaf', refType: 'weak' }, 0, 'unlimited', 'string'),
      },
    },
    Leaf: {
      indexes: [['name', 'rank']],
      columns: {
        name: scalar('string'),
        rank: many('integer', 0, 1),
        next: many({ type: 'uuid', refTable: 'Leaf' }, 0, 1),
        owner: many({ type: 'uuid', refTable: 'Root', refType: 'weak' }, 0, 1),
        must: many({ type: 'uuid', refTable: 'Root', refType: 'weak' }, 1, 2),
      },
    },
    Few: {
      isRoot: true,
      maxRows: 3,
      columns: { name: scalar('string'), temporary: { type: 'string', ephemeral: true } },
    },
  },
} as const;

type Schema = { readonly [table: string]: { readonly columns: { readonly [column: string]: Json } } };
const tables: Schema = fuzzSchema.tables as unknown as Schema;
const tableNames = Object.keys(tables);
const words = ['', 'a', 'b', 'ab', 'abc', 'red', 'green', 'blue', 'é', 'long word', 'x'];

interface Base {
  readonly type: string;
  readonly refTable?: string;
  readonly enum?: readonly [string, readonly Json[]];
  readonly minInteger?: number;
  readonly maxInteger?: number;
  readonly minReal?: number;
  readonly maxReal?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
}

interface Type {
  readonly key: Base;
  readonly value?: Base;
  readonly min: number;
  readonly max: number;
}

function typeOf(table: string, column: string): Type {
  if (column === '_uuid' || column === '_version') return { key: { type: 'uuid' }, min: 1, max: 1 };
  const { type } = tables[table]!.columns[column] as { type: Json };
  const base = (json: Json): Base => (typeof json === 'string' ? { type: json } : (json as unknown as Base));
  if (typeof type === 'string') return { key: { type }, min: 1, max: 1 };
  const object = type as JsonObject;
  const max = object.max === undefined ? 1 : object.max === 'unlimited' ? 8 : (object.max as number);
  return {
    key: base(object.key!),
    ...(object.value === undefined ? {} : { value: base(object.value) }),
    min: (object.min as number | undefined) ?? 1,
    max,
  };
}

export class TransactionGenerator {
  readonly #random: Random;
  readonly #uuids: { [table: string]: string[] } = Object.fromEntries(tableNames.map((name) => [name, []]));
  #named: { name: string; table: string; uuid: string }[] = [];
  #serial = 0;
  /** Which of two faults of one operation a server reports first is its own affair, so there is one at most. */
  #faultAllowed = false;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The operations of a transaction. */
  transaction(): Json[] {
    this.#named = [];
    return Array.from({ length: 1 + this.#random.below(5) }, () => this.#operation());
  }

  condition(table: string): Json[] {
    const r = this.#random;
    return Array.from({ length: r.pick([0, 1, 1, 1, 2]) }, () => this.#clause(table));
  }

  #fault(p: number): boolean {
    if (!this.#faultAllowed || !this.#random.chance(p)) return false;
    this.#faultAllowed = false;
    return true;
  }

  #uuid(): string {
    const serial = (++this.#serial).toString(16).padStart(12, '0');
    const first = this.#random
      .below(2 ** 32)
      .toString(16)
      .padStart(8, '0');
    return `${first}-0000-4000-8000-${serial}`;
  }

  #operation(): Json {
    const r = this.#random;
    this.#faultAllowed = r.chance(0.3);
    const table = this.#fault(0.03) ? 'Nowhere' : r.pick(['Root', 'Root', 'Leaf', 'Leaf', 'Few']);
    const known = table in tables ? table : 'Root';
    const kind = r.below(100);
    const where = () => this.condition(known);
    if (kind < 40) {
      const uuid = this.#fault(0.1) && this.#uuids[known]!.length > 0 ? r.pick(this.#uuids[known]!) : this.#uuid();
      this.#uuids[known]!.push(uuid);
      if (this.#uuids[known]!.length > 12) this.#uuids[known]!.shift();
      const name = `n${this.#fault(0.1) ? 0 : this.#named.length}`;
      const row = this.#row(known, 0.3);
      if (r.chance(0.6)) {
        this.#named.push({ name, table: known, uuid });
        return { op: 'insert', table, row, uuid, 'uuid-name': name };
      }
      return { op: 'insert', table, row, uuid };
    }
    if (kind < 55) return { op: 'update', table, where: where(), row: this.#row(known, 0.12) };
    if (kind < 75) return { op: 'mutate', table, where: where(), mutations: this.#mutations(known) };
    if (kind < 83) return { op: 'delete', table, where: where() };
    if (kind < 93) return { op: 'select', table, where: where(), ...this.#columns(known) };
    if (kind < 97) {
      return {
        op: 'wait',
        timeout: 0,
        table,
        where: where(),
        columns: r.chance(0.3) ? ['_uuid'] : [r.pick(Object.keys(tables[known]!.columns))],
        until: r.pick(['==', '!=']),
        rows: Array.from({ length: r.below(3) }, () => ({
          ...this.#row(known, 0.1),
          ...(r.chance(0.5) ? { _uuid: this.#reference(known) } : {}),
        })),
      };
    }
    return r.pick<Json>([
      { op: 'comment', comment: 'x' },
      { op: 'commit', durable: false },
      { op: 'abort' },
      { op: 'assert', lock: 'nobody' },
      { op: 'nonsense' },
      { op: 'insert', table: 'Root' },
      { op: 'select', table: 'Root', where: [], extra: 1 },
      {},
      7,
    ]);
  }

  #columns(table: string): JsonObject {
    const r = this.#random;
    const names = Object.keys(tables[table]!.columns);
    if (r.chance(0.3)) return { columns: [...names, '_uuid'] };
    const columns = [...new Set([r.pick(['_uuid', r.pick(names)]), this.#fault(0.1) ? 'nothing' : r.pick(names)])];
    return { columns, ...(r.chance(0.2) ? { sort: [r.pick(names)] } : {}) };
  }

  #row(table: string, density: number): JsonObject {
    const r = this.#random;
    const row: { [column: string]: Json } = {};
    for (const column of Object.keys(tables[table]!.columns)) {
      const wanted = column === 'name' || column === 'must' ? 0.8 : density;
      if (r.chance(wanted)) row[column] = this.#datum(typeOf(table, column));
    }
    if (this.#fault(0.05)) row.nothing = 1;
    return row;
  }

  #datum(type: Type): Json {
    const r = this.#random;
    if (this.#fault(0.05)) {
      return r.pick<Json>([5, 'x', true, null, ['set', []], ['map', []], ['set', [[]]], { a: 1 }, ['uuid', 'zz']]);
    }
    const n = this.#fault(0.1) ? r.below(5) : type.min + r.below(Math.min(type.max, 4) - type.min + 1);
    // Now and then a duplicate stays.
    const keys = this.#distinct(
      Array.from({ length: n }, () => this.#atom(type.key)),
      type.min,
    );
    if (type.value !== undefined) return ['map', keys.map((key) => [key, this.#atom(type.value!)])];
    return keys.length === 1 && r.chance(0.9) ? keys[0]! : ['set', keys];
  }

  #distinct(atoms: Json[], min: number): Json[] {
    const unique = [...new Map(atoms.map((atom) => [JSON.stringify(this.#known(atom)), atom])).values()];
    return unique.length < atoms.length && unique.length >= min && this.#fault(0.3) ? atoms : unique;
  }

  /** Two names of one row are one reference. */
  #known(atom: Json): Json {
    if (!Array.isArray(atom) || atom[0] !== 'named-uuid') return atom;
    const uuid = this.#named.find(({ name }) => name === atom[1])?.uuid;
    return uuid === undefined ? atom : ['uuid', uuid];
  }

  #atom(base: Base): Json {
    const r = this.#random;
    const valid = !this.#fault(0.1);
    if (base.enum !== undefined && valid) return r.pick(base.enum[1]);
    switch (base.type) {
      case 'integer': {
        const all = [0, 1, 2, 5, -5, -1, 3, 20, 21, 1000, r.below(10)];
        return valid ? r.pick(within(all, base.minInteger, base.maxInteger)) : r.pick(all);
      }
      case 'real': {
        const all = [0, 1, 2, 0.5, -1.5, 10, 10.5, 1e10, 1 / 3];
        return valid ? r.pick(within(all, base.minReal, base.maxReal)) : r.pick(all);
      }
      case 'boolean':
        return r.chance(0.5);
      case 'string': {
        const fits = words.filter((w) => w.length >= (base.minLength ?? 0) && w.length <= (base.maxLength ?? 99));
        return r.pick(valid ? fits : words);
      }
      default:
        return this.#reference(base.refTable ?? r.pick(tableNames));
    }
  }

  #reference(table: string): Json {
    const r = this.#random;
    const named = this.#named.filter((entry) => entry.table === table);
    if (named.length > 0 && r.chance(0.5)) return ['named-uuid', r.pick(named).name];
    const uuids = this.#uuids[table]!;
    if (uuids.length > 0 && r.chance(0.97)) return ['uuid', r.pick(uuids)];
    return ['uuid', '00000000-0000-0000-0000-000000000000'];
  }

  #clause(table: string): Json {
    const r = this.#random;
    if (r.chance(0.05)) return r.chance(0.5);
    if (this.#fault(0.1)) return r.pick<Json>(['x', [], ['name', '=='], ['nothing', '==', 1], ['name', '~', 'x']]);
    const column = r.pick(['_uuid', 'name', ...Object.keys(tables[table]!.columns)]);
    const type = typeOf(table, column);
    if (column === '_uuid')
      return ['_uuid', r.pick(['==', '==', '!=', 'includes', 'excludes']), this.#reference(table)];
    const ordered = type.max === 1 && type.value === undefined && ['integer', 'real'].includes(type.key.type);
    const fn =
      (ordered && r.chance(0.4)) || this.#fault(0.1)
        ? r.pick(['<', '<=', '>', '>='])
        : r.pick(['==', '==', '!=', 'includes', 'includes', 'excludes']);
    if (ordered && /[<>]/.test(fn)) return [column, fn, this.#datum({ ...type, min: 1 })];
    const any = { ...type, min: 0 };
    const set = fn === 'includes' || fn === 'excludes';
    return [column, fn, this.#datum(set && type.max > 1 ? any : type)];
  }

  #mutations(table: string): Json[] {
    const r = this.#random;
    return Array.from({ length: 1 + r.below(2) }, () => {
      const column = this.#fault(0.1) ? 'nothing' : r.pick(Object.keys(tables[table]!.columns));
      const type = column === 'nothing' ? typeOf('Root', 'name') : typeOf(table, column);
      const numeric = type.key.type === 'integer' || type.key.type === 'real';
      if (numeric && type.value === undefined && (type.max === 1 ? r.chance(0.9) : r.chance(0.5))) {
        const mutator = this.#fault(0.2) ? '^=' : r.pick(['+=', '-=', '*=', '/=', '%=']);
        const operand = this.#atom(type.key);
        return [column, mutator, type.key.type === 'real' ? withoutMinusZero(mutator, operand) : operand];
      }
      const mutator = this.#fault(0.05) ? '+=' : r.pick(['insert', 'insert', 'delete']);
      const byKey = mutator === 'delete' && type.value !== undefined && r.chance(0.5);
      const argument: Type = byKey
        ? { key: type.key, min: 0, max: 3 }
        : { ...type, min: 0, max: Math.min(type.max, 3) };
      return [column, mutator, this.#datum(argument)];
    });
  }
}

/** The operand, or one that makes no -0, which the C server takes for 0 in a `where` and for another number in a `wait` and in an index. */
function withoutMinusZero(mutator: string, operand: Json): Json {
  if (typeof operand !== 'number' || !/[*/]=/.test(mutator)) return operand;
  return mutator === '*=' && operand === 0 ? 1 : Math.abs(operand);
}

function within(numbers: readonly number[], min = -Infinity, max = Infinity): readonly number[] {
  return numbers.filter((n) => n >= min && n <= max);
}
