// OpenFlow: flows per second built, encoded, decoded, printed and parsed, on flows of the shapes that OVN makes; and a million random strings
// through the parsers, none of which may throw. `npm run bench -- openflow`.
import { type Action, load } from '@weft/openflow/actions';
import { Writer } from '@weft/openflow/buffer';
import { field, subfield } from '@weft/openflow/fields';
import { type FlowMod, flowKey } from '@weft/openflow/flow';
import { Match, MatchBuilder } from '@weft/openflow/match';
import { decodeMessage } from '@weft/openflow/message-decode';
import { encode, encodeFlowMod } from '@weft/openflow/message-encode';
import { parseActions } from '@weft/openflow/text-actions-parse';
import { formatFlow, parseFlow } from '@weft/openflow/text-flow';
import { parseMatch } from '@weft/openflow/text-match';

const metadata = field('metadata');
const ethType = field('eth_type');
const ethDst = field('eth_dst');
const ipDst = field('ip_dst');
const reg0 = field('reg0');
const reg10 = field('reg10');
const reg14 = field('reg14');
const reg15 = field('reg15');
const ctState = field('ct_state');
const ctMark = field('ct_mark');
const ipProto = field('ip_proto');
const tcpDst = field('tcp_dst');
const conjId = field('conj_id');
const xxreg0 = field('xxreg0');

/** A typical mixture: L2 forwarding, ACLs on connection state, routing, a conjunction's parts, port security. */
function makeFlow(i: number): FlowMod {
  const datapath = BigInt(i % 250) + 1n;
  const builder = new MatchBuilder().set(metadata, datapath);
  let actions: readonly Action[];
  switch (i % 5) {
    case 0:
      builder.set(ethDst, 0x0a0000000000n + BigInt(i));
      actions = [load(subfield(reg15, 0, 32), i & 0x7fff), { type: 'resubmit', table: 42 }];
      break;
    case 1:
      builder
        .set(reg15, i & 0x7fff)
        .set(ctState, 0x2a, 0x2e)
        .set(ctMark, 0, 1)
        .set(ethType, 0x0800);
      actions = [{ type: 'resubmit', table: 45 }];
      break;
    case 2:
      builder
        .set(reg14, 3)
        .set(ethType, 0x0800)
        .set(ipDst, (0x0a000000 + i) >>> 0, 0xffffff00);
      actions = [
        { type: 'dec_ttl' },
        load(subfield(xxreg0, 96, 32), BigInt(i)),
        { type: 'set_field', field: ethDst, value: 0x0a0000000001n },
        load(subfield(reg10, 0, 1), 1),
        { type: 'resubmit', table: 20 },
      ];
      break;
    case 3:
      builder
        .set(ethType, 0x0800)
        .set(ipProto, 6)
        .set(tcpDst, i & 0xffff)
        .set(reg0, 0x80, 0x80);
      actions = [{ type: 'conjunction', id: i, clause: 1, count: 2 }];
      break;
    default:
      builder.set(conjId, i).set(ethType, 0x0800);
      actions = [
        {
          type: 'ct',
          commit: true,
          zone: subfield(field('reg13'), 0, 16),
          actions: [load(subfield(ctMark, 0, 1), 0)],
        },
        { type: 'resubmit', table: 46 },
      ];
  }
  return {
    command: 'add',
    table: 8 + (i % 60),
    priority: 100 + (i % 2000),
    cookie: BigInt((i * 2654435761) % 4294967296),
    match: builder.build(),
    actions,
  };
}

function measure(name: string, count: number, work: () => void): void {
  work();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  const perSecond = Math.round((count / best) * 1000);
  console.log(`${name.padEnd(42)} ${perSecond.toLocaleString('en').padStart(12)} per second`);
}

const count = 50_000;
const flows = Array.from({ length: count }, (_, i) => makeFlow(i));
const writer = new Writer(1 << 20);
const encoded = flows.map((mod, i) => encode({ type: 'flow_mod', mod }, i));
const texts = flows.map(formatFlow);
let sink = 0;

measure('flows built', count, () => {
  for (let i = 0; i < count; i++) sink += makeFlow(i).table;
});
measure('flows encoded', count, () => {
  for (let i = 0; i < count; i++) {
    if (writer.pos > 1 << 19) writer.pos = 0;
    encodeFlowMod(writer, i, flows[i]!);
  }
});
measure('flows built and encoded', count, () => {
  for (let i = 0; i < count; i++) {
    if (writer.pos > 1 << 19) writer.pos = 0;
    encodeFlowMod(writer, i, makeFlow(i));
  }
});
measure('flow keys (new matches)', count, () => {
  for (const flow of flows)
    sink += flowKey({
      ...flow,
      match: Match.of(...flow.match.terms.map(({ field: f, value, mask }) => [f, value, mask] as const)),
    }).length;
});
measure('flows decoded', count, () => {
  for (const bytes of encoded) sink += decodeMessage(bytes).ok ? 1 : 0;
});
measure('flows printed', count, () => {
  for (const flow of flows) sink += formatFlow(flow).length;
});
measure('flows parsed from text', count, () => {
  for (const text of texts) sink += parseFlow(text).ok ? 1 : 0;
});

// Strings made of the language's own words and of noise.
const words =
  'actions= ct( nat( ) [ ] , : = -> / + - reg0 learn( load: set_field: 0x 5 :: 1.2.3.4 output: " tcp ct_state= resubmit( \u0000 é'.split(
    ' ',
  );
let seed = 12345;
const random = (n: number): number => {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return (seed >>> 8) % n;
};
const strings = 1_000_000;
let accepted = 0;
const start = performance.now();
for (let i = 0; i < strings; i++) {
  let text = '';
  for (let n = random(10); n >= 0; n--) text += words[random(words.length)];
  const parse = i % 3 === 0 ? parseFlow : i % 3 === 1 ? parseActions : parseMatch;
  if (parse(text).ok) accepted++;
}
console.log(
  `${strings.toLocaleString('en')} random strings parsed in ${((performance.now() - start) / 1000).toFixed(1)} s: ${accepted.toLocaleString('en')} were valid, none made a parser throw`,
);

let refused = 0;
const bytesStart = performance.now();
for (let i = 0; i < strings; i++) {
  const bytes = encoded[random(count)]!.slice();
  for (let n = random(4); n >= 0; n--) bytes[random(bytes.length)] = random(256);
  if (!decodeMessage(bytes).ok) refused++;
}
console.log(
  `${strings.toLocaleString('en')} damaged messages decoded in ${((performance.now() - bytesStart) / 1000).toFixed(1)} s: ${refused.toLocaleString('en')} were refused, none made the decoder throw`,
);
if (sink < 0) console.log(sink);
