/** Groups of chassis of which one at a time is active. */

import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { parsePriority } from './parse.ts';
import type { NbCommand, NbReads, NbTransaction } from './types.ts';

const reads: NbReads = { HA_Chassis_Group: ['name', 'ha_chassis'], HA_Chassis: ['chassis_name', 'priority'] };

function needGroup(tx: NbTransaction, text: string): NbRow<'HA_Chassis_Group'> {
  const group = tx.get('HA_Chassis_Group', parseUuid(text)) ?? tx.holding('HA_Chassis_Group', 'name', text)[0];
  if (group === undefined) throw new CtlError(`${text}: ha_chassi_group name not found`);
  return group;
}

function findChassis(tx: NbTransaction, group: NbRow<'HA_Chassis_Group'>, name: string) {
  return tx.many('HA_Chassis', group.ha_chassis).find((chassis) => chassis.chassis_name === name);
}

function needChassis(tx: NbTransaction, group: NbRow<'HA_Chassis_Group'>, name: string, groupText: string) {
  const chassis = findChassis(tx, group, name);
  if (chassis === undefined) throw new CtlError(`${name}: ha chassis not found in ${groupText} ha chassis group`);
  return chassis;
}

const add: NbCommand = {
  name: 'ha-chassis-group-add',
  args: 'GROUP',
  reads: {},
  summary: 'adds an HA chassis group',
  examples: ['ha-chassis-group-add ha0'],
  run: ({ tx, args }) => {
    tx.insert('HA_Chassis_Group', { name: args[0]! });
  },
};

const del: NbCommand = {
  name: 'ha-chassis-group-del',
  args: 'GROUP',
  reads,
  summary: 'deletes an HA chassis group',
  examples: ['ha-chassis-group-del ha0'],
  run: ({ tx, args }) => tx.delete('HA_Chassis_Group', needGroup(tx, args[0]!)._uuid),
};

const list: NbCommand = {
  name: 'ha-chassis-group-list',
  args: '',
  reads,
  summary: 'prints the HA chassis groups with their chassis',
  examples: ['ha-chassis-group-list'],
  run: ({ tx, print }) => {
    const groups = tx.all('HA_Chassis_Group');
    const chassis = new Map(
      tx
        .many(
          'HA_Chassis',
          groups.flatMap((group) => group.ha_chassis),
        )
        .map((row) => [row._uuid, row]),
    );
    for (const group of groups) {
      print(`${group._uuid} (${group.name})`);
      for (const uuid of group.ha_chassis) {
        const row = chassis.get(uuid)!;
        print(`    ${row._uuid} (${row.chassis_name})`);
        print(`    priority ${row.priority}`);
        print('');
      }
      print('');
    }
  },
};

const addChassis: NbCommand = {
  name: 'ha-chassis-group-add-chassis',
  args: 'GROUP CHASSIS PRIORITY',
  reads,
  summary: 'adds a chassis to an HA chassis group, or changes its priority (0 to 32767)',
  examples: ['ha-chassis-group-add-chassis ha0 node1 20'],
  run: ({ tx, args }) => {
    const [groupText, name, priorityText] = args as [string, string, string];
    const group = needGroup(tx, groupText);
    const priority = parsePriority(priorityText);
    const existing = findChassis(tx, group, name);
    if (existing !== undefined) {
      tx.update('HA_Chassis', existing._uuid, { priority });
      return;
    }
    const chassis = tx.insert('HA_Chassis', { chassis_name: name, priority });
    tx.mutateSet('HA_Chassis_Group', group._uuid, 'ha_chassis', { insert: [chassis] });
  },
};

const removeChassis: NbCommand = {
  name: 'ha-chassis-group-remove-chassis',
  args: 'GROUP CHASSIS',
  reads,
  summary: 'removes a chassis from an HA chassis group',
  examples: ['ha-chassis-group-remove-chassis ha0 node1'],
  run: ({ tx, args }) => {
    const [groupText, name] = args as [string, string];
    const group = needGroup(tx, groupText);
    const chassis = needChassis(tx, group, name, groupText);
    tx.mutateSet('HA_Chassis_Group', group._uuid, 'ha_chassis', { remove: [chassis._uuid] });
    tx.delete('HA_Chassis', chassis._uuid);
  },
};

const setPriority: NbCommand = {
  name: 'ha-chassis-group-set-chassis-prio',
  args: 'GROUP CHASSIS PRIORITY',
  reads,
  summary: 'sets the priority (0 to 32767) of a chassis in an HA chassis group',
  examples: ['ha-chassis-group-set-chassis-prio ha0 node1 30'],
  run: ({ tx, args }) => {
    const [groupText, name, priorityText] = args as [string, string, string];
    const group = needGroup(tx, groupText);
    const priority = parsePriority(priorityText);
    const chassis = needChassis(tx, group, name, groupText);
    tx.update('HA_Chassis', chassis._uuid, { priority });
  },
};

export const haChassisGroupCommands: readonly NbCommand[] = [add, del, list, addChassis, removeChassis, setPriority];
