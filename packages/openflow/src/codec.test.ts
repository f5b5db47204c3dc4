import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryFlow, arbitraryGroup, arbitraryMeter } from '../test/arbitrary.ts';
import { decodeMessage } from './message-decode.ts';
import { encode } from './message-encode.ts';
import type { Message } from './messages.ts';

function roundTrip(message: Message): Message {
  const decoded = decodeMessage(encode(message, 7));
  if (!decoded.ok) throw new Error(`${decoded.error.message} at ${decoded.error.offset}`);
  expect(decoded.value).toMatchObject({ version: 6, xid: 7 });
  return decoded.value.message;
}

const messages: fc.Arbitrary<Message> = fc.oneof(
  arbitraryFlow.map((mod): Message => ({ type: 'flow_mod', mod })),
  arbitraryGroup.map((group): Message => ({ type: 'group_mod', mod: { ...group, command: 'add' } })),
  arbitraryMeter.map((meter): Message => ({ type: 'meter_mod', mod: { ...meter, command: 'add' } })),
  arbitraryFlow.map(
    (mod): Message => ({
      type: 'bundle_add',
      bundle: 5,
      flags: ['atomic', 'ordered'],
      message: { type: 'flow_mod', mod },
    }),
  ),
  arbitraryFlow.map(
    (mod): Message => ({
      type: 'packet_in',
      packet: Uint8Array.of(1, 2, 3),
      table: mod.table,
      cookie: mod.cookie,
      reason: 'action',
      metadata: mod.match,
      userdata: Uint8Array.of(9),
      continuation: Uint8Array.of(1, 2, 3, 4),
    }),
  ),
);

describe('messages to bytes and back', () => {
  it('give the same message', () => {
    fc.assert(
      fc.property(messages, (message) => {
        expect(roundTrip(message)).toEqual(message);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('ct_flush', () => {
  it('comes back with all parts of its tuples', () => {
    const message: Message = {
      type: 'ct_flush',
      ipProto: 1,
      zone: 5,
      original: { src: 0x0a010101, dst: 0x0a010102, icmpId: 10, icmpType: 8, icmpCode: 0 },
      reply: { src: 0xfc00n << 112n, srcPort: 1, dstPort: 2 },
    };
    expect(roundTrip(message)).toEqual(message);
  });
});

describe('hostile bytes', () => {
  it('never make the decoder throw: random ones', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const decoded = decodeMessage(bytes);
        if (!decoded.ok) expect(decoded.error.offset).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 3000 },
    );
  });

  it('never make the decoder throw: random bodies under every type', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 36 }), fc.uint8Array({ maxLength: 120 }), (type, body) => {
        const bytes = Uint8Array.from([6, type, 0, body.length + 8, 0, 0, 0, 1, ...body]);
        decodeMessage(bytes);
      }),
      { numRuns: 5000 },
    );
  });

  it('never make the decoder throw: messages with changed bytes, and cut ones', () => {
    fc.assert(
      fc.property(
        messages,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined }),
        (message, changes, cut) => {
          const bytes = encode(message, 1);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const kept = cut === undefined ? bytes : bytes.subarray(0, cut % bytes.length);
          const decoded = decodeMessage(kept);
          if (!decoded.ok) {
            expect(decoded.error.offset).toBeLessThanOrEqual(kept.length);
            expect(decoded.error.message).not.toBe('');
          }
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('that nest without end are an error', () => {
    // clone(clone(clone(…))) as deep as one message can hold.
    const depth = 4000;
    const body: number[] = [];
    for (let i = 0; i < depth; i++) {
      const length = 16 * (depth - i);
      body.push(0xff, 0xff, length >> 8, length & 0xff, 0, 0, 0x23, 0x20, 0, 42, 0, 0, 0, 0, 0, 0);
    }
    const actions = body.length;
    const head = [0xff, 0xff, 0xff, 0xff, actions >> 8, actions & 0xff, 0, 0, 0, 1, 0, 4, 0, 0, 0, 0];
    const total = 8 + head.length + actions;
    const bytes = Uint8Array.from([6, 13, total >> 8, total & 0xff, 0, 0, 0, 1, ...head, ...body]);
    const decoded = decodeMessage(bytes);
    expect(decoded).toMatchObject({ ok: false, error: { message: expect.stringContaining('nest') } });
  });

  it('are refused with the offset of what is wrong', () => {
    const bytes = encode({
      type: 'meter_mod',
      mod: { command: 'add', id: 1, flags: [], bands: [{ type: 'drop', rate: 1, burstSize: 1 }] },
    });
    bytes[17] = 9;
    expect(decodeMessage(bytes)).toEqual({ ok: false, error: { offset: 16, message: 'unknown meter band 9' } });
  });
});
