/**
 * Actions and functions with arguments, by name. Each parser starts after the name and ends before the `;`. Families of them have files of their own.
 */
import { type LookupFunctionName, type Severity, severities, type Verdict, verdicts } from './action-ast.ts';
import {
  type BitFunction,
  demand,
  fields,
  incomplete,
  isDecimal,
  numberOrNone,
  oneOf,
  type Statement,
} from './arguments.ts';
import { commitEcmpNh, commitLbAff, ctLb, fwdGroup } from './parse-balancing.ts';
import { triggerEvent } from './parse-options.ts';

/** `R = lookup_arp(P, A, M)` and its kin. */
export const lookup: BitFunction = (parser, name, dst) => {
  const kind = name as LookupFunctionName;
  const width = name.startsWith('lookup_arp') ? 32 : 128;
  if (name === 'lookup_arp' || name === 'lookup_nd') {
    const [port, ip, mac] = fields(parser, 'port', width, 48);
    return { kind, dst, port, ip, mac };
  }
  const [port, ip] = fields(parser, 'port', width);
  return { kind, dst, port, ip, mac: undefined };
};

/** Other functions whose result is one bit. */
export const functions: ReadonlyMap<string, BitFunction> = new Map<string, BitFunction>([
  [
    'check_pkt_larger',
    ({ lexer }, _, dst) => {
      lexer.expect('(');
      const length = lexer.expectSmallInteger("`;'");
      lexer.expect(')');
      // The switch compares 16 bits.
      return { kind: 'check_pkt_larger', dst, length: length & 0xffff };
    },
  ],
  [
    'lookup_fdb',
    (parser, _, dst) => {
      const [port, mac] = fields(parser, 'port', 48);
      return { kind: 'lookup_fdb', dst, port, mac };
    },
  ],
]);

const getBinding: Statement = (parser, name) => {
  const [port, ip] = fields(parser, 'port', name === 'get_arp' ? 32 : 128);
  return { kind: name as 'get_arp', port, ip };
};

const putBinding: Statement = (parser, name) => {
  const [port, ip, mac] = fields(parser, 'port', name === 'put_arp' ? 32 : 128, 48);
  return { kind: name as 'put_arp', port, ip, mac };
};

const stack: Statement = (parser, name) => {
  const { lexer } = parser;
  lexer.expect('(');
  const offset = lexer.start;
  const field = parser.field();
  if (name === 'pop' && !field.symbol.writable)
    throw lexer.fail(`Field ${field.symbol.name} is not modifiable.`, offset);
  lexer.expect(')');
  return { kind: name as 'push', field };
};

/** `set_meter(rate)` or `set_meter(rate, burst)`. What is no number is none, as ovn-controller has it. */
const setMeter: Statement = ({ lexer }) => {
  lexer.expect('(');
  const start = lexer.start;
  const rate = numberOrNone(lexer) ?? 0;
  const burst = lexer.match(',') ? numberOrNone(lexer) : undefined;
  lexer.expect(')');
  if (rate === 0) throw lexer.fail('Rate 0 for set_meter is not in valid.', start);
  return { kind: 'set_meter', rate, burst };
};

const log: Statement = ({ lexer }) => {
  let name: string | undefined;
  let severity: Severity | undefined;
  let verdict: Verdict | undefined;
  let meter: string | undefined;
  if (lexer.match('(')) {
    while (!lexer.match(')')) {
      if (lexer.matchId('verdict')) {
        lexer.expect('=');
        verdict = oneOf(lexer, verdicts);
        if (verdict === undefined) throw lexer.syntaxError('unknown verdict');
        lexer.next();
      } else if (lexer.matchId('name')) {
        lexer.expect('=');
        if (lexer.type === 'string' && lexer.text.length >= 64) {
          throw lexer.syntaxError('name must be shorter than 64 characters');
        }
        name = lexer.expectString();
      } else if (lexer.matchId('severity')) {
        lexer.expect('=');
        severity = oneOf(lexer, severities);
        if (lexer.type !== 'id') throw lexer.syntaxError('expecting severity');
        if (severity === undefined) throw lexer.syntaxError('unknown severity');
        lexer.next();
      } else if (lexer.matchId('meter')) {
        lexer.expect('=');
        meter = lexer.expectString();
      } else {
        throw lexer.plainSyntaxError();
      }
      lexer.match(',');
    }
  }
  if (verdict === undefined) throw lexer.syntaxError('expecting verdict');
  return { kind: 'log', name, severity: severity ?? 'info', verdict, meter };
};

const sample: Statement = ({ lexer }) => {
  let probability = 0;
  let collectorSet = 0;
  let obsDomain = 0;
  let obsPoint: number | 'cookie' = 0;
  const parenthesis = lexer.match('(');
  while (parenthesis && !lexer.match(')')) {
    if (lexer.matchId('probability')) {
      lexer.expect('=');
      probability = isDecimal(lexer) ? demand(lexer, 65535, 'expecting probability') : 0;
    } else if (lexer.matchId('collector_set')) {
      lexer.expect('=');
      collectorSet = numberOrNone(lexer) ?? 0;
    } else if (lexer.matchId('obs_domain')) {
      lexer.expect('=');
      obsDomain = isDecimal(lexer) ? demand(lexer, 255, 'obs_domain must be 8-bit long') : (numberOrNone(lexer) ?? 0);
    } else if (lexer.matchId('obs_point')) {
      lexer.expect('=');
      if (lexer.type === 'address-set' && lexer.text === 'cookie') {
        lexer.next();
        obsPoint = 'cookie';
      } else {
        obsPoint = demand(lexer, 0xffffffff, 'malformed sample observation_point_id');
      }
    } else {
      throw lexer.syntaxError('unknown argument');
    }
    lexer.match(',');
  }
  if (probability === 0) throw lexer.fail('probability must be greater than zero');
  return { kind: 'sample', probability, collectorSet, obsDomain, obsPoint };
};

/** Queue numbers end here (ovn-sb(5)). */
const lastQueue = 61440;

/** Actions that are not assignments, by name. */
export const statements: ReadonlyMap<string, Statement> = new Map<string, Statement>([
  ['ct_lb', ctLb],
  ['ct_lb_mark', ctLb],
  ['get_arp', getBinding],
  ['get_nd', getBinding],
  ['put_arp', putBinding],
  ['put_nd', putBinding],
  ['push', stack],
  ['pop', stack],
  ['set_meter', setMeter],
  ['log', log],
  ['fwd_group', fwdGroup],
  ['trigger_event', triggerEvent],
  ['commit_ecmp_nh', commitEcmpNh],
  ['commit_lb_aff', commitLbAff],
  ['sample', sample],
  [
    'put_fdb',
    (parser) => {
      const [port, mac] = fields(parser, 'port', 48);
      return { kind: 'put_fdb', port, mac };
    },
  ],
  [
    'set_queue',
    ({ lexer }) => {
      lexer.expect('(');
      const offset = lexer.start;
      if (lexer.type === ';') throw incomplete(lexer, 'small integer');
      const queue = lexer.expectSmallInteger("`;'");
      lexer.expect(')');
      if (queue > lastQueue)
        throw lexer.fail(`Queue ID ${queue} for set_queue is not in valid range 0 to ${lastQueue}.`, offset);
      return { kind: 'set_queue', queue };
    },
  ],
  [
    'bind_vport',
    (parser) => {
      const { lexer } = parser;
      lexer.expect('(');
      const virtualPort = lexer.expectString('port name string');
      lexer.expect(',');
      const port = parser.portField();
      lexer.expect(')');
      return { kind: 'bind_vport', virtualPort, port };
    },
  ],
  [
    'handle_svc_check',
    (parser) => {
      const [port] = fields(parser, 'port');
      return { kind: 'handle_svc_check', port };
    },
  ],
  [
    'handle_bfd_msg',
    ({ lexer }) => {
      lexer.expect('(');
      lexer.expect(')');
      return { kind: 'handle_bfd_msg' };
    },
  ],
]);
