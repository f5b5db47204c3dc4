/** DHCP options, and the ports that have them. */
import { toMap } from '@weft/ovsdb/datum';
import { parseUuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { CtlError } from '../framework/ctl-error.ts';
import { inNameOrder, mapOrder } from '../framework/replica-order.ts';
import { parseCidr } from '../net/address.ts';
import { keyValues, needPort } from './find.ts';
import type { NbCommand, NbTransaction } from './types.ts';

function needOptions(tx: NbTransaction, text: string): NbRow<'DHCP_Options'> {
  const row = tx.get('DHCP_Options', parseUuid(text));
  if (row === undefined) throw new CtlError(`${text}: dhcp options UUID not found`);
  return row;
}

const create: NbCommand = {
  name: 'dhcp-options-create',
  args: 'CIDR [EXTERNAL_IDS]...',
  reads: {},
  summary: 'makes a set of DHCP options for a network',
  examples: ['dhcp-options-create 192.168.1.0/24 owner=me'],
  run: ({ tx, args }) => {
    const [cidr, ...pairs] = args as [string, ...string[]];
    if (parseCidr(cidr) === undefined) throw new CtlError(`Invalid cidr format '${cidr}'`);
    tx.insert('DHCP_Options', { cidr, external_ids: toMap(keyValues(pairs)) as ReadonlyMap<string, string> });
  },
};

const del: NbCommand = {
  name: 'dhcp-options-del',
  args: 'DHCP_OPT_UUID',
  reads: { DHCP_Options: [] },
  summary: 'deletes a set of DHCP options',
  examples: ['dhcp-options-del 5d3d8d6e-1f5c-4f0f-9d55-0d6f2f1f6a11'],
  run: ({ tx, args }) => tx.delete('DHCP_Options', needOptions(tx, args[0]!)._uuid),
};

const list: NbCommand = {
  name: 'dhcp-options-list',
  args: '',
  reads: { DHCP_Options: ['cidr'] },
  summary: 'prints the uuids of the sets of DHCP options',
  examples: ['dhcp-options-list'],
  run: ({ tx, print }) => {
    for (const row of inNameOrder(tx.all('DHCP_Options'), (options) => options.cidr)) print(row._uuid);
  },
};

const setOptions: NbCommand = {
  name: 'dhcp-options-set-options',
  args: 'DHCP_OPT_UUID [KEY=VALUE]...',
  reads: { DHCP_Options: ['options'] },
  summary: 'sets the options of a set, all others go',
  examples: [
    'dhcp-options-set-options 5d3d8d6e-1f5c-4f0f-9d55-0d6f2f1f6a11 lease_time=3600 router=192.168.1.1 server_id=192.168.1.1 server_mac=c0:ff:ee:00:00:01',
  ],
  run: ({ tx, args }) => {
    const [uuid, ...pairs] = args as [string, ...string[]];
    const row = needOptions(tx, uuid);
    tx.update('DHCP_Options', row._uuid, { options: toMap(keyValues(pairs)) as ReadonlyMap<string, string> });
  },
};

const getOptions: NbCommand = {
  name: 'dhcp-options-get-options',
  args: 'DHCP_OPT_UUID',
  reads: { DHCP_Options: ['options'] },
  summary: 'prints the options of a set, one KEY=VALUE per line',
  examples: ['dhcp-options-get-options 5d3d8d6e-1f5c-4f0f-9d55-0d6f2f1f6a11'],
  run: ({ tx, args, print }) => {
    for (const [key, value] of mapOrder(needOptions(tx, args[0]!).options)) print(`${key}=${value}`);
  },
};

function portCommands(version: 4 | 6): readonly NbCommand[] {
  const column = `dhcpv${version}_options` as const;
  const bits = version === 4 ? 32 : 128;
  return [
    {
      name: `lsp-set-dhcpv${version}-options`,
      args: 'PORT [DHCP_OPT_UUID]',
      reads: { Logical_Switch_Port: ['name', column], DHCP_Options: ['cidr'] },
      summary: `sets the DHCPv${version} options of a port; without a set it has none`,
      examples: [`lsp-set-dhcpv${version}-options sw0-port1 5d3d8d6e-1f5c-4f0f-9d55-0d6f2f1f6a11`],
      run: ({ tx, args }) => {
        const [portText, uuid] = args as [string, string?];
        const port = needPort(tx, portText);
        const options = uuid === undefined ? undefined : needOptions(tx, uuid);
        if (options !== undefined && parseCidr(options.cidr)?.bits !== bits) {
          throw new CtlError(`DHCP options cidr '${options.cidr}' is not IPv${version}`);
        }
        tx.update('Logical_Switch_Port', port._uuid, { [column]: options?._uuid });
      },
    },
    {
      name: `lsp-get-dhcpv${version}-options`,
      args: 'PORT',
      reads: { Logical_Switch_Port: ['name', column], DHCP_Options: ['cidr'] },
      summary: `prints the set of DHCPv${version} options of a port`,
      examples: [`lsp-get-dhcpv${version}-options sw0-port1`],
      run: ({ tx, args, print }) => {
        const uuid = needPort(tx, args[0]!)[column];
        const [options] = uuid === undefined ? [] : tx.many('DHCP_Options', [uuid]);
        if (options !== undefined) print(`${options._uuid} (${options.cidr})`);
      },
    },
  ];
}

export const dhcpCommands: readonly NbCommand[] = [create, del, list, setOptions, getOptions];
export const portDhcpCommands: readonly NbCommand[] = [...portCommands(4), ...portCommands(6)];
