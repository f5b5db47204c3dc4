/** For tests: random actions that a switch accepts. */
import fc from 'fast-check';
import type { Action, LearnAction } from '../src/actions.ts';
import { field, type Subfield } from '../src/fields.ts';
import type { Match } from '../src/match.ts';
import { arbitraryValue } from './arbitrary-match.ts';

const REGISTERS = ['reg0', 'reg1', 'reg9', 'reg15', 'metadata', 'tun_id', 'eth_src', 'eth_dst', 'pkt_mark'].map(field);

const arbitrarySubfield = (maxBits: number): fc.Arbitrary<Subfield> =>
  fc
    .constantFrom(...REGISTERS)
    .chain((f) =>
      fc
        .integer({ min: 1, max: Math.min(maxBits, f.bits) })
        .chain((bits) => fc.integer({ min: 0, max: f.bits - bits }).map((ofs) => ({ field: f, ofs, bits }))),
    );

const registerBits = (bits: number): fc.Arbitrary<Subfield> =>
  fc
    .constantFrom(...REGISTERS)
    .chain((f) => fc.integer({ min: 0, max: f.bits - bits }).map((ofs) => ({ field: f, ofs, bits })));

export const setField = fc
  .constantFrom(
    ...['reg0', 'reg3', 'xreg4', 'xxreg1', 'metadata', 'tun_id', 'eth_src', 'eth_dst', 'pkt_mark', 'tun_src'].map(
      field,
    ),
  )
  .chain((f) => arbitraryValue(f).map((v): Action => ({ type: 'set_field', field: f, ...v })))
  .filter((a) => a.type !== 'set_field' || (a.mask !== 0 && a.mask !== 0n));

export const move = fc.tuple(fc.constantFrom(...REGISTERS), fc.constantFrom(...REGISTERS)).chain(([a, b]) =>
  fc.integer({ min: 1, max: Math.min(a.bits, b.bits) }).chain((bits) =>
    fc.tuple(fc.integer({ min: 0, max: a.bits - bits }), fc.integer({ min: 0, max: b.bits - bits })).map(
      ([x, y]): Action => ({
        type: 'move',
        src: { field: a, ofs: x, bits },
        dst: { field: b, ofs: y, bits },
      }),
    ),
  ),
);

const u8 = fc.integer({ min: 0, max: 255 });
export const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffffffff });
export const table = fc.integer({ min: 0, max: 253 });
const port = fc.oneof(
  fc.integer({ min: 1, max: 0xfeff }),
  fc.constantFrom(0xfffffff8, 0xfffffffe, 0xfffffffb, 0xfffffffc),
);

const controller: fc.Arbitrary<Action> = fc
  .record(
    {
      maxLen: fc.integer({ min: 0, max: 65534 }),
      reason: fc.constantFrom('no_match', 'invalid_ttl'),
      controllerId: fc.integer({ min: 1, max: 0xffff }),
      userdata: fc.uint8Array({ minLength: 1, maxLength: 40 }),
      pause: fc.constant(true),
      meterId: fc.integer({ min: 1, max: 1000 }),
    },
    { requiredKeys: [] },
  )
  .map((a) => ({ type: 'controller', ...a }) as Action);

/** Actions that any flow may have. */
const simpleAction: fc.Arbitrary<Action> = fc.oneof(
  setField,
  setField,
  move,
  controller,
  port.map((p): Action => ({ type: 'output', port: p })),
  fc.tuple(fc.integer({ min: 1, max: 0xfeff }), fc.integer({ min: 14, max: 9000 })).map(
    ([p, maxLen]): Action => ({
      type: 'output_trunc',
      port: p,
      maxLen,
    }),
  ),
  registerBits(16).map((src): Action => ({ type: 'output_reg', src })),
  table.map((t): Action => ({ type: 'resubmit', table: t })),
  fc
    .tuple(fc.integer({ min: 1, max: 0xfeff }), fc.option(table, { nil: undefined }))
    .map(([p, t]): Action => ({ type: 'resubmit', port: p, ...(t === undefined ? {} : { table: t }) })),
  u32.map((queue): Action => ({ type: 'set_queue', queue: queue % 0xffffffff })),
  fc.constantFrom<Action>({ type: 'pop_queue' }, { type: 'ct_clear' }, { type: 'exit' }),
  arbitrarySubfield(64).map((src): Action => ({ type: 'push', src })),
  arbitrarySubfield(64).map((dst): Action => ({ type: 'pop', dst })),
  fc.tuple(u16, registerBits(1)).map(([length, dst]): Action => ({ type: 'check_pkt_larger', length, dst })),
  fc.tuple(fc.integer({ min: 0, max: 4 }), u8).map(([n, fill]): Action => {
    return { type: 'note', data: new Uint8Array(6 + 8 * n).fill(fill) };
  }),
  fc
    .record(
      {
        probability: fc.integer({ min: 1, max: 0xffff }),
        collectorSetId: fc.integer({ min: 1 }),
        obsPointId: fc.integer({ min: 1 }),
        samplingPort: fc.integer({ min: 1, max: 0xfeff }),
        direction: fc.constantFrom('ingress', 'egress'),
      },
      { requiredKeys: ['probability'] },
    )
    .map((a): Action => ({ type: 'sample', ...a })),
  fc
    .tuple(
      fc.constantFrom('eth_src', 'symmetric_l4', 'nw_dst' as const),
      u16,
      fc.constantFrom('hrw', 'active_backup' as const),
      fc.array(fc.integer({ min: 1, max: 0xfeff }), { maxLength: 5 }),
    )
    .map(([fields, basis, algorithm, members]) => ({ type: 'bundle', fields, basis, algorithm, members }) as Action),
  fc
    .tuple(
      fc.constantFrom('eth_src', 'symmetric_l3l4', 'nw_src' as const),
      u16,
      fc.constantFrom('hrw', 'modulo_n', 'iter_hash', 'hash_threshold' as const),
      fc.integer({ min: 1, max: 200 }),
      registerBits(16),
    )
    .map(
      ([fields, basis, algorithm, links, dst]) =>
        ({ type: 'multipath', fields, basis, algorithm, links, arg: 0, dst }) as Action,
    ),
);

const nat: fc.Arbitrary<Action> = fc.oneof(
  fc.constant<Action>({ type: 'nat' }),
  fc
    .tuple(
      fc.constantFrom('src', 'dst' as const),
      fc.tuple(u32, u32),
      fc.option(
        fc.tuple(
          fc.integer({ min: 1, max: 30000 }),
          fc.option(fc.integer({ min: 30001, max: 65535 }), { nil: undefined }),
        ),
        { nil: undefined },
      ),
      fc.boolean(),
      fc.option(fc.constantFrom('hash', 'random' as const), { nil: undefined }),
    )
    .map(([direction, [a, b], ports, persistent, algorithm]): Action => {
      const min = Math.min(a, b) + 1;
      const max = Math.max(a, b) + 1;
      return {
        type: 'nat',
        direction: direction as 'src',
        ip: max > min && max <= 0xffffffff ? { min, max } : { min },
        ...(ports === undefined
          ? {}
          : { port: ports[1] === undefined ? { min: ports[0] } : { min: ports[0], max: ports[1] } }),
        ...(persistent ? { persistent } : {}),
        ...(algorithm === undefined || ports === undefined ? {} : { algorithm: algorithm as 'hash' }),
      };
    }),
);

const ctMark = field('ct_mark');
const ctLabel = field('ct_label');
const exec: fc.Arbitrary<Action> = fc
  .constantFrom(ctMark, ctLabel)
  .chain((f) => arbitraryValue(f).map((v): Action => ({ type: 'set_field', field: f, ...v })))
  .filter((a) => a.type !== 'set_field' || (a.mask !== 0 && a.mask !== 0n));

/** `ct(commit,…)` of an IPv4 flow. */
const committingCt: fc.Arbitrary<Action> = fc
  .record({
    force: fc.boolean(),
    zone: fc.oneof(fc.integer({ min: 1, max: 0xffff }), registerBits(16)),
    table: fc.option(table, { nil: undefined }),
    actions: fc.tuple(fc.array(nat, { maxLength: 1 }), fc.array(exec, { maxLength: 2 })).map(([n, e]) => [...n, ...e]),
  })
  .map(({ force, zone, table: t, actions }) => ({
    type: 'ct',
    commit: true,
    ...(force ? { force } : {}),
    zone,
    ...(t === undefined ? {} : { table: t }),
    ...(actions.length === 0 ? {} : { actions }),
  }));

const learn: fc.Arbitrary<Action> = fc
  .record(
    {
      table,
      priority: fc.integer({ min: 1, max: 32767 }),
      idleTimeout: fc.integer({ min: 1, max: 0xffff }),
      cookie: fc.bigInt({ min: 1n, max: 0xffffffffffffffffn }),
      deleteLearned: fc.constant(true as const),
      limit: fc.integer({ min: 1, max: 1000 }),
    },
    { requiredKeys: ['table'] },
  )
  .chain((base) =>
    fc.tuple(u32, u16).map(
      ([reg, ethType]): LearnAction => ({
        type: 'learn',
        ...base,
        specs: [
          { type: 'match-value', dst: { field: field('eth_type'), ofs: 0, bits: 16 }, value: ethType },
          {
            type: 'match-field',
            dst: { field: field('eth_dst'), ofs: 0, bits: 48 },
            src: { field: field('eth_src'), ofs: 0, bits: 48 },
          },
          { type: 'load-value', dst: { field: field('reg5'), ofs: 0, bits: 32 }, value: reg },
          {
            type: 'load-field',
            dst: { field: field('reg6'), ofs: 4, bits: 16 },
            src: { field: field('in_port'), ofs: 0, bits: 16 },
          },
          { type: 'output', src: { field: field('in_port'), ofs: 0, bits: 16 } },
        ],
      }),
    ),
  );

const list = fc.array(simpleAction, { maxLength: 5 });

/** Lists of actions that a flow with this match may have. */
export function arbitraryActions(match: Match): fc.Arbitrary<Action[]> {
  const ipv4 = match.get(field('eth_type'))?.value === 0x0800;
  const tcp = ipv4 && match.get(field('nw_proto'))?.value === 6;
  const special: fc.Arbitrary<Action>[] = [
    learn,
    fc.array(simpleAction, { minLength: 1, maxLength: 3 }).map((actions): Action => ({ type: 'clone', actions })),
    table.map((t): Action => ({ type: 'ct', table: t, zone: 5 })),
  ];
  if (ipv4) {
    special.push(
      committingCt,
      fc.constant<Action>({ type: 'dec_ttl' }),
      fc
        .uniqueArray(u16, { minLength: 1, maxLength: 3 })
        .map((controllerIds): Action => ({ type: 'dec_ttl', controllerIds })),
      u8.map((ttl): Action => ({ type: 'mod_nw_ttl', ttl })),
      fc.integer({ min: 0, max: 63 }).map((value): Action => ({ type: 'set_field', field: field('ip_dscp'), value })),
      u32.map((value): Action => ({ type: 'set_field', field: field('ip_dst'), value })),
    );
    // Connection tracking needs a match that says IP; ct_clear and the rest do not.
  } else special.splice(2, 1);
  if (tcp) special.push(u16.map((value): Action => ({ type: 'set_field', field: field('tcp_dst'), value })));
  const mixed = fc.array(fc.oneof(simpleAction, simpleAction, ...special), { maxLength: 6 }).chain((actions) =>
    fc.option(table, { nil: undefined }).map((t): Action[] => {
      // `exit` ends the list for the reader, not for the protocol; goto_table is the last instruction.
      return t === undefined ? actions : [...actions, { type: 'write_metadata', value: BigInt(t) }];
    }),
  );
  const conjunctions = fc
    .uniqueArray(fc.integer({ min: 1, max: 0xffffffff }), { minLength: 1, maxLength: 3 })
    .chain((ids) =>
      fc.tuple(
        ...ids.map((id) =>
          fc
            .integer({ min: 2, max: 4 })
            .chain((count) =>
              fc.integer({ min: 1, max: count }).map((clause): Action => ({ type: 'conjunction', id, clause, count })),
            ),
        ),
      ),
    );
  return fc.oneof(mixed, mixed, list, conjunctions);
}
