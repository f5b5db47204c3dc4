/** Actions that translate addresses, and that choose among several: backends, groups, next hops. As in `parse-calls.ts`. */
import { fieldByName } from '@weft/openflow/fields';
import type { Endpoint, LflowAction, NatActionName, Protocol } from './action-ast.ts';
import { address, boolean, demand, endpoint, incomplete, parseProtocol, type Statement } from './arguments.ts';
import type { FieldRef } from './ast.ts';
import type { Lexer } from './lexer.ts';
import type { ActionParser } from './parse-actions.ts';

/** `ct_dnat`, `ct_dnat(IP)`, `ct_dnat(IP, PORT-PORT)` and their kin. */
export const nat: Statement = ({ lexer }, name) => {
  const kind = name as NatActionName;
  if (!lexer.match('(')) return { kind, ip: undefined, ports: undefined };
  const ip = address(lexer, 'expecting IPv4 or IPv6 address');
  let ports: { min: number; max: number | undefined } | undefined;
  if (lexer.match(',')) {
    if (lexer.type !== 'integer' || lexer.format !== 'decimal')
      throw lexer.syntaxError('expecting Integer for port range');
    const min = Number(lexer.value);
    if (min % 0x10000 === 0) throw lexer.syntaxError("range can't be 0");
    if (min > 0xffff) throw lexer.syntaxError('expecting Integer for port range');
    lexer.next();
    let max: number | undefined;
    if (lexer.match('-')) {
      if ((lexer.type as string) !== 'integer') throw lexer.syntaxError('expecting Integer for port range');
      max = Number(lexer.value);
      if (max <= min || max > 65535) throw lexer.syntaxError('range high should be greater than range low');
      lexer.next();
    }
    ports = { min, max };
  }
  lexer.expect(')');
  return { kind, ip, ports };
};

/** `ct_lb(backends=…; hash_fields=…; FLAG)`, and the same of `ct_lb_mark`. */
export const ctLb: Statement = ({ lexer }, name) => {
  const backends: Endpoint[] = [];
  let hashFields: string | undefined;
  let flag: 'skip_snat' | 'force_snat' | undefined;
  if (lexer.match('(') && !lexer.match(')')) {
    if (!lexer.matchId('backends')) throw lexer.syntaxError('expecting backends');
    lexer.expect('=');
    while (lexer.type !== ';' && lexer.type !== ')') {
      backends.push(backend(lexer));
      lexer.match(',');
    }
    // The hash fields may come first; a flag ends the list.
    while (lexer.type !== ')') {
      const separator = lexer.type === ';' ? undefined : lexer.syntaxError("expecting `)'");
      lexer.next();
      if (flag !== undefined) throw incomplete(lexer, "`)'");
      if (hashFields === undefined && lexer.matchId('hash_fields')) {
        if (!lexer.match('=') || (lexer.type as string) !== 'string') throw lexer.syntaxError('invalid hash_fields');
        hashFields = knownFields(lexer);
      } else if (lexer.matchId('skip_snat')) {
        flag = 'skip_snat';
      } else if (lexer.matchId('force_snat')) {
        flag = 'force_snat';
      } else {
        throw incomplete(lexer, "`)'");
      }
      if (separator !== undefined) throw separator;
    }
    lexer.expect(')');
  }
  return { kind: name as 'ct_lb', backends, hashFields, flag };
};

/** The names in `hash_fields`. */
export function fieldNames(text: string): string[] {
  return text.split(/[,\s]+/).filter((name) => name !== '');
}

/** A string of names of the switch's fields. ovn-controller ends over a name that is none. */
function knownFields(lexer: Lexer): string {
  const unknown = fieldNames(lexer.text).find((name) => fieldByName(name) === undefined);
  if (unknown !== undefined) throw lexer.fail(`hash_fields names ${unknown}, which is no field.`);
  return lexer.expectString();
}

function backend(lexer: Lexer): Endpoint {
  const bracket = lexer.match('[');
  if (bracket && lexer.format !== 'ipv6') throw lexer.syntaxError('expecting IPv6 address');
  const { family, address: ip } = address(lexer, bracket ? 'expecting IPv6 address' : 'expecting IP address');
  if (bracket) {
    if (lexer.type !== ']') throw lexer.syntaxError('no closing square bracket');
    lexer.next();
  }
  let port: number | undefined;
  if ((family === 'ipv4' || bracket) && lexer.match(':')) {
    port = demand(lexer, 65535, 'expecting port number');
  }
  return { family, address: ip, port };
}

/** Of a member that names none. */
const defaultWeight = 100;

/** `R = select(N1=W1, …)` */
export function select({ lexer }: ActionParser, dst: FieldRef, offset: number): LflowAction {
  lexer.expect('(');
  if (dst.bits < 16) {
    const { ofs, bits, symbol } = dst;
    throw lexer.fail(
      `cannot use ${bits}-bit field ${symbol.name}[${ofs}..${ofs + bits - 1}] for "select", which requires at least 16 bits.`,
      offset,
    );
  }
  const members: { id: number; weight: number }[] = [];
  while (!lexer.match(')')) {
    const id = demand(lexer, 65535, 'expecting id');
    let weight = defaultWeight;
    if (lexer.match('=')) {
      weight = demand(lexer, 65535, 'expecting weight');
      if (weight === 0) throw lexer.syntaxError("weight can't be 0");
    }
    members.push({ id, weight });
    lexer.match(',');
  }
  if (members.length < 2) throw lexer.syntaxError('expecting at least 2 group members');
  return { kind: 'select', dst, members };
}

/** `fwd_group(liveness=…, childports=…)` */
export const fwdGroup: Statement = ({ lexer }) => {
  let liveness = false;
  const childPorts: string[] = [];
  if (lexer.match('(')) {
    if (lexer.matchId('liveness')) {
      lexer.expect('=');
      liveness = boolean(lexer);
      lexer.expect(',');
    }
    if (lexer.matchId('childports')) {
      lexer.expect('=');
      while (!lexer.match(')')) {
        childPorts.push(lexer.expectString('logical switch port'));
        lexer.match(',');
      }
    }
  }
  if (childPorts.length === 0) throw incomplete(lexer, 'logical switch port');
  return { kind: 'fwd_group', liveness, childPorts };
};

/** `commit_ecmp_nh(ipv6=…, proto=…)` */
export const commitEcmpNh: Statement = ({ lexer }) => {
  lexer.expect('(');
  if (!lexer.matchId('ipv6')) throw lexer.syntaxError('invalid parameter');
  lexer.expect('=');
  const ipv6 = boolean(lexer);
  lexer.expect(',');
  if (!lexer.matchId('proto')) throw lexer.syntaxError('invalid parameter');
  const protocol = parseProtocol(lexer);
  lexer.expect(')');
  return { kind: 'commit_ecmp_nh', ipv6, protocol };
};

/** `commit_lb_aff(vip=…, backend=…, proto=…, timeout=…)` */
export const commitLbAff: Statement = ({ lexer }) => {
  lexer.expect('(');
  const vip = endpoint(lexer, 'vip');
  lexer.expect(',');
  const target = endpoint(lexer, 'backend', vip.family);
  lexer.expect(',');
  let protocol: Protocol | undefined;
  if (vip.port !== undefined) {
    if (!lexer.matchId('proto')) throw lexer.syntaxError('invalid parameter');
    protocol = parseProtocol(lexer);
    lexer.expect(',');
  }
  if (!lexer.matchId('timeout')) throw lexer.syntaxError('invalid parameter');
  lexer.expect('=');
  const timeout = demand(lexer, 65535, 'expecting affinity timeout');
  lexer.expect(')');
  return { kind: 'commit_lb_aff', vip, backend: target, protocol, timeout };
};
