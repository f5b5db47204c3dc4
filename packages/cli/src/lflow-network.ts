/** The names of a network that logical flows use: from the command line, or from a southbound database. */
import type { OptionDefinition } from '@weft/lflow/dhcp-options';
import { standardDhcpv4Options, standardDhcpv6Options } from '@weft/lflow/standard-options';
import { DatabaseClient } from '@weft/ovsdb-client/client';
import { sb } from '@weft/schemas/sb';

export interface Network {
  readonly addressSets: ReadonlyMap<string, readonly string[]>;
  readonly portGroups: ReadonlyMap<string, readonly string[]>;
  /** Keys by name; undefined: every name is a port, numbered as they come. */
  readonly ports: ReadonlyMap<string, number> | undefined;
  readonly residents: ReadonlySet<string>;
  /** Template variables. */
  readonly templates: ReadonlyMap<string, string>;
  readonly dhcpv4Options: ReadonlyMap<string, OptionDefinition>;
  readonly dhcpv6Options: ReadonlyMap<string, OptionDefinition>;
}

export interface NetworkOptions {
  readonly addressSet: readonly string[];
  readonly portGroup: readonly string[];
  readonly port: readonly string[];
  readonly resident: readonly string[];
  readonly template: readonly string[];
}

/** No names at all, and the options that northd always lists. */
export function standardNetwork(): Network {
  return {
    addressSets: new Map(),
    portGroups: new Map(),
    ports: undefined,
    residents: new Set(),
    templates: new Map(),
    dhcpv4Options: new Map(standardDhcpv4Options.map(([name, code, type]) => [name, { code, type }])),
    dhcpv6Options: new Map(standardDhcpv6Options.map(([name, code, type]) => [name, { code, type }])),
  };
}

/** Adds what the command line says. Throws an Error that says which option is malformed. */
export function networkFromOptions(options: NetworkOptions, base: Network): Network {
  const ports = new Map(base.ports ?? []);
  const keys = new Set(ports.values());
  for (const text of options.port) {
    const [name, key] = split(text);
    let number = Number(key ?? 1);
    if (!Number.isInteger(number) || number < 0 || number > 0xffff)
      throw new Error(`--port ${text}: ${key} is no port key`);
    if (key === undefined) while (keys.has(number)) number++;
    keys.add(number);
    ports.set(name, number);
  }
  return {
    ...base,
    addressSets: new Map([...base.addressSets, ...options.addressSet.map((text) => list('--address-set', text))]),
    portGroups: new Map([...base.portGroups, ...options.portGroup.map((text) => list('--port-group', text))]),
    ports: base.ports === undefined && options.port.length === 0 ? undefined : ports,
    residents: new Set([...base.residents, ...options.resident]),
    templates: new Map([...base.templates, ...options.template.map(variable)]),
  };
}

function split(text: string): [string, string | undefined] {
  const equals = text.lastIndexOf('=');
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

function variable(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new Error(`--template ${text}: expecting NAME=TEXT`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function list(option: string, text: string): [string, readonly string[]] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new Error(`${option} ${text}: expecting NAME=VALUE,...`);
  const values = text
    .slice(equals + 1)
    .split(/[,\s]+/)
    .filter((value) => value !== '');
  return [text.slice(0, equals), values];
}

/** Reads a southbound database. Ports of all datapaths are taken together; a port is resident if any chassis has it. */
export async function networkFromDatabase(remote: string): Promise<Network> {
  const client = await DatabaseClient.open({ schema: sb, remotes: remote, leaderOnly: false });
  try {
    const [sets, groups, bindings, multicast, v4, v6] = await Promise.all([
      client.select('Address_Set', [], ['name', 'addresses']),
      client.select('Port_Group', [], ['name', 'ports']),
      client.select('Port_Binding', [], ['logical_port', 'tunnel_key', 'chassis']),
      client.select('Multicast_Group', [], ['name', 'tunnel_key']),
      client.select('DHCP_Options', [], ['name', 'code', 'type']),
      client.select('DHCPv6_Options', [], ['name', 'code', 'type']),
    ]);
    const standard = standardNetwork();
    const options = (rows: readonly { readonly name: string; readonly code: number; readonly type: string }[]) =>
      new Map(rows.map(({ name, code, type }) => [name, { code, type }]));
    return {
      addressSets: new Map(sets.map((row) => [row.name, row.addresses])),
      portGroups: portGroups(groups),
      ports: new Map([
        ...multicast.map((row) => [row.name, row.tunnel_key] as const),
        ...bindings.map((row) => [row.logical_port, row.tunnel_key] as const),
      ]),
      templates: standard.templates,
      residents: new Set(bindings.filter((row) => row.chassis !== undefined).map((row) => row.logical_port)),
      dhcpv4Options: v4.length > 0 ? options(v4) : standard.dhcpv4Options,
      dhcpv6Options: v6.length > 0 ? options(v6) : standard.dhcpv6Options,
    };
  } finally {
    client.close();
  }
}

/**
 * Port groups under the names that matches use. The southbound database has a row for each datapath with members of the group, named by the datapath's
 * tunnel key and the group (ovn-sb(5), Port_Group).
 */
function portGroups(
  rows: readonly { readonly name: string; readonly ports: readonly string[] }[],
): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, readonly string[]>();
  for (const { name, ports } of rows) {
    const plain = name.replace(/^\d+_/, '');
    groups.set(plain, [...(groups.get(plain) ?? []), ...ports]);
  }
  return groups;
}
