import fc from 'fast-check';
import { actions, tcp4Actions } from './lflow-corpus/actions.ts';
import { badActions } from './lflow-corpus/bad-actions.ts';
import { badMatches } from './lflow-corpus/bad-matches.ts';
import { matches } from './lflow-corpus/matches.ts';
import { templateActions, templateMatches } from './lflow-corpus/templates.ts';

/** Words that the languages know, and some that they do not. */
const words = [
  ...[
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '==',
    '!=',
    '<',
    '<=',
    '>',
    '>=',
    '!',
    '&&',
    '||',
    '..',
    ',',
    ';',
    '=',
    '<->',
    '--',
  ],
  ...[
    '-',
    ':',
    '&',
    '|',
    '/',
    '.',
    '^',
    '$',
    '@',
    '"',
    '#',
    '0',
    '1',
    '2',
    '3',
    '7',
    '31',
    '32',
    '64',
    '80',
    '255',
    '256',
  ],
  ...['65535', '65536', '4294967295', '4294967296', '18446744073709551616', '0x0', '0x1f', '0xffffffff', '1/1', '2/1'],
  ...[
    '0x10/0xf0',
    '10.0.0.1',
    '10.0.0.0/24',
    '10.0.0.1/24',
    '10.0.0.1/255.0.255.0',
    '10.0.0.1/33',
    '::1',
    'fd00::/64',
    '::',
  ],
  ...[
    'fd00::1/ffff::',
    '00:00:00:00:00:01',
    'ff:ff:ff:ff:ff:ff',
    '01:00:00:00:00:00/01:00:00:00:00:00',
    '"lp1"',
    '"lp2"',
  ],
  ...[
    '"nowhere"',
    '""',
    '$as1',
    '$mixed',
    '$empty',
    '$none',
    '@pg1',
    '@none',
    '^port',
    '^ip',
    '^nothing',
    'word',
    '-1',
    '1..3',
  ],
  ...[
    'ip',
    'ip4',
    'ip6',
    'tcp',
    'udp',
    'sctp',
    'icmp',
    'icmp4',
    'icmp6',
    'arp',
    'nd',
    'nd_ns',
    'nd_na',
    'rarp',
    'igmp',
    'mldv1',
  ],
  ...['eth.src', 'eth.dst', 'eth.type', 'vlan.vid', 'vlan.pcp', 'vlan.present', 'inport', 'outport', 'reg0'],
  ...[
    'reg0[3]',
    'reg1[0..7]',
    'xreg0',
    'xxreg1',
    'flags',
    'flags.loopback',
    'pkt.mark',
    'ip.proto',
    'ip.ttl',
    'ip.tos',
  ],
  ...[
    'ip.frag',
    'ip.is_frag',
    'ip4.src',
    'ip4.dst',
    'ip4.mcast',
    'ip6.src',
    'ip6.dst',
    'ip6.label',
    'arp.op',
    'arp.spa',
  ],
  ...[
    'arp.sha',
    'nd.target',
    'nd.sll',
    'icmp4.type',
    'icmp6.code',
    'tcp.src',
    'tcp.dst',
    'tcp.flags',
    'udp.dst',
    'sctp.src',
  ],
  ...[
    'ct_state',
    'ct.new',
    'ct.est',
    'ct_mark',
    'ct_label',
    'ct_label.natted',
    'ct_mark.blocked',
    'eth.mcast',
    'tun_id',
  ],
  ...[
    'next',
    'output',
    'drop',
    'ct_next',
    'ct_commit',
    'ct_dnat',
    'ct_lb',
    'ct_lb_mark',
    'ct_clear',
    'clone',
    'arp',
    'icmp4',
  ],
  ...[
    'table=5',
    'pipeline=egress',
    'backends=10.0.0.1:80',
    'meter="m1"',
    'verdict=allow',
    'is_chassis_resident',
    'exec',
  ],
  ...['ip.ttl--', 'true', 'false', '/* x */', '// x', ' '],
];

/** What a text is made of, roughly. */
const pieces = (text: string): string[] => text.match(/"(?:[^"\\]|\\.)*"|[\w.:/$@^]+|\s+|[=!<>&|-]{2}|./gs) ?? [];

/** Which words may stand where a word stands, roughly. */
const kinds = [
  /^(==|!=|<|<=|>|>=)$/,
  /^[0-9a-f][0-9a-f.:/x]*$/,
  /^[a-z][\w.]*\.\w+$|^x*reg\d$/,
  /^[a-z_]\w*$/,
  /^"/,
  /^[$@]/,
];
const kindOf = (word: string): number => kinds.findIndex((kind) => kind.test(word));
const alike = kinds.map((_, kind) => words.filter((word) => kindOf(word) === kind));

const change = fc.record({
  kind: fc.constantFrom(
    'alike',
    'alike',
    'alike',
    'alike',
    'drop',
    'double',
    'swap',
    'replace',
    'insert',
    'character',
    'no character',
    'cut',
    'splice',
  ),
  at: fc.nat(),
  other: fc.nat(),
  word: fc.constantFrom(...words),
});

function mutate(
  text: string,
  { kind, at, other, word }: typeof change extends fc.Arbitrary<infer T> ? T : never,
  all: readonly string[],
): string {
  const list = pieces(text);
  if (list.length === 0) return word;
  const i = at % list.length;
  const j = other % list.length;
  const piece = list[i] ?? '';
  switch (kind) {
    case 'alike': {
      const group = alike[kindOf(piece)] ?? [];
      return group.length === 0 ? text : list.with(i, group[other % group.length] ?? '').join('');
    }
    case 'drop':
      return list.toSpliced(i, 1).join('');
    case 'double':
      return list.toSpliced(i, 0, piece).join('');
    case 'swap':
      return list
        .with(i, list[j] ?? '')
        .with(j, piece)
        .join('');
    case 'replace':
      return list.with(i, word).join('');
    case 'insert':
      return list.toSpliced(i, 0, ' ', word, ' ').join('');
    case 'character': {
      const k = other % (piece.length + 1);
      return list.with(i, piece.slice(0, k) + (word[0] ?? '') + piece.slice(k)).join('');
    }
    case 'no character': {
      const k = other % piece.length;
      return list.with(i, piece.slice(0, k) + piece.slice(k + 1)).join('');
    }
    case 'cut':
      return list.slice(0, i).join('');
    case 'splice': {
      const from = pieces(all[other % all.length] ?? '');
      return [...list.slice(0, i), ...from.slice(at % (from.length + 1))].join('');
    }
  }
}

const mutations = (corpus: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...corpus), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([text, changes]) => changes.reduce((changed, each) => mutate(changed, each, corpus), text))
    // OVSDB would not take them, or the log of ovn-controller not tell them apart.
    // A meter that the switch refuses stops ovn-controller.
    .filter((text) => text.trim() !== '' && !/[^\x20-\x7e]|set_meter\b.*\d{9}|vlan\.tci/.test(text));

/** Texts of matches, most of them wrong. */
export const mutatedMatch = mutations(
  [...matches, ...badMatches, ...templateMatches].filter((text) => text.length < 300),
);
/** Texts of actions, most of them wrong. */
export const mutatedActions = mutations(
  [...actions, ...tcp4Actions, ...badActions, ...templateActions].filter((text) => text.length < 300),
);
