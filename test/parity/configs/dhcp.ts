import { config, type ParityConfig } from '../config.ts';

const server =
  'options:server_id=10.0.0.1 options:server_mac="c0:ff:ee:00:00:01" options:lease_time=3600 options:router=10.0.0.1';

/** DHCPv4 and DHCPv6 that the chassis answer. */
export const dhcpConfigs: readonly ParityConfig[] = [
  config(
    'DHCPv4 and DHCPv6',
    [
      'ls-add ls1',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.10 10.0.0.12 fd00::10 fd00::11" "00:00:00:00:01:01 10.0.0.11"',
      'lsp-add ls1 elsewhere',
      'lsp-set-addresses elsewhere "00:00:00:00:00:02 10.9.0.10 fd09::10"',
      'lsp-add ls1 off',
      'lsp-set-addresses off "00:00:00:00:00:03 10.0.0.13"',
      'lsp-set-enabled off disabled',
      `--id=@d create DHCP_Options cidr=10.0.0.0/24 ${server} options:mtu=1400 options:dns_server="{8.8.8.8,1.1.1.1}" options:classless_static_route="{30.0.0.0/24,10.0.0.4}" -- --id=@e create DHCP_Options cidr="fd00::/64" options:server_id="00:00:00:10:00:01" options:dns_server="fd00::53" -- set Logical_Switch_Port p1 dhcpv4_options=@d dhcpv6_options=@e -- set Logical_Switch_Port elsewhere dhcpv4_options=@d dhcpv6_options=@e -- set Logical_Switch_Port off dhcpv4_options=@d`,
    ],
    [
      'lsp-set-options p1 hostname=vm1',
      'lsp-set-enabled off enabled',
      'lsp-set-addresses elsewhere "00:00:00:00:00:02 10.0.0.99"',
    ],
    [
      '--id=@f create DHCP_Options cidr="fd00::/64" options:server_id="00:00:00:10:00:02" options:dhcpv6_stateless=true options:dns_server="fd00::53" -- set Logical_Switch_Port p1 dhcpv6_options=@f dhcpv4_options=[]',
    ],
    ['lsp-del p1', '--all destroy DHCP_Options'],
  ),

  config(
    'DHCP options that make no sense, and external ports',
    [
      'ls-add ls1',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.10 fd00::10"',
      '--id=@d create DHCP_Options cidr=10.0.0.0/24 options:server_id=10.0.0.1 -- set Logical_Switch_Port p1 dhcpv4_options=@d',
      'lsp-add ls1 p2',
      'lsp-set-addresses p2 "00:00:00:00:00:02 10.0.0.12 fd00::12"',
      '--id=@e create DHCP_Options cidr="fd00::/64" -- set Logical_Switch_Port p2 dhcpv6_options=@e',
      'lsp-add ls1 ln',
      'lsp-set-type ln localnet',
      'lsp-set-addresses ln unknown',
      'lsp-set-options ln network_name=physnet1',
      'lsp-add ls1 ext',
      'lsp-set-type ext external',
      'lsp-set-addresses ext "00:00:00:00:00:03 10.0.0.13"',
      `--id=@f create DHCP_Options cidr=10.0.0.0/24 ${server} -- --id=@h create HA_Chassis_Group name=hg -- set Logical_Switch_Port ext dhcpv4_options=@f ha_chassis_group=@h`,
    ],
    ['clear Logical_Switch_Port ext ha_chassis_group'],
  ),
];
