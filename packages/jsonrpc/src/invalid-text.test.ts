import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonFramer } from './framer.ts';
import { decodeInvalid, InvalidText } from './invalid-text.ts';
import { type Json, stringifyJson } from './json.ts';

/** What a framer makes of `["..."]` with these bytes in the string. */
function framed(bytes: Buffer): Json {
  const values: Json[] = [];
  new JsonFramer((value) => values.push(value)).push(Buffer.concat([Buffer.from('["'), bytes, Buffer.from('"]')]));
  return values[0]!;
}

describe('a string that is no UTF-8', () => {
  it('is none, and is written so that nobody takes it for one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (array) => {
        const bytes = Buffer.from(array.map((byte) => (byte < 0x20 || byte === 0x22 || byte === 0x5c ? 0x61 : byte)));
        const value = framed(bytes);
        if (isUtf8(bytes)) {
          expect(value).toEqual([bytes.toString()]);
          return;
        }
        const [text] = value as readonly [Json];
        expect(text).toBeInstanceOf(InvalidText);
        const written = stringifyJson(value);
        expect(written).toMatch(/\\udc[89a-f]/);
        // Nor does a server to which it is forwarded.
        expect((JSON.parse(written) as readonly string[])[0]).toBe(decodeInvalid(bytes));
        const again: Json[] = [];
        new JsonFramer((each) => again.push(each)).push(Buffer.from(written));
        expect((again[0] as readonly Json[])[0]).toBeInstanceOf(InvalidText);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [[0xff], '0xff'],
    [[0x78, 0xc3, 0xa9, 0xc0, 0x80], '0xc0'],
    [[0xed, 0xa0, 0x80], '0xed 0xa0'],
    [[0xf4, 0x90, 0x80, 0x80], '0xf4 0x90'],
    [[0xe2, 0x82], '0xe2 0x82 0x00'],
    [[0xe2, 0x82, 0x78], '0xe2 0x82 0x78'],
    [[0xf0, 0x9f, 0x98], '0xf0 0x9f 0x98 0x00'],
    [[0xc3, 0x28], '0xc3 0x28'],
  ])('%j says what is wrong', (bytes, shown) => {
    const [text] = framed(Buffer.from(bytes)) as unknown as readonly [InvalidText];
    expect(text.fault).toBe(`not a valid UTF-8 string: invalid UTF-8 sequence ${shown}`);
  });
});
