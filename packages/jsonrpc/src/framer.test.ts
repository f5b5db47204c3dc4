import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonFramer } from './framer.ts';
import { defaultLimits, FramingError, type ValueReader } from './framing.ts';
import { InvalidText } from './invalid-text.ts';
import { type Json, parseExactJson, stringifyJson } from './json.ts';
import { LongValue } from './long-value.ts';

/** Cuts `bytes` at the given places (fractions) and returns what a framer makes of the pieces. */
function frame(
  bytes: Uint8Array,
  cuts: readonly number[] = [],
  readerOf?: (begin: Buffer) => ValueReader | undefined,
): Json[] {
  const values: Json[] = [];
  const framer = new JsonFramer((value) => values.push(value), defaultLimits, readerOf);
  const places = [...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
  let start = 0;
  for (const place of places) {
    framer.push(bytes.slice(start, place));
    start = place;
  }
  expect(framer.pendingBytes).toBe(0);
  return values;
}

/** What JSON.parse makes of a text, but with integers that a double may not hold exactly as bigints. */
function exact(value: Json): Json {
  if (typeof value === 'number') {
    const text = String(value);
    return Number.isSafeInteger(value) || !/^-?\d+$/.test(text) ? value : BigInt(text);
  }
  if (Array.isArray(value)) return value.map(exact);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, exact(member as Json)]));
  }
  return value;
}

/** Without the numbers nearest to 0, which no C program reads. */
function jsonValue(options: fc.JsonSharedConstraints = {}): fc.Arbitrary<Json> {
  return fc
    .json(options)
    .map(
      (text) =>
        JSON.parse(text, (_, value) => (typeof value === 'number' && Math.abs(value) < 2 ** -1022 ? 0 : value)) as Json,
    );
}

/** Does some beginning of the text parse, so that the rest is a fault of its own? */
function isPrefix(text: string): boolean {
  for (let i = 300_000; i <= text.length; i++) {
    try {
      JSON.parse(text.slice(0, i));
      return true;
    } catch {
      // Try a longer one.
    }
  }
  return false;
}

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
/** A NUL in a string is refused; that has a test of its own. */
const withoutNul = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  arbitrary.filter((value) => !JSON.stringify(value).includes('\\u0000'));
const container = withoutNul(
  fc.oneof(
    fc.array(jsonValue({ maxDepth: 4 })),
    fc.dictionary(fc.string({ unit: 'binary' }), jsonValue({ maxDepth: 3 })),
  ),
);
const hardString = fc.stringMatching(/^["\\{}[\]a\u00e9\u20ac\u{1f600} ]{0,200}$/u);

describe('framing', () => {
  it('cut anywhere, a stream of values equals JSON.parse of each', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(container, fc.array(hardString))),
        fc.array(fraction, { maxLength: 20 }),
        fc.constantFrom('', ' ', '\n', '\t\r\n'),
        (values, cuts, separator) => {
          const texts = values.map((value) => JSON.stringify(value));
          const bytes = Buffer.from(texts.join(separator));
          expect(frame(bytes, cuts)).toEqual(texts.map((text) => exact(JSON.parse(text))));
        },
      ),
    );
  });

  it('the same if somebody reads some of them by himself', () => {
    const readerOf = (begin: Buffer) => (begin[0] === 0x7b ? new LongValue(defaultLimits) : undefined);
    fc.assert(
      fc.property(fc.array(container), fc.array(fraction, { maxLength: 20 }), (values, cuts) => {
        const texts = values.map((value) => JSON.stringify(value));
        expect(frame(Buffer.from(texts.join(' ')), cuts, readerOf)).toEqual(
          texts.map((text) => exact(JSON.parse(text))),
        );
      }),
    );
  });

  it('cut into single bytes, the same', () => {
    const values = [{ a: ['\\', '"', '\\"', 'é€😀', `${'x'.repeat(100)}\\`] }, [], {}, [[[]]], { '}': ']' }];
    const bytes = Buffer.from(values.map((value) => JSON.stringify(value)).join(''));
    const cuts = Array.from(bytes, (_, i) => i / bytes.length);
    expect(frame(bytes, cuts)).toEqual(values);
  });

  it('finds the end of a long string behind any run of backslashes, cut anywhere', () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(9), fc.array(fraction, { maxLength: 4 }), (length, slashes, cuts) => {
        const value = ['x'.repeat(length) + '\\'.repeat(slashes), '"'.repeat(slashes), 'end'];
        expect(frame(Buffer.from(JSON.stringify(value)), cuts)).toEqual([value]);
      }),
    );
  });

  it('takes escapes of every other kind', () => {
    const text = String.raw`["\\u0000","\\ud83d","\ud83d\ude00","\u00e9","\\\\ude00","\u0001"]`;
    expect(frame(Buffer.from(text))).toEqual([JSON.parse(text)]);
  });

  it('keeps integers of 64 bits whole', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (integer) => {
        const expected = Number.isSafeInteger(Number(integer)) ? Number(integer) : integer;
        const [value] = frame(Buffer.from(`{"a":[${integer}, "9007199254740993", 1.5e3]}`));
        expect(value).toEqual({ a: [expected, '9007199254740993', 1500] });
        expect(stringifyJson(value as Json)).toBe(`{"a":[${integer},"9007199254740993",1500]}`);
      }),
    );
  });

  it('refuses numbers that no double holds, cut anywhere', () => {
    const large = [
      '1e400',
      '-1E+400',
      '1e309',
      '1.7976931348623159e308',
      `1${'0'.repeat(309)}`,
      '10e0308',
      '1e2147483648',
    ];
    const small = ['2.2e-308', '-1e-323', `0.${'0'.repeat(310)}1`, '0e-2147483648'];
    for (const number of [...large, ...small]) {
      const text = `{"a":[${number}]}`;
      for (let cut = 1; cut < text.length; cut++) expect(() => frame(Buffer.from(text), [cut])).toThrow(FramingError);
      const long = `["${'x'.repeat(300_000)}",${number}]`;
      expect(() => frame(Buffer.from(long)), number).toThrow(FramingError);
    }
    expect(frame(Buffer.from('[1e308,-1E+308,1e-400,0e999]'))).toEqual([[1e308, -1e308, Number.MIN_VALUE, 0]]);
  });

  describe('of a long value', () => {
    const pad = 'x'.repeat(300_000);
    // Long from the start, so that all that follows is parsed as it arrives; then large enough that members are parsed in parts.
    const row = withoutNul(fc.oneof(container, hardString, jsonValue({ maxDepth: 6 })));
    const bulk = fc.array(row, { maxLength: 4 }).map((rows) => rows.map((each) => [each, 'y'.repeat(9000)]));

    it('equals JSON.parse, at any depth, cut anywhere', () => {
      const value = fc.oneof(
        fc.tuple(row, bulk, row),
        fc.dictionary(fc.string(), row),
        fc.record({
          result: fc.tuple(fc.boolean(), fc.string(), fc.dictionary(fc.string(), fc.dictionary(fc.uuid(), bulk))),
        }),
        fc.array(fc.array(fc.array(fc.array(fc.array(row, { maxLength: 3 }), { maxLength: 3 }), { maxLength: 3 }))),
      );
      fc.assert(
        fc.property(value, fc.array(fraction, { maxLength: 6 }), fc.constantFrom(0, 1), (inner, cuts, indent) => {
          const text = JSON.stringify([pad, inner, { __proto__: null, z: inner }], null, indent);
          const bytes = Buffer.from(`${text} [1]{"a":2}`);
          const places = [...cuts, 200_000 / bytes.length, 290_000 / bytes.length];
          expect(frame(bytes, places)).toEqual([exact(JSON.parse(text)), [1], { a: 2 }]);
        }),
        { numRuns: 200 },
      );
    });

    it('refuses what JSON.parse refuses, and numbers that no double holds', () => {
      const soup = fc.stringMatching(/^[{}[\]",:\\0-9e.+\-tru ]{0,40}$/);
      fc.assert(
        fc.property(soup, fc.array(fraction, { maxLength: 3 }), (text, cuts) => {
          const whole = `[["${pad}",1],${text}]`;
          let parsed: Json | undefined;
          try {
            parsed = exact(JSON.parse(whole));
          } catch {
            // Then it must not be taken either.
          }
          const values: Json[] = [];
          const framer = new JsonFramer((value) => values.push(value));
          const bytes = Buffer.from(whole);
          let failed = false;
          try {
            let start = 0;
            const tail = cuts.map((cut) => 300_000 + Math.floor(cut * (bytes.length - 300_000)));
            for (const place of [...tail, 299_000, bytes.length].sort((a, b) => a - b)) {
              framer.push(bytes.subarray(start, place));
              start = place;
            }
          } catch (error) {
            expect(error).toBeInstanceOf(FramingError);
            failed = true;
          }
          // Text with brackets may end the value early; that is the same value or an error, too.
          if (parsed !== undefined) expect([failed, values]).toEqual([false, [parsed]]);
          else if (!failed) for (const value of values) expect(JSON.stringify(value).length).toBeGreaterThan(0);
          if (parsed === undefined && !failed) expect(values.length === 0 || isPrefix(whole)).toBe(true);
        }),
        { numRuns: 1500 },
      );
    });

    it('marks invalid UTF-8 in it, refuses wrong brackets, and too much of it', () => {
      const push = (...parts: (string | Uint8Array)[]): void => {
        const framer = new JsonFramer(() => {}, { maxBytes: 1_000_000, maxDepth: 1000 });
        for (const part of parts) framer.push(Buffer.from(part));
      };
      expect(frame(Buffer.concat([Buffer.from(`["${pad}","`), Buffer.of(0xc3), Buffer.from('("]')]))).toEqual([
        [pad, new InvalidText('\udcc3(')],
      ]);
      expect(() => push(`["${pad}",`, '{"a":[1}]]')).toThrow(FramingError);
      expect(() => push(`["${pad}",`, '[}]')).toThrow('brackets do not match');
      expect(() => push(`["${pad}",`, '['.repeat(2000))).toThrow('nesting depth 1000');
      expect(() => push(`["${pad}",`, `"${pad}`, pad, pad)).toThrow('exceeds the maximum of 1000000 bytes');
    });
  });

  it.each([
    [
      'a byte that is no UTF-8 where half of a surrogate pair is',
      Buffer.concat([Buffer.from('["\\ud83d'), Buffer.of(0x80), Buffer.from('"]')]),
    ],
    ['a byte that is no UTF-8 outside strings', Buffer.of(0x5b, 0xa0, 0x5d)],
    ['an escaped NUL', Buffer.from('["a\\u0000"]')],
    ['half a surrogate pair', Buffer.from('[{"\\uD83D":1}]')],
    ['both halves in the wrong order', Buffer.from('["\\ude00\\ud83d"]')],
    ['a vertical tab between values', Buffer.from('\u000b[]')],
    ['a scalar', Buffer.from('5')],
    ['mismatched brackets', Buffer.from('[1}')],
    ['a bare word', Buffer.from('[nothing]')],
    ['a control character in a string', Buffer.from('["\u0001"]')],
  ])('refuses %s', (_name, bytes) => {
    expect(() => frame(bytes)).toThrow(FramingError);
  });

  it.each(['{{', '[1,,', '{"a"x', '["\u0001'])('refuses %s before it is whole, cut anywhere', (text) => {
    const message = `{"id":1,"method":"echo","params":[${text}`;
    for (let cut = 0; cut < message.length; cut++) {
      const framer = new JsonFramer(() => {});
      framer.push(Buffer.from('[1]'));
      framer.push(Buffer.from(message.slice(0, cut)));
      expect(() => framer.push(Buffer.from(message.slice(cut)))).toThrow('syntax error: unexpected');
      expect(framer.pendingBytes).toBe(0);
    }
  });

  it('refuses what is nested too deep, before it is whole', () => {
    const framer = new JsonFramer(() => {}, { maxBytes: 1e6, maxDepth: 1000 });
    expect(() => framer.push(Buffer.from('['.repeat(100_000)))).toThrow('input exceeds maximum nesting depth 1000');
  });

  it('refuses what is too long, and then holds nothing', () => {
    const framer = new JsonFramer(() => {}, { maxBytes: 1000, maxDepth: 10 });
    framer.push(Buffer.from('["'));
    expect(() => {
      for (let i = 0; i < 100; i++) framer.push(Buffer.from('x'.repeat(100)));
    }).toThrow('message exceeds the maximum of 1000 bytes');
    expect(framer.pendingBytes).toBe(0);
  });

  it('delivers what came before the fault', () => {
    const values: Json[] = [];
    const framer = new JsonFramer((value) => values.push(value));
    expect(() => framer.push(Buffer.from('[1][2]x[3]'))).toThrow(FramingError);
    expect(values).toEqual([[1], [2]]);
    framer.push(Buffer.from('[4]'));
    expect(values).toEqual([[1], [2]]);
  });

  it('survives any bytes: values or a FramingError', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc
        .stringMatching(/^[{}[\]",:\\0-9eE.+\-utrfalsn \u00e9]{0,200}$/u)
        .map((text) => new Uint8Array(Buffer.from(text))),
    );
    fc.assert(
      fc.property(hostile, fc.array(fraction, { maxLength: 5 }), (bytes, cuts) => {
        const places = [...cuts.map((cut) => Math.floor(cut * bytes.length)), bytes.length].sort((a, b) => a - b);
        const framer = new JsonFramer(() => {});
        let start = 0;
        try {
          for (const place of places) {
            framer.push(bytes.slice(start, place));
            start = place;
          }
        } catch (error) {
          expect(error).toBeInstanceOf(FramingError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe('the exact parser', () => {
  it('equals JSON.parse but for large integers', () => {
    fc.assert(
      fc.property(jsonValue().map(stringifyJson), (text) => {
        expect(parseExactJson(text)).toEqual(exact(JSON.parse(text)));
      }),
    );
  });

  it('refuses what JSON.parse refuses, and numbers that no double holds', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[{}[\]",:\\0-9e.+\-tru ]{0,30}$/), (text) => {
        let accepted = true;
        try {
          JSON.parse(text, (_, value: unknown) => {
            if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('no double');
            return value;
          });
        } catch {
          accepted = false;
        }
        if (accepted) expect(() => parseExactJson(text)).not.toThrow();
        else expect(() => parseExactJson(text)).toThrow(SyntaxError);
      }),
      { numRuns: 2000 },
    );
  });
});
