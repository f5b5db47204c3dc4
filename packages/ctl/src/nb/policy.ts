/** Routing policies of routers. */
import { compareStrings } from '@weft/ovsdb/atom';
import { toMap, toSet } from '@weft/ovsdb/datum';
import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { mapOrder } from '../framework/replica-order.ts';
import { formatIp, parseIp } from '../net/address.ts';
import { needRouter } from './find.ts';
import { parsePriority } from './parse.ts';
import type { NbCommand, NbReads } from './types.ts';

const actions = ['allow', 'drop', 'reroute'] as const;

function parseNexthops(text: string): readonly string[] {
  const hops: string[] = [];
  let bits: number | undefined;
  for (const part of text.split(',').filter((hop) => hop !== '')) {
    const address = parseIp(part);
    if (address === undefined) throw new CtlError(`bad next hop argument: ${text}`);
    if (bits !== undefined && bits !== address.bits) {
      throw new CtlError(`bad next hops argument, not in the same addr family : ${text}`);
    }
    bits = address.bits;
    hops.push(formatIp(address));
  }
  return hops;
}

function parseOptions(texts: readonly string[]): ReadonlyMap<string, string> {
  const pairs: [string, string][] = [];
  for (const text of texts) {
    // Every "=" separates: the key is what stands before the first, the value what stands before the next.
    const words = text.split('=').filter((word) => word !== '');
    const [key, value] = text.startsWith('=') ? ['', words[0]] : [words[0], words[1]];
    if (value === undefined) throw new CtlError(`No value specified for the option : ${key}`);
    pairs.push([key!, value]);
  }
  return toMap(pairs) as ReadonlyMap<string, string>;
}

const policyAdd: NbCommand = {
  name: 'lr-policy-add',
  args: 'ROUTER PRIORITY MATCH ACTION [NEXTHOP,...] [KEY=VALUE]...',
  options: ['--may-exist'],
  reads: { Logical_Router: ['name', 'policies'], Logical_Router_Policy: ['priority', 'match'] },
  summary: 'adds a policy to a router: allow, drop, or reroute to next hops',
  examples: [
    'lr-policy-add lr0 100 "ip4.src == 192.168.100.0/24" drop',
    'lr-policy-add lr0 200 "ip4.src == 10.0.0.0/8" reroute 172.16.0.1,172.16.0.2 pkt_mark=100',
  ],
  run: ({ tx, args, options }) => {
    const [name, priorityText, match, actionText, ...rest] = args as [string, string, string, string, ...string[]];
    const router = needRouter(tx, name);
    const priority = parsePriority(priorityText);
    const action = actions.find((known) => known === actionText);
    if (action === undefined) {
      throw new CtlError(`${actionText}: action must be one of "allow", "drop", and "reroute"`);
    }
    let nexthops: readonly string[] = [];
    let settings = rest;
    if (action === 'reroute') {
      if (rest.length === 0) throw new CtlError('Nexthop is required when action is reroute.');
      nexthops = parseNexthops(rest[0]!);
      settings = rest.slice(1);
    }
    const same = tx
      .many('Logical_Router_Policy', router.policies)
      .some((policy) => policy.priority === priority && policy.match === match);
    if (same) {
      if (options.has('--may-exist')) return;
      throw new CtlError(`Same routing policy already existed on the logical router ${name}.`);
    }
    const policy = tx.insert('Logical_Router_Policy', {
      priority,
      match,
      action,
      nexthops: toSet(nexthops) as readonly string[],
      options: parseOptions(settings),
    });
    tx.mutateSet('Logical_Router', router._uuid, 'policies', { insert: [policy] });
  },
};

const policyDel: NbCommand = {
  name: 'lr-policy-del',
  args: 'ROUTER [{PRIORITY|UUID} [MATCH]]',
  options: ['--if-exists'],
  reads: { Logical_Router: ['name', 'policies'], Logical_Router_Policy: ['priority', 'match'] },
  summary: 'removes policies from a router: all, those of a priority, or one',
  examples: ['lr-policy-del lr0', 'lr-policy-del lr0 100'],
  run: ({ tx, args, options }) => {
    const [name, priorityText, match] = args as [string, string?, string?];
    const router = needRouter(tx, name);
    if (priorityText === undefined) {
      tx.update('Logical_Router', router._uuid, { policies: [] });
      return;
    }
    const remove = (policies: readonly string[]) =>
      tx.mutateSet('Logical_Router', router._uuid, 'policies', { remove: policies });
    const uuid = parseUuid(priorityText);
    if (uuid !== undefined) {
      // With a match too the C program removes nothing.
      if (match !== undefined) return;
      if (router.policies.includes(uuid)) remove([uuid]);
      else if (!options.has('--if-exists')) throw new CtlError('Logical router policy uuid is not found.');
      return;
    }
    const priority = parsePriority(priorityText);
    const found = tx
      .many('Logical_Router_Policy', router.policies)
      .filter((policy) => policy.priority === priority && (match === undefined || policy.match === match));
    const gone = match === undefined ? found : found.slice(0, 1);
    if (gone.length > 0) remove(gone.map((policy) => policy._uuid));
  },
};

const listReads: NbReads = {
  Logical_Router: ['name', 'policies'],
  Logical_Router_Policy: ['priority', 'match', 'action', 'nexthops', 'options'],
};

const policyList: NbCommand = {
  name: 'lr-policy-list',
  args: 'ROUTER',
  reads: listReads,
  summary: 'prints the policies of a router, the highest priority first',
  examples: ['lr-policy-list lr0'],
  run: ({ tx, args, print }) => {
    const router = needRouter(tx, args[0]!);
    const policies = tx
      .many('Logical_Router_Policy', router.policies)
      .sort((a, b) => b.priority - a.priority || compareStrings(a.match, b.match));
    if (policies.length === 0) return;
    print('Routing Policies');
    for (const policy of policies) print(line(policy));
  },
};

function line(policy: NbRow<'Logical_Router_Policy'>): string {
  let text = `${String(policy.priority).padStart(10)} ${policy.match.padStart(50)} ${policy.action.padStart(15)}`;
  const hops = policy.nexthops;
  if (policy.action === 'reroute' && hops.length > 0)
    text += ` ${hops.map((hop, i) => (i === 0 ? hop.padStart(25) : hop)).join(', ')}`;
  const options = mapOrder(policy.options).map(([key, value]) => `${key}=${value}`);
  if (options.length > 0) text += `${' '.repeat(15)}${options.join(',')}`;
  return text;
}

export const policyCommands: readonly NbCommand[] = [policyAdd, policyDel, policyList];
