/** Values survive the wire, and differences lead where they say. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Atom, type AtomicType, compareAtoms, compareStrings } from './atom.ts';
import { type Datum, datumsEqual, defaultDatum, isDefault, toMap, toSet } from './datum.ts';
import { applyDifference, difference } from './diff.ts';
import { type Json, jsonText, leastNormal } from './json.ts';
import { type ColumnType, columnType } from './schema.ts';
import { decodeDatum, encodeDatum } from './wire.ts';

const atoms: { readonly [T in AtomicType]: fc.Arbitrary<Atom> } = {
  integer: fc.maxSafeInteger(),
  real: fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => (Math.abs(x) < leastNormal ? 0 : x)),
  boolean: fc.boolean(),
  string: fc.string({ unit: 'grapheme', maxLength: 6 }),
  uuid: fc.uuid(),
};
const atomic = fc.constantFrom<AtomicType>('integer', 'real', 'boolean', 'string', 'uuid');

function datumOf(type: ColumnType): fc.Arbitrary<Datum> {
  const key = atoms[type.key.type];
  switch (type.kind) {
    case 'scalar':
      return key;
    case 'optional':
      return fc.option(key, { nil: undefined });
    case 'set':
      return fc.array(key, { maxLength: 8 }).map(toSet);
    case 'map':
      return fc.array(fc.tuple(key, atoms[type.value!.type]), { maxLength: 8 }).map(toMap);
  }
}

const typed = fc
  .tuple(fc.constantFrom('scalar', 'optional', 'set', 'map'), atomic, atomic)
  .map(([kind, key, value]) =>
    columnType(
      { type: key },
      kind === 'map' ? { type: value } : undefined,
      kind === 'scalar' ? 1 : 0,
      kind === 'set' || kind === 'map' ? Number.POSITIVE_INFINITY : 1,
    ),
  )
  .chain((type) => fc.tuple(fc.constant(type), datumOf(type), datumOf(type)));

const overTheWire = (json: Json): Json => JSON.parse(jsonText(json)) as Json;

describe('values', () => {
  it('are the same after the wire', () => {
    fc.assert(
      fc.property(typed, ([type, datum]) => {
        expect(datumsEqual(decodeDatum(type, overTheWire(encodeDatum(type, datum))), datum)).toBe(true);
      }),
    );
  });

  it('become others by their difference', () => {
    fc.assert(
      fc.property(typed, ([type, before, after]) => {
        const json = overTheWire(encodeDatum(type, difference(type, before, after)));
        expect(datumsEqual(applyDifference(type, before, json), after)).toBe(true);
      }),
    );
  });

  it('are equal to themselves, and default exactly if they equal the default', () => {
    fc.assert(
      fc.property(typed, ([type, a, b]) => {
        expect(datumsEqual(a, a)).toBe(true);
        expect(datumsEqual(a, b)).toBe(jsonText(encodeDatum(type, a)) === jsonText(encodeDatum(type, b)));
        expect(isDefault(type, a)).toBe(datumsEqual(a, defaultDatum(type)));
      }),
    );
  });

  it('hold integers of 64 bits', () => {
    const type = columnType({ type: 'integer' }, undefined, 1, 1);
    for (const n of [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n]) {
      expect(decodeDatum(type, n)).toBe(n);
      expect(jsonText(encodeDatum(type, n))).toBe(String(n));
    }
    expect(() => decodeDatum(type, 2n ** 63n)).toThrow('expected integer');
  });
});

describe('order', () => {
  it('of strings is that of their UTF-8 bytes', () => {
    const text = fc.string({ unit: 'binary', maxLength: 5 }).filter((s) => Buffer.from(s).toString() === s);
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareStrings(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
    );
  });

  it('is total', () => {
    fc.assert(
      fc.property(
        atomic.chain((type) => fc.array(atoms[type], { maxLength: 10 })),
        (list) => {
          const sorted = toSet(list);
          for (let i = 1; i < sorted.length; i++) expect(compareAtoms(sorted[i - 1]!, sorted[i]!)).toBeLessThan(0);
        },
      ),
    );
  });
});
