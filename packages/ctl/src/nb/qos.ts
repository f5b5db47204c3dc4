/** QoS rules of switches. */
import { compareStrings } from '@weft/ovsdb/atom';
import { toMap } from '@weft/ovsdb/datum';
import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { needSwitch } from './find.ts';
import { leadingInteger, parseDirection, parsePriority } from './parse.ts';
import type { NbCommand } from './types.ts';

type Qos = NbRow<'QoS'>;

interface Marking {
  dscp?: number;
  rate?: number;
  burst?: number;
}

const ranges = { dscp: [0, 63], rate: [1, 4294967295], burst: [1, 4294967295] } as const;

function parseMarking(texts: readonly string[]): Marking {
  const marking: Marking = {};
  for (const text of texts) {
    const [, name, value] = /^(dscp|rate|burst)=(.*)$/s.exec(text) ?? [];
    if (name === undefined || value === undefined) {
      throw new CtlError(`${text}: supported arguments are "dscp=", "rate=", and "burst="`);
    }
    const [min, max] = ranges[name as keyof Marking];
    const number = leadingInteger(value);
    if (!(number >= min && number <= max)) throw new CtlError(`${value}: ${name} must be in the range ${min}...${max}`);
    marking[name as keyof Marking] = number;
  }
  if (marking.rate === undefined && marking.dscp === undefined) {
    throw new CtlError('Either "rate" and/or "dscp" must be specified');
  }
  return marking;
}

const qosAdd: NbCommand = {
  name: 'qos-add',
  args: 'SWITCH DIRECTION PRIORITY MATCH {rate=RATE|dscp=DSCP} [burst=BURST] [dscp=DSCP]',
  options: ['--may-exist'],
  reads: { Logical_Switch: ['name', 'qos_rules'], QoS: ['direction', 'priority', 'match'] },
  summary: 'adds a rule that marks packets with a DSCP, or limits their rate (kbps)',
  examples: [
    'qos-add sw0 from-lport 100 "inport == \\"sw0-port1\\"" rate=10000 burst=1000',
    'qos-add sw0 to-lport 50 ip4 dscp=46',
  ],
  run: ({ tx, args, options }) => {
    const [name, directionText, priorityText, match, ...rest] = args as [string, string, string, string, ...string[]];
    const direction = parseDirection(directionText);
    const priority = parsePriority(priorityText);
    const row = needSwitch(tx, name);
    const { dscp, rate, burst } = parseMarking(rest);
    const same = tx
      .many('QoS', row.qos_rules)
      .some((qos) => qos.direction === direction && qos.priority === priority && qos.match === match);
    if (same) {
      if (options.has('--may-exist')) return;
      throw new CtlError(`Same qos already existed on the ls ${name}.`);
    }
    const bandwidth: [string, number][] = [];
    if (rate !== undefined) bandwidth.push(['rate', rate]);
    if (rate !== undefined && burst !== undefined) bandwidth.push(['burst', burst]);
    const qos = tx.insert('QoS', {
      priority,
      direction,
      match,
      ...(dscp === undefined ? {} : { action: toMap([['dscp', dscp]]) as never }),
      bandwidth: toMap(bandwidth) as never,
    });
    tx.mutateSet('Logical_Switch', row._uuid, 'qos_rules', { insert: [qos] });
  },
};

const qosDel: NbCommand = {
  name: 'qos-del',
  args: 'SWITCH [{DIRECTION|UUID} [PRIORITY MATCH]]',
  reads: { Logical_Switch: ['name', 'qos_rules'], QoS: ['direction', 'priority', 'match'] },
  summary: 'removes QoS rules: all, those of a direction, or one',
  examples: ['qos-del sw0', 'qos-del sw0 to-lport 50 ip4'],
  run: ({ tx, args }) => {
    const [name, directionText, priorityText, match] = args as [string, string?, string?, string?];
    const row = needSwitch(tx, name);
    if (directionText === undefined) {
      tx.update('Logical_Switch', row._uuid, { qos_rules: [] });
      return;
    }
    const uuid = parseUuid(directionText);
    const remove = (rules: readonly string[]) =>
      tx.mutateSet('Logical_Switch', row._uuid, 'qos_rules', { remove: rules });
    if (uuid !== undefined) {
      if (args.length > 2) throw new CtlError('uuid must be the only argument');
      if (!row.qos_rules.includes(uuid)) throw new CtlError('uuid is not found');
      remove([uuid]);
      return;
    }
    const direction = parseDirection(directionText);
    const rules = tx.many('QoS', row.qos_rules).filter((qos) => qos.direction === direction);
    if (priorityText === undefined) {
      remove(rules.map((qos) => qos._uuid));
      return;
    }
    const priority = parsePriority(priorityText);
    if (match === undefined) throw new CtlError('cannot specify priority without match');
    const one = rules.find((qos) => qos.priority === priority && qos.match === match);
    if (one !== undefined) remove([one._uuid]);
  },
};

const qosList: NbCommand = {
  name: 'qos-list',
  args: 'SWITCH',
  reads: { Logical_Switch: ['name', 'qos_rules'], QoS: ['direction', 'priority', 'match', 'action', 'bandwidth'] },
  summary: 'prints the QoS rules of a switch, the highest priority first',
  examples: ['qos-list sw0'],
  run: ({ tx, args, print }) => {
    const row = needSwitch(tx, args[0]!);
    for (const qos of tx.many('QoS', row.qos_rules).sort(inOrder)) print(line(qos));
  },
};

function inOrder(a: Qos, b: Qos): number {
  return compareStrings(a.direction, b.direction) || b.priority - a.priority || compareStrings(a.match, b.match);
}

function line(qos: Qos): string {
  const bandwidth = qos.bandwidth as ReadonlyMap<string, number>;
  const parts = [`${qos.direction.padStart(10)} ${String(qos.priority).padStart(5)} (${qos.match})`];
  for (const key of ['rate', 'burst']) {
    const value = bandwidth.get(key);
    if (value !== undefined) parts.push(`${key}=${value}`);
  }
  for (const [key, value] of qos.action) parts.push(`${key}=${value}`);
  return parts.join(' ');
}

export const qosCommands: readonly NbCommand[] = [qosAdd, qosDel, qosList];
