/** Forwarding groups: a virtual IP of a switch whose traffic is spread over ports. */
import { toSet } from '@weft/ovsdb/datum';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import type { Query } from '../framework/query.ts';
import { parseIpv4, parseMac } from '../net/address.ts';
import { findPort, needSwitch } from './find.ts';
import { switchOf } from './port.ts';
import type { NbCommand, NbTransaction } from './types.ts';

const fwdGroupAdd: NbCommand = {
  name: 'fwd-group-add',
  args: 'GROUP SWITCH VIP VMAC [PORT]...',
  options: ['--liveness'],
  reads: {
    Forwarding_Group: ['name'],
    Logical_Switch: ['name', 'ports', 'forwarding_groups'],
    Logical_Switch_Port: ['name'],
  },
  summary: 'adds a forwarding group with a virtual IP and MAC to a switch',
  examples: ['--liveness fwd-group-add fwd0 sw0 10.0.0.100 00:00:00:00:01:00 sw0-port1 sw0-port2'],
  run: ({ tx, args, options }) => {
    const [name, switchName, vip, vmac, ...names] = args as [string, string, string, string, ...string[]];
    if (names.length === 0) {
      throw new CtlError('Usage : ovn-nbctl fwd-group-add group switch vip vmac child_ports...');
    }
    if (tx.holding('Forwarding_Group', 'name', name).length > 0) {
      throw new CtlError(`${name}: a forwarding group by this name already exists`);
    }
    const row = needSwitch(tx, switchName);
    if (parseIpv4(vip) === undefined) throw new CtlError(`invalid ip address ${vip}`);
    if (parseMac(vmac) === undefined) throw new CtlError(`invalid mac address ${vmac}`);
    for (const portName of names) {
      const port = findPort(tx, portName);
      if (port === undefined) throw new CtlError(`${portName}: logical switch port does not exist`);
      const owner = switchOf(tx, port);
      if (owner?._uuid !== row._uuid) {
        throw new CtlError(`${portName}: port already exists but in logical switch ${owner?.name ?? ''}`);
      }
    }
    const group = tx.insert('Forwarding_Group', {
      name,
      vip,
      vmac,
      child_port: toSet(names) as readonly string[],
      ...(options.has('--liveness') ? { liveness: true } : {}),
    });
    tx.mutateSet('Logical_Switch', row._uuid, 'forwarding_groups', { insert: [group] });
  },
};

function firstPort(
  tx: NbTransaction,
  { child_port: [first] }: NbRow<'Forwarding_Group'>,
): NbRow<'Logical_Switch_Port'> | undefined {
  return first === undefined ? undefined : findPort(tx, first);
}

/** The switch of a group is that of its first port; undefined if that port is not there. */
function switchOfGroup(tx: NbTransaction, group: NbRow<'Forwarding_Group'>): NbRow<'Logical_Switch'> | undefined {
  const port = firstPort(tx, group);
  return port && switchOf(tx, port);
}

const named = (name: string): Query => ({ kind: 'holds', table: 'Logical_Switch_Port', column: 'name', atom: name });
const holder = (port: Uuid): Query => ({ kind: 'holds', table: 'Logical_Switch', column: 'ports', atom: port });

const fwdGroupDel: NbCommand = {
  name: 'fwd-group-del',
  args: 'GROUP',
  options: ['--if-exists'],
  reads: {
    Forwarding_Group: ['name', 'child_port'],
    Logical_Switch: ['ports', 'forwarding_groups'],
    Logical_Switch_Port: ['name'],
  },
  summary: 'deletes a forwarding group',
  examples: ['fwd-group-del fwd0'],
  run: ({ tx, args }) => {
    const [group] = tx.inOrder('Forwarding_Group', tx.holding('Forwarding_Group', 'name', args[0]!));
    const owner = group && switchOfGroup(tx, group);
    if (!owner?.forwarding_groups.includes(group!._uuid)) return;
    tx.mutateSet('Logical_Switch', owner._uuid, 'forwarding_groups', { remove: [group!._uuid] });
    tx.delete('Forwarding_Group', group!._uuid);
  },
};

const fwdGroupList: NbCommand = {
  name: 'fwd-group-list',
  args: '[SWITCH]',
  reads: {
    Forwarding_Group: ['name', 'vip', 'vmac', 'child_port'],
    Logical_Switch: ['name', 'ports'],
    Logical_Switch_Port: ['name'],
  },
  summary: 'prints the forwarding groups, of a switch or of all',
  examples: ['fwd-group-list'],
  run: ({ tx, args: [name], print }) => {
    const only = name === undefined ? undefined : needSwitch(tx, name);
    const groups = tx.all('Forwarding_Group');
    // Asked for together.
    tx.prefetch(groups.flatMap(({ child_port: [first] }) => (first === undefined ? [] : named(first))));
    tx.prefetch(groups.flatMap((group) => firstPort(tx, group) ?? []).map(({ _uuid }) => holder(_uuid)));
    print('FWD_GROUP       LS            VIP             VMAC                  CHILD_PORTS');
    for (const group of groups) {
      const owner = switchOfGroup(tx, group);
      if (owner === undefined || (only !== undefined && owner._uuid !== only._uuid)) continue;
      const columns = [
        group.name.slice(0, 16).padEnd(16),
        owner.name.slice(0, 18).padEnd(14),
        group.vip.slice(0, 16).padEnd(15),
        group.vmac.slice(0, 18).padEnd(9),
      ];
      print(`${columns.join('')}      ${group.child_port.join(' ')}`);
    }
  },
};

export const forwardingGroupCommands: readonly NbCommand[] = [fwdGroupAdd, fwdGroupDel, fwdGroupList];
