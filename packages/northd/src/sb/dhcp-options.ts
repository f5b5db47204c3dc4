/** DHCP_Options and DHCPv6_Options: the options that a chassis can put in its answers, with their codes and types. */
import { standardDhcpv4Options, standardDhcpv6Options } from '@weft/lflow/standard-options';
import type { Output } from '../northd.ts';

export const dhcpOptions: Output = ({ rows }) => {
  for (const [table, options] of [
    ['DHCP_Options', standardDhcpv4Options],
    ['DHCPv6_Options', standardDhcpv6Options],
  ] as const) {
    const desired = rows.table('sb', table);
    for (const [name, code, type] of options) desired.set(name, { name, code, type });
  }
};
