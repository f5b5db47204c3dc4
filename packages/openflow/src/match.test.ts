import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arbitraryMatch } from '../test/arbitrary-match.ts';
import { FIELDS, field, fieldByHeader, fieldByName, subfield } from './fields.ts';
import { Match } from './match.ts';
import { parseMatch } from './text-match.ts';

const reg0 = field('reg0');
const reg1 = field('reg1');

describe('a match', () => {
  it('is the same however its constraints were ordered', () => {
    fc.assert(
      fc.property(arbitraryMatch, fc.infiniteStream(fc.nat()), (match, order) => {
        const shuffled = [...match.terms]
          .map((term) => ({ term, rank: order.next().value }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ term }) => [term.field, term.value, term.mask] as const);
        expect(Match.of(...shuffled).key).toBe(match.key);
      }),
    );
  });

  it('is made again of its key, whole or field by field', () => {
    fc.assert(
      fc.property(arbitraryMatch, (match) => {
        expect(new Match(match.key).terms).toEqual(match.terms);
        for (const f of FIELDS) expect(new Match(match.key).get(f), f.name).toEqual(match.get(f));
        expect(new Match(match.key).with(reg0, 5)).toEqual(match.with(reg0, 5));
      }),
    );
  });

  it('is on no field that a message cannot carry', () => {
    expect(() => Match.of([field('skb_priority'), 1])).toThrow(RangeError);
    expect(parseMatch('skb_priority=1')).toMatchObject({ ok: false });
  });

  it('holds the big registers as small ones', () => {
    expect(Match.of([field('xreg0'), 0x1_0000_0002n]).key).toBe(Match.of([reg0, 1], [reg1, 2]).key);
    expect(Match.of([field('xxreg0'), 5n, 0xfn]).key).toBe(Match.of([field('reg3'), 5, 0xf]).key);
  });

  it('holds VLAN tags as the standard fields', () => {
    expect(Match.of([field('vlan_tci'), 0x7005]).terms.map((t) => [t.field.name, t.value, t.mask])).toEqual([
      ['vlan_vid', 0x1005, undefined],
      ['vlan_pcp', 3, undefined],
    ]);
    expect(Match.of([field('vlan_tci'), 0]).key).toBe(Match.of([field('vlan_vid'), 0]).key);
  });

  it('keeps no bits outside the mask, no empty mask and no full one', () => {
    expect(Match.of([reg0, 0xff, 0x0f]).get(reg0)).toMatchObject({ value: 0x0f, mask: 0x0f });
    expect(Match.of([reg0, 5, 0]).key).toBe('');
    expect(Match.of([reg0, 5, 0xffffffff]).get(reg0)?.mask).toBeUndefined();
    expect(Match.of([reg0, 0x80000000, 0x80000000]).get(reg0)).toMatchObject({ value: 0x80000000, mask: 0x80000000 });
  });

  it('adds bits to bits that are there', () => {
    const match = Match.of([reg0, 0x10, 0xf0]).with(reg0, 0x3, 0xf);
    expect(match.get(reg0)).toMatchObject({ value: 0x13, mask: 0xff });
    expect(match.with(reg0, 7).get(reg0)).toMatchObject({ value: 7, mask: undefined });
    expect(match.without(reg0).key).toBe('');
  });

  it('intersects with itself to itself, and never with its contradiction', () => {
    fc.assert(
      fc.property(arbitraryMatch, arbitraryMatch, (a, b) => {
        expect(a.intersect(a)?.key).toBe(a.key);
        expect(a.intersect(b)?.key).toBe(b.intersect(a)?.key);
      }),
    );
    expect(Match.of([reg0, 1, 1]).intersect(Match.of([reg0, 0, 3]))).toBeUndefined();
    expect(
      Match.of([reg0, 1, 1])
        .intersect(Match.of([reg0, 2, 2]))
        ?.get(reg0),
    ).toMatchObject({ value: 3, mask: 3 });
    const metadata = field('metadata');
    expect(Match.of([metadata, 1n]).intersect(Match.of([metadata, 2n]))).toBeUndefined();
  });
});

describe('fields', () => {
  it('are found by every name and header', () => {
    for (const f of FIELDS) {
      for (const name of [f.name, ...f.aliases, ...f.oxm.map((o) => o.name)]) expect(fieldByName(name)).toBe(f);
      for (const oxm of f.oxm) expect(fieldByHeader(oxm.header + 0x104, oxm.experimenter)).toBe(f);
    }
    expect(fieldByName('nonesuch')).toBeUndefined();
    // ovs-fields(7): NXM_NX_REG0 is 0x00010004 with its length, OXM_OF_METADATA 0x80000408.
    expect(reg0.oxm[0]?.header).toBe(0x00010000);
    expect(field('metadata').oxm[0]?.header).toBe(0x80000400);
  });

  it('have no bits beyond their width', () => {
    expect(() => subfield(reg0, 30, 3)).toThrow(RangeError);
  });
});
