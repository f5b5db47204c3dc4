import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FramingError } from './framing.ts';
import { JsonPrefix } from './json-prefix.ts';

/** How many bytes it takes, one by one, before it says that no value begins like that; undefined: it never does. */
function refusedAt(text: string): number | undefined {
  const prefix = new JsonPrefix();
  for (const [i, byte] of Buffer.from(text).entries()) {
    try {
      prefix.feed(Buffer.of(byte));
    } catch (error) {
      expect(error).toBeInstanceOf(FramingError);
      return i;
    }
  }
  return undefined;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe('the beginning of a value', () => {
  it('may be that of any value', () => {
    fc.assert(
      fc.property(fc.array(fc.json({ stringUnit: 'binary' })), fc.constantFrom(0, 1), (texts, indent) => {
        const text = JSON.stringify([texts.map((each) => JSON.parse(each))], null, indent);
        expect(refusedAt(text)).toBeUndefined();
        expect(() => new JsonPrefix().feed(Buffer.from(text))).not.toThrow();
      }),
    );
  });

  it('is refused only if no value has it', () => {
    const sample = '{"a":[1,-20.5e+3,0,true,false,null,"b\\u00e9\\n\\"",{}, []],"":{"c":0.1E-2}}';
    let refusals = 0;
    for (let i = 1; i < sample.length - 1; i++) {
      for (const byte of '{}[]",:0179.-+eEtrufalsn\\/ \n\u0001x') {
        const bent = sample.slice(0, i) + byte + sample.slice(i + 1);
        const refused = refusedAt(bent);
        if (refused === undefined) continue;
        refusals++;
        expect(refused, bent).toBeGreaterThanOrEqual(i);
        expect(parses(bent), bent).toBe(false);
      }
    }
    expect(refusals).toBeGreaterThan(1000);
  });

  it.each([
    ['{{', 1],
    ['[1 2', 3],
    ['{"a":1,}', 7],
    ['[01', 2],
    ['["\\u12g', 6],
    ['["\n', 2],
    ['[tru ', 4],
    ['[[[}', 3],
    ['[1.]', 3],
    ['[-]', 2],
  ])('%s is refused at byte %i', (text, at) => {
    expect(refusedAt(text)).toBe(at);
  });
});
