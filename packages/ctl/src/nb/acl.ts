/** ACLs of switches and port groups. */
import { compareStrings } from '@weft/ovsdb/atom';
import { toMap } from '@weft/ovsdb/datum';
import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { findPortGroup, findSwitch, notFound } from './find.ts';
import { isOn, leadingInteger, parseDirection, parsePriority } from './parse.ts';
import type { NbCommand, NbContext, NbReads } from './types.ts';

type Acl = NbRow<'ACL'>;

/** A switch or a port group. */
interface Owner {
  readonly table: 'Logical_Switch' | 'Port_Group';
  readonly row: { readonly _uuid: string; readonly name: string; readonly acls: readonly string[] };
}

const ownerReads: NbReads = { Logical_Switch: ['name', 'acls'], Port_Group: ['name', 'acls'] };
const aclReads: NbReads = {
  ...ownerReads,
  ACL: ['direction', 'priority', 'match', 'action', 'log', 'name', 'severity', 'meter', 'label', 'options'],
};

function findOwner({ tx, options }: NbContext, text: string): Owner {
  const type = options.get('--type');
  if (type !== undefined && type !== 'switch' && type !== 'port-group') {
    throw new CtlError(`Invalid value '${type}' for option --type`);
  }
  const group = type === 'switch' ? undefined : findPortGroup(tx, text);
  const row = type === 'port-group' ? undefined : findSwitch(tx, text);
  if (group !== undefined && row !== undefined && parseUuid(text) === undefined) {
    throw new CtlError(
      `Same name '${text}' exists in both port-groups and logical switches. Specify --type=port-group or switch, or use a UUID.`,
    );
  }
  if (row !== undefined) return { table: 'Logical_Switch', row };
  if (group !== undefined) return { table: 'Port_Group', row: group };
  if (type === 'switch') throw new CtlError(notFound(text, 'switch'));
  if (type === 'port-group') throw new CtlError(notFound(text, 'port group'));
  throw new CtlError(`'${text}' is not found for port-group or switch.`);
}

const actions = ['allow', 'allow-related', 'allow-stateless', 'drop', 'reject'] as const;
const severities = ['alert', 'warning', 'notice', 'info', 'debug'] as const;

const aclAdd: NbCommand = {
  name: 'acl-add',
  args: '{SWITCH|PORTGROUP} DIRECTION PRIORITY MATCH ACTION',
  options: ['--log', '--may-exist', '--type=', '--name=', '--severity=', '--meter=', '--label=', '--apply-after-lb'],
  reads: aclReads,
  summary: 'adds an ACL to a switch or a port group',
  examples: [
    'acl-add sw0 to-lport 1002 "outport == \\"sw0-port1\\" && ip4.src == 192.168.1.0/24" allow-related',
    '--log --severity=info --type=port-group acl-add pg0 from-lport 1000 "inport == @pg0 && ip" drop',
  ],
  details:
    'DIRECTION is from-lport or to-lport, PRIORITY 0 to 32767, ACTION allow, allow-related, allow-stateless, drop or reject.',
  run: (context) => {
    const { tx, args, options } = context;
    const [name, directionText, priorityText, match, actionText] = args as [string, string, string, string, string];
    const owner = findOwner(context, name);
    const direction = parseDirection(directionText);
    const priority = parsePriority(priorityText);
    const action = actions.find((known) => known === actionText);
    if (action === undefined) {
      throw new CtlError(
        `${actionText}: action must be one of "allow", "allow-related", "allow-stateless", "drop", and "reject"`,
      );
    }
    const severityText = options.get('--severity');
    const severity = severities.find((known) => known === severityText);
    if (severityText !== undefined && severity === undefined) throw new CtlError(`bad severity: ${severityText}`);
    const aclName = options.get('--name');
    const meter = options.get('--meter');
    const label = parseLabel(options.get('--label'), action);
    const same = tx
      .many('ACL', owner.row.acls)
      .some((acl) => acl.direction === direction && acl.priority === priority && acl.match === match);
    if (same) {
      if (options.has('--may-exist')) return;
      throw new CtlError(`Same ACL already existed on the ls ${name}.`);
    }
    const afterLb = options.has('--apply-after-lb') && direction === 'from-lport';
    const acl = tx.insert('ACL', {
      priority,
      direction,
      match,
      action,
      log: options.has('--log') || severity !== undefined || aclName !== undefined || meter !== undefined,
      name: aclName,
      severity,
      meter,
      ...(label === undefined ? {} : { label }),
      ...(afterLb ? { options: toMap([['apply-after-lb', 'true']]) as ReadonlyMap<string, string> } : {}),
    });
    tx.mutateSet(owner.table, owner.row._uuid, 'acls', { insert: [acl] });
  },
};

/** A label marks connections, so that only actions that commit them can have one. */
function parseLabel(text: string | undefined, action: string): number | undefined {
  if (text === undefined) return undefined;
  if (action !== 'allow' && action !== 'allow-related') {
    throw new CtlError('label can only be set with actions "allow" or "allow-related"');
  }
  const label = leadingInteger(text);
  if (!(label >= 0 && label <= 4294967295)) throw new CtlError(`${text}: label must in range 0...4294967295`);
  return label;
}

const aclDel: NbCommand = {
  name: 'acl-del',
  args: '{SWITCH|PORTGROUP} [DIRECTION [PRIORITY MATCH]]',
  options: ['--type='],
  reads: { ...ownerReads, ACL: ['direction', 'priority', 'match'] },
  summary: 'removes ACLs: all, those of a direction, or one',
  examples: ['acl-del sw0', 'acl-del sw0 to-lport 1002 ip4'],
  run: (context) => {
    const { tx, args } = context;
    const [name, directionText, priorityText, match] = args as [string, string?, string?, string?];
    const owner = findOwner(context, name);
    if (directionText === undefined) {
      tx.update(owner.table, owner.row._uuid, { acls: [] });
      return;
    }
    const direction = parseDirection(directionText);
    const rows = tx.many('ACL', owner.row.acls).filter((acl) => acl.direction === direction);
    if (priorityText === undefined) {
      tx.mutateSet(owner.table, owner.row._uuid, 'acls', { remove: rows.map((acl) => acl._uuid) });
      return;
    }
    const priority = parsePriority(priorityText);
    if (match === undefined) throw new CtlError('cannot specify priority without match');
    const one = rows.find((acl) => acl.priority === priority && acl.match === match);
    if (one !== undefined) tx.mutateSet(owner.table, owner.row._uuid, 'acls', { remove: [one._uuid] });
  },
};

const aclList: NbCommand = {
  name: 'acl-list',
  args: '{SWITCH|PORTGROUP}',
  options: ['--type='],
  reads: aclReads,
  summary: 'prints the ACLs of a switch or a port group, the highest priority first',
  examples: ['acl-list sw0'],
  run: (context) => {
    const { tx, args, print } = context;
    const owner = findOwner(context, args[0]!);
    for (const acl of tx.many('ACL', owner.row.acls).sort(inOrder)) print(line(acl));
  },
};

function inOrder(a: Acl, b: Acl): number {
  return (
    compareStrings(a.direction, b.direction) ||
    Number(isAfterLb(a)) - Number(isAfterLb(b)) ||
    b.priority - a.priority ||
    compareStrings(a.match, b.match)
  );
}

function isAfterLb({ options }: Acl): boolean {
  return isOn(options, 'apply-after-lb');
}

function line(acl: Acl): string {
  let text = `${acl.direction.padStart(10)} ${String(acl.priority).padStart(5)} (${acl.match}) ${acl.action}`;
  if (acl.log) {
    const parts: string[] = [];
    if (acl.name !== undefined) parts.push(`name=${acl.name}`);
    if (acl.severity !== undefined) parts.push(`severity=${acl.severity}`);
    if (acl.meter !== undefined) parts.push(`meter="${acl.meter}"`);
    text += ` log(${parts.join(',')})`;
  }
  if (acl.label !== 0) text += ` label=${acl.label}`;
  if (isAfterLb(acl)) text += ' [after-lb]';
  return text;
}

export const aclCommands: readonly NbCommand[] = [aclAdd, aclDel, aclList];
