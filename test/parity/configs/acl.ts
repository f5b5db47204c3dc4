import { attach, config, type ParityConfig } from '../config.ts';

const hosts = ['ls-add ls1', 'lsp-add ls1 p1', 'lsp-add ls1 p2'];

/** Access control lists. */
export const aclConfigs: readonly ParityConfig[] = [
  config(
    'stateless ACLs',
    [
      ...hosts,
      'acl-add ls1 from-lport 1000 ip4 allow',
      'acl-add ls1 to-lport 900 tcp drop',
      'acl-add ls1 to-lport 901 udp reject',
      '--apply-after-lb acl-add ls1 from-lport 902 udp reject',
      '--log --name=named acl-add ls1 to-lport 903 ip6 drop',
      '--log acl-add ls1 from-lport 904 ip6 allow',
      '--log acl-add ls1 from-lport 905 ip6 allow-stateless',
      '--label=7 acl-add ls1 from-lport 906 ip6 allow',
    ],
    ['acl-del ls1 to-lport'],
    ['acl-del ls1'],
  ),

  config(
    'stateful ACLs',
    [
      ...hosts,
      'acl-add ls1 from-lport 1000 ip4 allow-related',
      'acl-add ls1 to-lport 900 tcp drop',
      'acl-add ls1 to-lport 901 udp reject',
      'acl-add ls1 from-lport 800 "inport == \\"p1\\"" allow',
      'acl-add ls1 from-lport 600 tcp allow-stateless',
      'acl-add ls1 to-lport 601 tcp allow-stateless',
      '--apply-after-lb acl-add ls1 from-lport 700 ip6 drop',
      '--apply-after-lb acl-add ls1 from-lport 701 sctp reject',
      '--apply-after-lb acl-add ls1 from-lport 702 icmp allow-related',
    ],
    ['acl-del ls1 from-lport 1000 ip4', 'acl-del ls1 from-lport 702 icmp'],
    ['acl-add ls1 to-lport 1000 "ip4 && tcp.dst == {80, 443}" allow-related'],
  ),

  config(
    'ACLs with labels, logs and meters',
    [
      ...hosts,
      '--label=1234 acl-add ls1 from-lport 1000 ip4 allow-related',
      '--log --severity=alert --name=denied --meter=m1 acl-add ls1 to-lport 900 tcp drop',
      '--log acl-add ls1 to-lport 901 udp allow-related',
      '--log acl-add ls1 from-lport 800 udp reject',
      '--log --apply-after-lb acl-add ls1 from-lport 700 sctp reject',
      '--label=77 acl-add ls1 to-lport 500 icmp allow',
      '--log --label=55 --name=r acl-add ls1 from-lport 7 sctp allow-related -- set ACL r options:log-related=true',
      '--log --label=56 --name=s acl-add ls1 to-lport 8 sctp allow-related -- set ACL s options:log-related=true',
      'meter-add m1 drop 10 pktps',
    ],
    ['set Meter m1 fair=true'],
    ['set ACL denied meter=other log=false', 'remove ACL r options log-related'],
  ),

  config(
    'ACLs of port groups',
    [
      'ls-add ls1',
      'ls-add ls2',
      'ls-add ls3',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"',
      'lsp-add ls2 p2',
      'lsp-add ls3 p3',
      'pg-add pg1 p1 p2',
      'pg-add pg2 p2',
      'acl-add pg1 to-lport 1001 "outport == @pg1 && ip4.src == $pg1_ip4" allow-related',
      'acl-add pg1 from-lport 1002 "inport == @pg1" drop',
      'acl-add pg2 from-lport 1003 "inport == @pg2" allow',
      'acl-add ls3 to-lport 10 ip4 allow-stateless',
    ],
    ['pg-set-ports pg1 p1 p3'],
    ['clear Port_Group pg1 ports'],
    ['pg-set-ports pg1 p2', 'acl-del pg2'],
    ['pg-del pg1'],
  ),

  config(
    'ACLs beside routers, physical networks and DHCP',
    [
      ...hosts,
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '10.0.0.1/24', 'fd01::1/64'),
      'lsp-add ls1 ln',
      'lsp-set-type ln localnet',
      'lsp-set-addresses ln unknown',
      'lsp-set-options ln network_name=physnet1',
      'lsp-add ls1 peerless',
      'lsp-set-type peerless router',
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.10"',
      '--id=@d create DHCP_Options cidr=10.0.0.0/24 options:server_id=10.0.0.1 options:server_mac="c0:ff:ee:00:00:01" options:lease_time=3600 -- set Logical_Switch_Port p1 dhcpv4_options=@d',
      'acl-add ls1 from-lport 1 ip allow-related',
    ],
    ['acl-del ls1', 'acl-add ls1 from-lport 1 ip allow'],
    ['acl-del ls1', 'acl-add ls1 to-lport 1 ip allow-related'],
  ),

  config(
    'ACLs beside DNS records',
    [...hosts, '--id=@d create DNS records:web.example=10.0.0.1 -- set Logical_Switch ls1 dns_records=@d'],
    ['acl-add ls1 to-lport 1 ip allow-related'],
    ['clear Logical_Switch ls1 dns_records'],
  ),

  config(
    'dropping by default',
    ['set NB_Global . options:default_acl_drop=true', ...hosts],
    ['acl-add ls1 from-lport 1 ip4 allow'],
    ['acl-add ls1 from-lport 2 ip4 allow-related'],
    ['remove NB_Global . options default_acl_drop'],
  ),
];
