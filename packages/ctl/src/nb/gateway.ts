/** What makes a router port a gateway: chassis, options, how packets are redirected to it. */
import { compareStrings } from '@weft/ovsdb/atom';
import { toMap } from '@weft/ovsdb/datum';
import { CtlError } from '../framework/ctl-error.ts';
import { keyValues, needRouterPort } from './find.ts';
import { parsePriority } from './parse.ts';
import type { NbCommand } from './types.ts';

const setGatewayChassis: NbCommand = {
  name: 'lrp-set-gateway-chassis',
  args: 'PORT CHASSIS [PRIORITY]',
  options: ['--may-exist'],
  reads: {
    Logical_Router_Port: ['name', 'gateway_chassis'],
    Gateway_Chassis: ['name', 'chassis_name', 'priority'],
  },
  summary: 'makes a chassis a gateway for a router port, with a priority of 0 to 32767',
  examples: ['lrp-set-gateway-chassis lr0-public node1 20'],
  run: ({ tx, args }) => {
    const [portText, chassis, priorityText] = args as [string, string, string?];
    const port = needRouterPort(tx, portText);
    const priority = priorityText === undefined ? 0 : parsePriority(priorityText);
    const name = `${port.name}-${chassis}`;
    const existing = tx.holding('Gateway_Chassis', 'name', name)[0];
    if (existing !== undefined) {
      tx.update('Gateway_Chassis', existing._uuid, { priority });
      return;
    }
    const gateway = tx.insert('Gateway_Chassis', { name, chassis_name: chassis, priority });
    tx.mutateSet('Logical_Router_Port', port._uuid, 'gateway_chassis', { insert: [gateway] });
  },
};

const delGatewayChassis: NbCommand = {
  name: 'lrp-del-gateway-chassis',
  args: 'PORT CHASSIS',
  reads: { Logical_Router_Port: ['name', 'gateway_chassis'], Gateway_Chassis: ['chassis_name'] },
  summary: 'removes a gateway chassis from a router port',
  examples: ['lrp-del-gateway-chassis lr0-public node1'],
  run: ({ tx, args }) => {
    const [portText, chassis] = args as [string, string];
    const port = needRouterPort(tx, portText);
    const gateway = tx.many('Gateway_Chassis', port.gateway_chassis).find((row) => row.chassis_name === chassis);
    if (gateway === undefined) throw new CtlError(`chassis ${chassis} is not added to logical port ${portText}`);
    tx.mutateSet('Logical_Router_Port', port._uuid, 'gateway_chassis', { remove: [gateway._uuid] });
    tx.delete('Gateway_Chassis', gateway._uuid);
  },
};

const getGatewayChassis: NbCommand = {
  name: 'lrp-get-gateway-chassis',
  args: 'PORT',
  reads: { Logical_Router_Port: ['name', 'gateway_chassis'], Gateway_Chassis: ['name', 'priority'] },
  summary: 'prints the gateway chassis of a router port, the highest priority first',
  examples: ['lrp-get-gateway-chassis lr0-public'],
  run: ({ tx, args, print }) => {
    const gateways = tx
      .many('Gateway_Chassis', needRouterPort(tx, args[0]!).gateway_chassis)
      .sort((a, b) => b.priority - a.priority || compareStrings(b.name, a.name));
    for (const gateway of gateways) print(`${gateway.name} ${String(gateway.priority).padStart(5)}`);
  },
};

const setOptions: NbCommand = {
  name: 'lrp-set-options',
  args: 'PORT [KEY=VALUE]...',
  reads: { Logical_Router_Port: ['name', 'options'] },
  summary: 'sets the options of a router port, all others go',
  examples: ['lrp-set-options lr0-public reside-on-redirect-chassis=true'],
  run: ({ tx, args }) => {
    const [name, ...pairs] = args as [string, ...string[]];
    const port = needRouterPort(tx, name);
    tx.update('Logical_Router_Port', port._uuid, { options: toMap(keyValues(pairs)) as ReadonlyMap<string, string> });
  },
};

const setRedirectType: NbCommand = {
  name: 'lrp-set-redirect-type',
  args: 'PORT TYPE',
  reads: { Logical_Router_Port: ['name', 'options'] },
  summary: 'sets how packets get to the gateway chassis: overlay or bridged',
  examples: ['lrp-set-redirect-type lr0-public bridged'],
  run: ({ tx, args }) => {
    const [name, type] = args as [string, string];
    const port = needRouterPort(tx, name);
    if (type !== 'overlay' && type !== 'bridged') throw new CtlError(`Invalid redirect type: ${type}`);
    tx.mutateMap('Logical_Router_Port', port._uuid, 'options', { insert: [['redirect-type', type]] });
  },
};

const getRedirectType: NbCommand = {
  name: 'lrp-get-redirect-type',
  args: 'PORT',
  reads: { Logical_Router_Port: ['name', 'options'] },
  summary: 'prints how packets get to the gateway chassis',
  examples: ['lrp-get-redirect-type lr0-public'],
  run: ({ tx, args, print }) => print(needRouterPort(tx, args[0]!).options.get('redirect-type') ?? 'overlay'),
};

export const gatewayCommands: readonly NbCommand[] = [
  setGatewayChassis,
  delGatewayChassis,
  getGatewayChassis,
  setOptions,
  setRedirectType,
  getRedirectType,
];
