import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryFlow, arbitraryGroup, arbitraryMeter } from '../test/arbitrary.ts';
import { arbitraryMatch } from '../test/arbitrary-match.ts';
import { load } from './actions.ts';
import { field, subfield } from './fields.ts';
import { formatActions } from './text-actions.ts';
import { parseActions } from './text-actions-parse.ts';
import { formatFlow, formatGroup, formatMeter, parseFlow, parseGroup, parseMeter } from './text-flow.ts';
import { formatMatch, parseMatch } from './text-match.ts';

describe('text', () => {
  it('of a match parses to the match', () => {
    fc.assert(
      fc.property(arbitraryMatch, (match) => {
        const parsed = parseMatch(formatMatch(match));
        expect(parsed.ok && parsed.value.key).toBe(match.key);
      }),
      { numRuns: 1000 },
    );
  });

  it('of a flow parses to the flow', () => {
    fc.assert(
      fc.property(arbitraryFlow, (flow) => {
        const parsed = parseFlow(formatFlow(flow));
        if (!parsed.ok) throw new Error(`${parsed.error.message} in ${formatFlow(flow).slice(parsed.error.offset)}`);
        expect({ ...parsed.value, match: parsed.value.match.key }).toEqual({ ...flow, match: flow.match.key });
      }),
      { numRuns: 1000 },
    );
  });

  it('of a group or meter parses to it', () => {
    fc.assert(
      fc.property(arbitraryGroup, (group) => {
        expect(parseGroup(formatGroup(group))).toEqual({ ok: true, value: group });
      }),
    );
    fc.assert(
      fc.property(arbitraryMeter, (meter) => {
        expect(parseMeter(formatMeter(meter))).toEqual({ ok: true, value: meter });
      }),
    );
  });

  it('of any kind never makes a parser throw', () => {
    const pieces = fc.constantFrom(
      ...'actions= ct( nat( ) [ ] , : = -> / + - reg0 learn( load: set_field: 0x 5 :: 1.2.3.4 output: " tcp ct_state=+ bucket= (('.split(
        ' ',
      ),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(pieces, { maxLength: 12 }).map((p) => p.join('')),
        ),
        (text) => {
          for (const parse of [parseFlow, parseActions, parseMatch, parseGroup, parseMeter]) {
            const parsed = parse(text);
            if (!parsed.ok) expect(parsed.error.message).not.toBe('');
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('load', () => {
  // ovs-actions(7): "OpenFlow 1.5 and later, OFPAT_SET_FIELD".
  it('is a set-field with a mask', () => {
    expect(formatActions([load(subfield(field('reg0'), 4, 8), 0xab)])).toBe('set_field:0xab0/0xff0->reg0');
    expect(formatActions([load(subfield(field('reg0'), 31, 1), 1)])).toBe('set_field:0x80000000/0x80000000->reg0');
    expect(formatActions([load(subfield(field('eth_dst'), 40, 1), 1)])).toBe(
      'set_field:01:00:00:00:00:00/01:00:00:00:00:00->eth_dst',
    );
  });
});

describe('errors', () => {
  it.each([
    ['set_field:5->reg99', 13],
    ['resubmit(,300)', 9],
    ['ct(commit,bogus)', 10],
    ['frobnicate:5', 0],
    ['clone(ct(table=5', 5],
  ])('%s points at character %i', (text, offset) => {
    expect(parseActions(text)).toMatchObject({ ok: false, error: { offset } });
  });
});
