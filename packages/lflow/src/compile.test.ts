import { field } from '@weft/openflow/fields';
import { encode } from '@weft/openflow/message-encode';
import type { Message } from '@weft/openflow/messages';
import { describe, expect, it } from 'vitest';
import { type ActionContext, Compiler, type GroupSpec, type MatchContext } from './compile.ts';
import { LogicalField } from './pipeline.ts';
import { RecentMap } from './recent-map.ts';

/** A context that writes down what it is asked. */
function contexts(): { asked: string[]; match: MatchContext; actions: ActionContext } {
  const asked: string[] = [];
  const ask = <T>(what: string, answer: T): T => {
    asked.push(what);
    return answer;
  };
  return {
    asked,
    match: {
      lookupPort: (name) => ask(`port ${name}`, name === 'p1' ? 1 : undefined),
      lookupAddressSet: (name) => ask(`set ${name}`, name === 'as' ? ['10.0.0.1', 'fe80::1', '10.0.0.2'] : undefined),
      lookupPortGroup: (name) => ask(`group ${name}`, name === 'pg' ? ['p1', 'p2'] : undefined),
      isChassisResident: (port) => ask(`resident ${port}`, port === 'p1'),
      lookupTemplate: (name) => ask(`template ${name}`, name === 'vip' ? '10.0.0.9' : undefined),
    },
    actions: {
      pipeline: 'ingress',
      table: 3,
      datapath: { type: 'switch', tunnelKey: 7 },
      cookie: 0x1234,
      lookupPort: (name) => ask(`port ${name}`, name === 'p1' ? 1 : undefined),
      lookupTunnel: (port) => ask(`tunnel ${port}`, undefined),
      allocateGroup: (group) => ask(`allocate group of ${group.buckets.length}`, 5),
      allocateMeter: (meter) => ask(`allocate meter ${meter.kind}`, 6),
      lookupDhcpv4Option: (name) => ask(`option ${name}`, name === 'offerip' ? { code: 0, type: 'ipv4' } : undefined),
      lookupDhcpv6Option: (name) => ask(`option ${name}`, undefined),
      hasCollectorSet: (id) => ask(`collector ${id}`, true),
    },
  };
}

describe('the compiler', () => {
  it('asks for what a match names, and for nothing else', () => {
    const { asked, match } = contexts();
    const compiler = new Compiler();
    compiler.compileMatch('ip4 && tcp.dst == {80, 443}', match);
    expect(asked).toEqual([]);
    compiler.compileMatch(
      'inport == {"p1", "p9"} && ip6.src == $as && outport == @pg && is_chassis_resident("p1")',
      match,
    );
    expect(asked).toEqual(['port p1', 'port p9', 'set as', 'group pg', 'port p1', 'port p2', 'resident p1']);
  });

  it('replaces template variables once, and not in strings and comments', () => {
    const { match } = contexts();
    const variables: Readonly<Record<string, string>> = { a: '^a^a', ports: '{80, 443}', vip: '10.0.0.9' };
    const compiler = new Compiler();
    const compile = (text: string) =>
      compiler.compileMatch(text, { ...match, lookupTemplate: (name) => variables[name] });
    const plain = (text: string) => new Compiler().compileMatch(text, match);
    expect(compile('ip4.dst == ^vip && tcp.dst == ^ports')).toEqual(
      plain('ip4.dst == 10.0.0.9 && tcp.dst == {80, 443}'),
    );
    expect(compile('ip4 // ^vip "')).toEqual(plain('ip4'));
    expect(compile('ip4 /* ^vip */ && inport == "p1"')).toEqual(plain('ip4 && inport == "p1"'));
    expect(compile('inport == "^vip"')).toEqual(plain('inport == "nobody"'));
    expect(compile('tcp && ^a')).toEqual({ error: 'Unexpanded template.', offset: 7 });
    // A complaint's place is where it stands in what was written.
    expect(compile('ip4.dst == ^vip && foo')).toMatchObject({ offset: 19 });
    expect(compile('ip4.dst == ^nothing && foo')).toEqual({
      error: "Syntax error at `nothing' expecting constant.",
      offset: 11,
    });
  });

  it.each(['10.0.0.1', 'fd00::1', '00:00:00:00:00:01', '12345', '"p1"'])(
    'compiles a text with more literals like %s than a shape has',
    (literal) => {
      const { match } = contexts();
      const compiler = new Compiler();
      const name = literal.startsWith('"') ? 'inport' : literal.includes('::') ? 'ip6.src' : 'eth.src';
      const field = literal.includes('.') ? 'ip4.src' : literal === '12345' ? 'reg0' : name;
      const text = `${field} == {${Array.from({ length: 60 }, () => literal).join(', ')}}`;
      for (let i = 0; i < 3; i++) expect(compiler.compileMatch(text, match)).toMatchObject({ flows: [{ parts: [] }] });
    },
  );

  it('asks again when a text comes again, since the answers may be others', () => {
    const { asked, match, actions } = contexts();
    const compiler = new Compiler();
    for (let i = 0; i < 2; i++) {
      compiler.compileMatch('inport == "p1"', match);
      compiler.compileActions('outport = "p1"; output;', actions);
    }
    expect(asked).toEqual(['port p1', 'port p1', 'port p1', 'port p1']);
  });

  it('compiles a text that comes again only if an answer is another one', () => {
    const sets = new Map([['as', ['10.0.0.1', '10.0.0.2']]]);
    const asking: MatchContext = { ...contexts().match, lookupAddressSet: (name) => sets.get(name) };
    const compiler = new Compiler();
    const compile = (context = asking) => compiler.compileMatch('ip4.src == $as && inport == "p1"', context);
    const first = compile();
    expect(first).toMatchObject({ flows: [{}, {}] });
    expect(compile()).toBe(first);
    sets.set('as', ['10.0.0.1']);
    expect(compile()).toMatchObject({ flows: [{}] });
    expect(compile({ ...asking, lookupPort: () => undefined })).toMatchObject({ flows: [] });
    expect(compile({ ...asking, datapath: { tunnelKey: 1 } })).not.toEqual(compile());
    const { actions } = contexts();
    const cookie = 'sample(probability=1,obs_point=$cookie);';
    const sampled = compiler.compileActions(cookie, actions);
    expect(compiler.compileActions(cookie, actions)).toBe(sampled);
    expect(compiler.compileActions(cookie, { ...actions, cookie: 2 })).not.toEqual(sampled);
    expect(compiler.compileActions(cookie, { ...actions, datapath: { type: 'switch', tunnelKey: 8 } })).not.toEqual(
      sampled,
    );
  });

  it('knows no field that comes after the datapath in a match', () => {
    for (const symbol of new Compiler().symbols.values())
      if (symbol.kind === 'field') expect(symbol.base.field.id).toBeLessThan(LogicalField.datapath.id);
  });

  it('gives the same flows for a text that asks for nothing', () => {
    const { match, actions } = contexts();
    const compiler = new Compiler();
    const text = 'ip4.dst == {10.0.0.1, 10.0.0.2}';
    expect(compiler.compileMatch(text, match)).toBe(compiler.compileMatch(text, match));
    expect(compiler.compileMatch(text, match)).toEqual(compiler.compileMatch(text, match));
    expect(compiler.compileActions('next;', actions)).toEqual(compiler.compileActions('next;', actions));
    expect(compiler.compileActions('next;', actions)).toBe(compiler.compileActions('next;', actions));
    const elsewhere = compiler.compileActions('next;', { ...actions, table: 4 });
    expect(elsewhere).not.toEqual(compiler.compileActions('next;', actions));
    expect(compiler.compileActions('next;', { ...actions, table: 4 })).toEqual(elsewhere);
    const metered = compiler.compileActions('igmp;', { ...actions, controllerMeter: 9 });
    expect(metered).not.toEqual(compiler.compileActions('igmp;', actions));
  });

  it('keeps results with different prerequisites apart', () => {
    const { match } = contexts();
    const compiler = new Compiler();
    const plain = compiler.compileMatch('tcp.dst == 80', match);
    const v4 = compiler.compileMatch('tcp.dst == 80', { ...match, prerequisites: 'ip4' });
    expect('flows' in plain && plain.flows.length).toBe(2);
    expect('flows' in v4 && v4.flows.length).toBe(1);
  });

  it('refuses an address set with members that the field cannot hold', () => {
    const { match } = contexts();
    const compiled = new Compiler().compileMatch('ip4.src == $as', match);
    expect(compiled).toEqual({ error: '128-bit constant is not compatible with 32-bit field ip4.src.', offset: 11 });
  });

  it('expands template variables before anything else', () => {
    const { match } = contexts();
    const compiler = new Compiler();
    expect(compiler.compileMatch('ip4.dst == ^vip', match)).toEqual(
      compiler.compileMatch('ip4.dst == 10.0.0.9', match),
    );
    expect(compiler.compileMatch('ip4.dst == ^nope', match)).toEqual({
      error: "Syntax error at `nope' expecting constant.",
      offset: 11,
    });
  });

  it('tells many masked values apart without multiplying their bits', () => {
    const { match } = contexts();
    // Multiplied, the terms of these five would be 48 * 48 * 48 * 9.
    const compiled = new Compiler().compileMatch('nd.tll != {0x4/0x4, 0x2, 0x86c1/0x86dd, 0x3, 0x7000}', match);
    if ('error' in compiled) throw new Error(compiled.error);
    expect(compiled.flows.length).toBeLessThan(1000);
  });

  it('joins thousands of alternatives to the set that they are', () => {
    const { match } = contexts();
    const addresses = Array.from({ length: 30_000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const keys = (text: string): string => {
      const compiled = new Compiler().compileMatch(`tcp.dst == {80, 443} && ${text}`, match);
      return 'error' in compiled ? compiled.error : compiled.flows.map((flow) => flow.match.key).join(' ');
    };
    const alternatives = addresses.map((address) => `ip4.src == ${address}`);
    expect(keys(`(${alternatives.join(' || ')})`) === keys(`ip4.src == {${addresses.join(', ')}}`)).toBe(true);
  });

  it('refuses a match that would take too many flows', () => {
    const { match } = contexts();
    const ports = (n: number): string => `{${Array.from({ length: 1200 }, (_, i) => i + n).join(',')}}`;
    const compiled = new Compiler().compileMatch(`vlan.tci == ${ports(0)} && eth.type == ${ports(1)}`, match);
    expect('error' in compiled && compiled.error).toMatch(/more than 1000000 flows/);
  });
});

it('makes no group that is larger than a message', () => {
  const { actions } = contexts();
  const compile = (members: number): GroupSpec | string => {
    const backends = Array.from({ length: members }, (_, i) => `10.0.${i >> 8}.${i & 255}:80`);
    let made: GroupSpec | undefined;
    const allocateGroup = (group: GroupSpec): number => {
      made = group;
      return 1;
    };
    const text = `ct_lb_mark(backends=${backends.join()}; hash_fields="eth_src,eth_dst,ip_src,ip_dst,tcp_src,tcp_dst");`;
    const compiled = new Compiler().compileActions(text, { ...actions, allocateGroup });
    return made ?? ('error' in compiled ? compiled.error : 'no group');
  };
  const most =
    Array.from({ length: 900 }, (_, i) => 900 - i).find((members) => typeof compile(members) !== 'string') ?? 0;
  expect(most).toBeGreaterThan(700);
  expect(compile(most + 1)).toBe(`A group of ${most + 1} members is larger than an OpenFlow message.`);
  const { buckets, selection } = compile(most) as GroupSpec;
  const group: Message = {
    type: 'group_mod',
    mod: {
      command: 'add',
      id: 1,
      type: 'select',
      buckets: buckets.map((bucket, id) => ({ id, ...bucket })),
      selection: { ...selection, fields: selection.fields.map((name) => ({ field: field(name) })) },
    },
  };
  encode({ type: 'bundle_add', bundle: 1, flags: [], message: group });
});

describe('the cache of texts', () => {
  it('forgets what was not used for a generation', () => {
    const cache = new RecentMap<string, number>(() => 2);
    cache.set('a', 1);
    cache.set('b', 2);
    cache.set('c', 3);
    expect(cache.get('a')).toBe(1);
    cache.set('d', 4);
    expect(cache.get('a')).toBe(1);
    expect(cache.get('b')).toBeUndefined();
  });

  it('learns in new circumstances, however many there have been', () => {
    const { actions } = contexts();
    const compiler = new Compiler();
    // What has a meter of its own is compiled in circumstances of its own, and names of meters are ever new.
    for (let controllerMeter = 0; controllerMeter < 3000; controllerMeter++) {
      compiler.compileActions('eth.dst = 00:00:00:00:00:01; next;', { ...actions, controllerMeter });
    }
    const before = compiler.made;
    for (let i = 10; i < 20; i++) {
      compiler.compileActions(`eth.dst = 00:00:00:00:00:${i}; next;`, { ...actions, controllerMeter: 3000 });
    }
    expect(compiler.made - before).toBe(8);
    expect(compiler.cached.shapes).toBeLessThanOrEqual(1001);
  });

  it('keeps of texts that are ever new no more than a network of that size is worth', () => {
    const { match, actions } = contexts();
    const inUse = 1000;
    const compiler = new Compiler(() => inUse);
    const compile = (i: number): void => {
      // Whose shape tells nothing: how many alternatives there are depends on the numbers.
      compiler.compileMatch(`tcp.dst > ${i % 60000} && ip.ttl < ${1 + (i % 250)} && $as${i} == ip4.src`, match);
      compiler.compileActions(`set_meter(${1 + i}); outport = "p${i}"; bad${i};`, actions);
    };
    for (let i = 0; i < 40_000; i++) compile(i);
    expect(compiler.cached.matches).toBeLessThan(25_000);
    expect(compiler.cached.actions).toBeLessThan(25_000);
    const before = compiler.cached;
    for (let i = 40_000 - inUse; i < 40_000; i++) compile(i);
    expect(compiler.cached).toEqual(before);
  });
});
