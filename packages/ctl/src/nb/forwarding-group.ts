/** Forwarding groups: a virtual IP of a switch whose traffic is spread over ports. */
import { toSet } from '@weft/ovsdb/datum';
import { CtlError } from '../framework/ctl-error.ts';
import { parseIpv4, parseMac } from '../net/address.ts';
import { findPort, needSwitch } from './find.ts';
import type { NbCommand } from './types.ts';

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
      const owner = tx.willHold('Logical_Switch', 'ports', port._uuid)[0];
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

const fwdGroupDel: NbCommand = {
  name: 'fwd-group-del',
  args: 'GROUP',
  options: ['--if-exists'],
  reads: { Forwarding_Group: ['name'], Logical_Switch: ['name', 'forwarding_groups'] },
  summary: 'deletes a forwarding group',
  examples: ['fwd-group-del fwd0'],
  run: ({ tx, args }) => {
    for (const group of tx.holding('Forwarding_Group', 'name', args[0]!)) {
      for (const owner of tx.holding('Logical_Switch', 'forwarding_groups', group._uuid)) {
        tx.mutateSet('Logical_Switch', owner._uuid, 'forwarding_groups', { remove: [group._uuid] });
        tx.delete('Forwarding_Group', group._uuid);
      }
    }
  },
};

const fwdGroupList: NbCommand = {
  name: 'fwd-group-list',
  args: '[SWITCH]',
  reads: {
    Forwarding_Group: ['name', 'vip', 'vmac', 'child_port'],
    Logical_Switch: ['name', 'forwarding_groups'],
  },
  summary: 'prints the forwarding groups, of a switch or of all',
  examples: ['fwd-group-list'],
  run: ({ tx, args: [name], print }) => {
    const only = name === undefined ? undefined : needSwitch(tx, name);
    tx.prefetch([{ kind: 'all', table: 'Logical_Switch' }]);
    print('FWD_GROUP       LS            VIP             VMAC                  CHILD_PORTS');
    for (const group of tx.all('Forwarding_Group')) {
      const owner = tx.willHold('Logical_Switch', 'forwarding_groups', group._uuid)[0];
      if (only !== undefined && owner?._uuid !== only._uuid) continue;
      const columns = [
        group.name.slice(0, 16).padEnd(16),
        (owner?.name ?? '').slice(0, 18).padEnd(14),
        group.vip.padEnd(15),
        `${group.vmac}      `,
      ];
      print(`${columns.join('')}${group.child_port.join(' ')}`);
    }
  },
};

export const forwardingGroupCommands: readonly NbCommand[] = [fwdGroupAdd, fwdGroupDel, fwdGroupList];
