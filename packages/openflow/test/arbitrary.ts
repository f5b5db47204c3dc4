/** For tests: random flows, groups and meters that a switch accepts. */
import fc from 'fast-check';
import type { Action } from '../src/actions.ts';
import { field } from '../src/fields.ts';
import type { FlowMod, Group, GroupSelection, GroupType, Meter } from '../src/flow.ts';
import { arbitraryActions, move, setField, table, u16 } from './arbitrary-actions.ts';
import { arbitraryMatch } from './arbitrary-match.ts';

/** A flow to add. */
export const arbitraryFlow: fc.Arbitrary<FlowMod> = arbitraryMatch.chain((match) =>
  fc
    .record({
      table,
      priority: u16,
      cookie: fc.bigInt({ min: 0n, max: 0xfffffffffffffffen }),
      actions: arbitraryActions(match),
      // Long ones: no flow expires while a test looks.
      timeouts: fc.record(
        {
          idleTimeout: fc.integer({ min: 600, max: 0xffff }),
          hardTimeout: fc.integer({ min: 600, max: 0xffff }),
          importance: fc.integer({ min: 1, max: 0xffff }),
        },
        { requiredKeys: [] },
      ),
      flags: fc.subarray(['send_flow_rem', 'no_packet_counts', 'no_byte_counts'] as const),
    })
    .map(
      ({ timeouts, flags, ...rest }): FlowMod => ({
        command: 'add',
        match,
        ...rest,
        ...timeouts,
        ...(flags.length === 0 ? {} : { flags }),
      }),
    ),
);

const bucketActions = fc.array(
  fc.oneof(
    setField,
    move,
    table.map((t): Action => ({ type: 'resubmit', table: t })),
    fc.integer({ min: 1, max: 0xfeff }).map((p): Action => ({ type: 'output', port: p })),
  ),
  { maxLength: 3 },
);

const selection: fc.Arbitrary<GroupSelection> = fc.oneof(
  fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }).map((param) => ({ method: 'dp_hash', param, fields: [] })),
  fc
    .tuple(
      fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
      // In the order in which the switch gives them back.
      fc.subarray(['eth_src', 'eth_dst', 'ip_src', 'ip_dst', 'ipv6_src', 'nw_proto', 'tcp_src'], { minLength: 1 }),
      fc.boolean(),
    )
    .map(([param, names, isMasked]) => ({
      method: 'hash',
      param,
      fields: names.map((name) => ({
        field: field(name),
        ...(isMasked && name === 'ip_src' ? { mask: 0xff000000 } : {}),
      })),
    })),
);

/** A group to add. */
export const arbitraryGroup: fc.Arbitrary<Group> = fc
  .record({
    id: fc.integer({ min: 1, max: 0xfffffeff }),
    type: fc.constantFrom<GroupType>('all', 'select', 'indirect', 'ff'),
    selected: fc.option(selection, { nil: undefined }),
    buckets: fc.array(
      fc.record({ weight: u16, watchPort: fc.integer({ min: 1, max: 0xfeff }), actions: bucketActions }),
      {
        minLength: 1,
        maxLength: 4,
      },
    ),
  })
  .map(
    ({ id, type, selected, buckets }): Group => ({
      id,
      type,
      buckets: (type === 'indirect' ? buckets.slice(0, 1) : buckets).map(({ weight, watchPort, actions }, i) => ({
        id: i,
        ...(type === 'select' ? { weight } : {}),
        ...(type === 'ff' || (type === 'select' && weight % 2 === 0) ? { watchPort } : {}),
        actions,
      })),
      ...(type === 'select' && selected !== undefined ? { selection: selected } : {}),
    }),
  );

/** A meter to add. */
export const arbitraryMeter: fc.Arbitrary<Meter> = fc
  .record({
    id: fc.integer({ min: 1, max: 10000 }),
    rate: fc.integer({ min: 1 }),
    burst: fc.option(fc.integer({ min: 1 }), { nil: undefined }),
    kbps: fc.boolean(),
    stats: fc.boolean(),
    more: fc.array(fc.integer({ min: 1 }), { maxLength: 3 }),
  })
  .map(({ id, rate, burst, kbps, stats, more }) => ({
    id,
    flags: [
      kbps ? 'kbps' : 'pktps',
      ...(burst === undefined ? [] : (['burst'] as const)),
      ...(stats ? (['stats'] as const) : []),
    ],
    bands: [rate, ...more].map((each) => ({ type: 'drop', rate: each, burstSize: burst ?? 0 })),
  }));
