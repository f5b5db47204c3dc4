import { attach, config, type ParityConfig } from '../config.ts';

/** Learns a neighbour at port "a" of router lr1, as a chassis does; `timestamp` is in milliseconds since the epoch. */
const binding = (ip: string, timestamp: number): string =>
  `create MAC_Binding logical_port=a ip=${ip} mac="00:00:00:00:00:09" timestamp=${timestamp} datapath=@lr1`;

/** Logical routers: interfaces, routes, neighbours. */
export const routerConfigs: readonly ParityConfig[] = [
  config(
    'a lone router, then its port',
    ['lr-add lr1'],
    ['lrp-add lr1 lrp1 00:00:00:00:11:00 192.168.1.1/24'],
    ['lrp-del lrp1'],
    ['lrp-add lr1 lrp1 00:00:00:00:11:00 192.168.1.1/24 192.168.1.2/24 10.0.0.1/8 fd01::1/64 fd02::1/64'],
    ['lr-del lr1'],
  ),

  config(
    'the walkthrough, two switches behind a router',
    [
      'ls-add ls1',
      'lsp-add ls1 ls1-node1-ns1',
      'lsp-add ls1 ls1-node2-ns1',
      'lsp-set-addresses ls1-node1-ns1 00:00:00:00:00:01',
      'lsp-set-port-security ls1-node1-ns1 00:00:00:00:00:01',
      'lsp-set-addresses ls1-node2-ns1 00:00:00:00:00:02',
      'lsp-set-port-security ls1-node2-ns1 00:00:00:00:00:02',
      'ls-add ls2',
      'lsp-add ls2 ls2-node2-ns2',
      'lsp-set-addresses ls2-node2-ns2 00:00:00:00:00:03',
      'lsp-set-port-security ls2-node2-ns2 00:00:00:00:00:03',
      'lr-add lr1',
      'lrp-add lr1 lr1-ls1 00:00:00:00:11:00 192.168.1.1/24',
      'lrp-add lr1 lr1-ls2 00:00:00:00:12:00 192.168.2.1/24',
      'lsp-add ls1 ls1-lr1',
      'lsp-set-type ls1-lr1 router',
      'lsp-set-addresses ls1-lr1 00:00:00:00:11:00',
      'lsp-set-options ls1-lr1 router-port=lr1-ls1',
      'lsp-add ls2 ls2-lr1',
      'lsp-set-type ls2-lr1 router',
      'lsp-set-addresses ls2-lr1 00:00:00:00:12:00',
      'lsp-set-options ls2-lr1 router-port=lr1-ls2',
    ],
    ['lrp-del lr1-ls2'],
    [
      'lrp-add lr1 lr1-ls2 00:00:00:00:12:00 192.168.2.1/24',
      'lsp-set-addresses ls2-node2-ns2 "00:00:00:00:00:03 192.168.2.30"',
    ],
    ['lr-del lr1'],
  ),

  config(
    'hosts that the router knows, dual stack',
    [
      'ls-add ls1',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', 'fd01::1/64'),
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 192.168.1.10 fd01::10"',
      'lsp-add ls1 p2',
      'lsp-set-addresses p2 "00:00:00:00:00:02 192.168.1.11 192.168.1.12" "00:00:00:00:01:02 fd01::12"',
      'lsp-add ls1 outside-the-subnet',
      'lsp-set-addresses outside-the-subnet "00:00:00:00:00:03 10.9.9.9 fd09::9"',
      'lsp-add ls1 disabled',
      'lsp-set-addresses disabled "00:00:00:00:00:04 192.168.1.14"',
      'lsp-set-enabled disabled disabled',
    ],
    ['lsp-set-addresses p1 "00:00:00:00:00:01 192.168.1.20"', 'lsp-set-enabled disabled enabled'],
    ['lsp-del p2', 'lsp-set-addresses p1 "00:00:00:00:00:01 192.168.1.10 fd01::10"'],
  ),

  config(
    'several networks on one router port',
    [
      'ls-add ls1',
      'lr-add lr1',
      ...attach(
        'lr1',
        'ls1',
        '00:00:00:00:11:00',
        '192.168.1.1/24',
        '192.168.2.1/24',
        '10.0.0.1/30',
        'fd01::1/64',
        'fd02::1/48',
      ),
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 192.168.1.10 192.168.2.10 10.0.0.2 10.0.0.5 fd01::10 fd02::10"',
      'ls-add ls2',
      ...attach('lr1', 'ls2', '00:00:00:00:12:00', '192.168.3.1/24'),
    ],
    ['set Logical_Router_Port lr1-ls1 networks=["192.168.1.1/24"]'],
    ['set Logical_Router_Port lr1-ls1 networks=["192.168.1.1/24","192.168.2.1/24"] mac="00:00:00:00:11:99"'],
  ),

  config('networks with prefixes of 0, 31, 32 and 128', [
    'lr-add lr1',
    'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/32',
    'lrp-add lr1 b 00:00:00:00:12:00 192.168.2.0/31',
    'lrp-add lr1 c 00:00:00:00:13:00 fd00::1/128 fd01::1/127',
    'lrp-add lr1 d 00:00:00:00:14:00 10.1.2.3/8 fe80::1/64',
    'lrp-add lr1 e 00:00:00:00:15:00 192.168.5.1/23 fd00:0:0:1:2:3:4:5/96',
  ]),

  config(
    'a router port with a link-local network only',
    [
      'ls-add ls1',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', 'fe80::1/64'),
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 192.168.1.10"',
    ],
    ['set Logical_Router_Port lr1-ls1 networks=["192.168.1.1/24"]'],
  ),

  config(
    'IPv6 only',
    [
      'ls-add ls1',
      'ls-add ls2',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', 'fd01::1/64'),
      ...attach('lr1', 'ls2', '00:00:00:00:12:00', 'fd02::1/64'),
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 fd01::10"',
      'lsp-set-port-security p1 "00:00:00:00:00:01 fd01::10"',
      'lr-route-add lr1 ::/0 fd02::fe',
      'lr-route-add lr1 fd99::/32 fe80::1 lr1-ls2',
    ],
    ['lr-route-del lr1 ::/0'],
  ),

  config(
    'static routes',
    [
      'ls-add ls1',
      'ls-add ls2',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', 'fd01::1/64'),
      ...attach('lr1', 'ls2', '00:00:00:00:12:00', '192.168.2.1/24', 'fd02::1/64'),
      'lr-route-add lr1 0.0.0.0/0 192.168.1.254',
      'lr-route-add lr1 10.0.0.0/8 192.168.2.254',
      'lr-route-add lr1 10.1.0.0/16 192.168.2.253 lr1-ls2',
      'lr-route-add lr1 10.2.3.4 192.168.2.252',
      'lr-route-add lr1 172.16.0.0/12 192.168.9.9 lr1-ls1',
      'lr-route-add lr1 2001:db8::/32 fd02::fe',
      'lr-route-add lr1 2001:db8:1::1 fd01::fe lr1-ls1',
    ],
    ['lr-route-del lr1 10.0.0.0/8', 'lr-route-del lr1 0.0.0.0/0 192.168.1.254'],
    ['lr-route-add lr1 10.0.0.0/8 192.168.1.253', 'lrp-del lr1-ls2'],
  ),

  config(
    'static routes by source',
    [
      'lr-add lr1',
      'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/24 fd01::1/64',
      'lrp-add lr1 b 00:00:00:00:12:00 192.168.2.1/24 fd02::1/64',
      '--policy=src-ip lr-route-add lr1 10.0.0.0/8 192.168.1.254',
      '--policy=dst-ip lr-route-add lr1 10.0.0.0/8 192.168.2.254',
      '--policy=src-ip lr-route-add lr1 2001:db8::/32 fd02::fe b',
      '--policy=src-ip lr-route-add lr1 0.0.0.0/0 192.168.2.253',
      'lr-route-add lr1 0.0.0.0/0 192.168.1.253',
    ],
    ['--policy=src-ip lr-route-del lr1 10.0.0.0/8'],
  ),

  config(
    'routes that discard',
    [
      'lr-add lr1',
      'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/24 fd01::1/64',
      'lr-route-add lr1 10.0.0.0/8 discard',
      '--policy=src-ip lr-route-add lr1 10.9.0.0/16 discard',
      'lr-route-add lr1 2001:db8::/32 discard',
      'lr-route-add lr1 10.1.0.0/16 192.168.1.254',
    ],
    ['lr-route-del lr1 10.0.0.0/8'],
  ),

  config(
    'ECMP routes',
    [
      'lr-add lr1',
      'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/24 fd01::1/64',
      'lrp-add lr1 b 00:00:00:00:12:00 192.168.2.1/24 fd02::1/64',
      '--ecmp lr-route-add lr1 10.0.0.0/8 192.168.1.251',
      '--ecmp lr-route-add lr1 10.0.0.0/8 192.168.1.252',
      '--ecmp lr-route-add lr1 10.0.0.0/8 192.168.2.253',
      '--ecmp lr-route-add lr1 2001:db8::/32 fd01::fe',
      '--ecmp lr-route-add lr1 2001:db8::/32 fd02::fe',
    ],
    ['lr-route-del lr1 10.0.0.0/8 192.168.1.252'],
    ['lr-route-del lr1 10.0.0.0/8 192.168.1.251'],
    [
      '--ecmp lr-route-add lr1 10.0.0.0/8 192.168.1.251',
      '--policy=src-ip --ecmp lr-route-add lr1 10.0.0.0/8 192.168.1.251',
    ],
  ),

  config(
    'route tables',
    [
      'lr-add lr1',
      'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/24',
      'lrp-add lr1 b 00:00:00:00:12:00 192.168.2.1/24',
      'lrp-set-options a route_table=rtb-1',
      '--route-table=rtb-1 lr-route-add lr1 0.0.0.0/0 192.168.2.254',
      'lr-route-add lr1 0.0.0.0/0 192.168.1.254',
    ],
    ['lrp-set-options a', '--route-table=rtb-1 lr-route-del lr1'],
  ),

  config('routes that make no sense', [
    'lr-add lr1',
    'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/24',
    'lr-route-add lr1 10.0.0.0/8 192.168.99.1',
    '--id=@r create Logical_Router_Static_Route ip_prefix=10.1.0.0/16 nexthop=192.168.1.9 output_port=nowhere -- add Logical_Router lr1 static_routes @r',
    '--id=@s create Logical_Router_Static_Route ip_prefix=10.2.0.0/16 nexthop=192.168.1.0/24 -- add Logical_Router lr1 static_routes @s',
    '--id=@t create Logical_Router_Static_Route ip_prefix=nonsense nexthop=192.168.1.9 -- add Logical_Router lr1 static_routes @t',
    '--id=@u create Logical_Router_Static_Route ip_prefix=10.3.0.0/16 nexthop="fd00::1" -- add Logical_Router lr1 static_routes @u',
    '--id=@v create Logical_Router_Static_Route ip_prefix=10.4.5.6/16 nexthop=192.168.1.9 -- add Logical_Router lr1 static_routes @v',
  ]),

  config(
    'router ports that make no sense',
    [
      'lr-add lr1',
      'ls-add ls1',
      'lsp-add ls1 to-nowhere',
      'lsp-set-type to-nowhere router',
      'lsp-set-addresses to-nowhere router',
      'lsp-set-options to-nowhere router-port=none',
      'lsp-add ls1 no-option',
      'lsp-set-type no-option router',
      'lsp-set-addresses no-option 00:00:00:00:00:09',
      '--id=@a create Logical_Router_Port name=bad-mac mac=nonsense networks="10.0.0.1/24" -- add Logical_Router lr1 ports @a',
      '--id=@b create Logical_Router_Port name=bad-net mac="00:00:00:00:11:02" networks="10.0.0.x/24" -- add Logical_Router lr1 ports @b',
      '--id=@c create Logical_Router_Port name=half-bad mac="00:00:00:00:11:03" networks="10.0.3.1/24","x" -- add Logical_Router lr1 ports @c',
      'lrp-add lr1 good 00:00:00:00:11:04 10.0.4.1/24',
    ],
    ['lrp-add lr1 none 00:00:00:00:11:05 10.0.5.1/24'],
  ),

  config(
    'disabled routers and router ports',
    [
      'ls-add ls1',
      'ls-add ls2',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', 'fd01::1/64'),
      ...attach('lr1', 'ls2', '00:00:00:00:12:00', '192.168.2.1/24'),
      'lsp-add ls2 p2',
      'lsp-set-addresses p2 "00:00:00:00:00:02 192.168.2.10"',
      'lrp-set-enabled lr1-ls2 disabled',
    ],
    ['lrp-set-enabled lr1-ls2 enabled', 'set Logical_Router lr1 enabled=false'],
    [
      'set Logical_Router lr1 enabled=true',
      'lsp-set-enabled ls1-lr1 disabled',
      'lr-add lr2',
      'lrp-add lr2 only 00:00:00:00:14:00 10.9.0.1/24',
      'lrp-set-enabled only disabled',
    ],
    ['clear Logical_Router lr1 enabled', 'lsp-set-enabled ls1-lr1 enabled'],
  ),

  config(
    'peers: two routers joined directly',
    [
      'lr-add lr1',
      'lr-add lr2',
      'lrp-add lr1 lr1-lr2 00:00:00:00:11:00 192.168.1.1/24 fd01::1/64 peer=lr2-lr1',
      'lrp-add lr2 lr2-lr1 00:00:00:00:12:00 192.168.1.2/24 fd01::2/64 peer=lr1-lr2',
      'lr-route-add lr1 10.0.0.0/8 192.168.1.2',
    ],
    ['set Logical_Router_Port lr2-lr1 networks=["192.168.1.3/24"]'],
    ['clear Logical_Router_Port lr2-lr1 peer'],
    ['set Logical_Router_Port lr2-lr1 peer=lr1-lr2'],
    ['lr-del lr2'],
  ),

  config(
    'two routers that meet on a switch',
    [
      'ls-add join',
      'ls-add ls1',
      'ls-add ls2',
      'lr-add lr1',
      'lr-add lr2',
      ...attach('lr1', 'join', '00:00:00:00:11:00', '100.64.0.1/24', 'fd64::1/64'),
      ...attach('lr2', 'join', '00:00:00:00:12:00', '100.64.0.2/24', 'fd64::2/64'),
      ...attach('lr1', 'ls1', '00:00:00:00:11:01', '192.168.1.1/24', 'fd01::1/64'),
      ...attach('lr2', 'ls2', '00:00:00:00:12:02', '192.168.2.1/24', 'fd02::1/64'),
      'lr-route-add lr1 192.168.2.0/24 100.64.0.2',
      'lr-route-add lr2 192.168.1.0/24 100.64.0.1',
      'lr-route-add lr1 fd02::/64 fd64::2',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 192.168.1.10"',
      'lsp-add join host',
      'lsp-set-addresses host "00:00:00:00:00:05 100.64.0.50 fd64::50"',
    ],
    ['set Logical_Router lr1 options:dynamic_neigh_routers=true'],
    ['set Logical_Router lr1 options:always_learn_from_arp_request=false'],
    ['clear Logical_Router lr1 options', 'lr-del lr2'],
  ),

  config(
    'neighbour options and the age of bindings',
    [
      'ls-add ls1',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', '192.168.2.1/24', 'fd01::1/64'),
      'set Logical_Router lr1 options:always_learn_from_arp_request=false options:mac_binding_age_threshold=60',
    ],
    ['set Logical_Router lr1 options:always_learn_from_arp_request=true'],
    ['clear Logical_Router lr1 options'],
  ),

  config(
    'gateway_mtu on a plain router port',
    ['lr-add lr1', 'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/24 fd01::1/64', 'lrp-set-options a gateway_mtu=1400'],
    ['lrp-set-options a gateway_mtu=1400 gateway_mtu_bypass=tcp'],
  ),

  config(
    'multicast on routers and switches left alone',
    [
      'ls-add ls1',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', 'fd01::1/64'),
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 unknown',
      'lsp-set-options ls1-lr1 router-port=lr1-ls1 arp_proxy="169.254.1.1"',
    ],
    ['lsp-set-options ls1-lr1 router-port=lr1-ls1'],
  ),

  config(
    'a localnet switch behind a router',
    [
      'ls-add ls1',
      'ls-add public',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24'),
      ...attach('lr1', 'public', '00:00:00:00:12:00', '172.16.0.1/24', 'fd16::1/64'),
      'lsp-add public ln',
      'lsp-set-type ln localnet',
      'lsp-set-addresses ln unknown',
      'lsp-set-options ln network_name=physnet1',
      'lr-route-add lr1 0.0.0.0/0 172.16.0.254 lr1-public',
    ],
    ['lsp-del ln'],
  ),

  config(
    'update and revert, a routed network',
    [
      'ls-add ls1',
      'ls-add ls2',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', 'fd01::1/64'),
      ...attach('lr1', 'ls2', '00:00:00:00:12:00', '192.168.2.1/24'),
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 192.168.1.10 fd01::10"',
    ],
    [
      'set Logical_Router_Port lr1-ls1 mac="00:00:00:00:11:77" networks=["192.168.7.1/24"]',
      'set Logical_Router lr1 name=renamed',
      'lsp-set-options ls2-lr1 router-port=elsewhere',
      'set Logical_Router_Port lr1-ls2 name=elsewhere',
    ],
    [
      'set Logical_Router_Port lr1-ls1 mac="00:00:00:00:11:00" networks=["192.168.1.1/24","fd01::1/64"]',
      'set Logical_Router renamed name=lr1',
      'lsp-set-options ls2-lr1 router-port=lr1-ls2',
      'set Logical_Router_Port elsewhere name=lr1-ls2',
    ],
  ),

  config(
    'IPv6 router advertisements',
    [
      'ls-add ls1',
      'ls-add ls2',
      'lr-add lr1',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', 'fd01::1/64', 'fd02::1/96', 'fe80::9/64'),
      ...attach('lr1', 'ls2', '00:00:00:00:12:00', '192.168.2.1/24'),
      'lrp-add lr1 unattached 00:00:00:00:13:00 fd03::1/64',
      'set Logical_Router_Port lr1-ls1 ipv6_ra_configs:address_mode=slaac',
      'set Logical_Router_Port lr1-ls2 ipv6_ra_configs:address_mode=dhcpv6_stateful ipv6_ra_configs:send_periodic=true',
      'set Logical_Router_Port unattached ipv6_ra_configs:address_mode=slaac ipv6_ra_configs:send_periodic=true',
    ],
    [
      'set Logical_Router_Port lr1-ls1 ipv6_ra_configs:address_mode=dhcpv6_stateless ipv6_ra_configs:send_periodic=true ipv6_ra_configs:mtu=1400 ipv6_ra_configs:max_interval=300 ipv6_ra_configs:min_interval=10 ipv6_ra_configs:router_preference=HIGH ipv6_ra_configs:rdnss="fd01::53" ipv6_ra_configs:dnssl="example.com,a.b" ipv6_ra_configs:route_info="HIGH-fd99::/64,LOW-fd98::/64"',
    ],
    [
      'set Logical_Router_Port lr1-ls1 ipv6_ra_configs:mtu=1000 ipv6_ra_configs:max_interval=8 ipv6_ra_configs:router_preference=none',
      'remove Logical_Router_Port lr1-ls1 ipv6_ra_configs min_interval',
    ],
    ['set Logical_Router_Port lr1-ls1 ipv6_ra_configs:address_mode=nonsense ipv6_ra_configs:max_interval=99999'],
    ['clear Logical_Router_Port lr1-ls1 ipv6_ra_configs'],
  ),

  {
    name: 'learned neighbours that are too old, or of no port',
    steps: [
      { nb: ['lr-add lr1', 'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/24'] },
      {
        sb: [
          '--id=@lr1 get Datapath_Binding lr1 _uuid',
          binding('192.168.1.10', 0),
          binding('192.168.1.11', 1000),
          // In the year 2100.
          binding('192.168.1.12', 4102444800000),
        ],
        nb: ['sync'],
      },
      { nb: ['set Logical_Router lr1 options:mac_binding_age_threshold=60'], eventually: true },
      { nb: ['set Logical_Router lr1 options:mac_binding_age_threshold=0', 'lrp-del a'], eventually: true },
    ],
  },

  config(
    'routing policies',
    [
      'lr-add lr1',
      'lrp-add lr1 a 00:00:00:00:11:00 192.168.1.1/24 fd01::1/64',
      'lrp-add lr1 b 00:00:00:00:12:00 192.168.2.1/24 fd02::1/64',
      'lr-policy-add lr1 100 "ip4.src == 1.1.1.1" allow',
      'lr-policy-add lr1 101 "ip4.src == 1.1.1.2" drop',
      'lr-policy-add lr1 102 "ip4.src == 1.1.1.3" reroute 192.168.2.5',
      'lr-policy-add lr1 103 "ip6.src == fd99::3" reroute fd02::5',
      'lr-policy-add lr1 104 "ip4.src == 1.1.1.4" reroute 192.168.2.5,192.168.1.6',
      'lr-policy-add lr1 105 "ip4.src == 1.1.1.5" allow pkt_mark=77',
      'lr-policy-add lr1 106 "ip4.src == 1.1.1.6" reroute 192.168.2.5 pkt_mark=5',
      'lr-policy-add lr1 107 "ip4.src == 1.1.1.7" reroute 77.7.7.7',
      'lr-policy-add lr1 108 "ip6.src == fd99::9" reroute fd02::9,fd01::7 pkt_mark=9',
      'lr-policy-add lr1 109 "ip4.src == 1.1.1.9" drop pkt_mark=9',
      '--ecmp lr-route-add lr1 10.0.0.0/8 192.168.1.251',
      '--ecmp lr-route-add lr1 10.0.0.0/8 192.168.1.252',
    ],
    ['lr-policy-del lr1 104', 'lr-policy-del lr1 108', 'lrp-del b'],
    ['lrp-add lr1 b 00:00:00:00:12:00 192.168.2.1/24 fd02::1/64'],
    ['lr-policy-del lr1'],
  ),

  config(
    'a small fabric',
    [
      'lr-add lr1',
      ...Array.from({ length: 6 }, (_, s) => [
        `ls-add ls${s}`,
        ...attach('lr1', `ls${s}`, `00:00:00:01:00:0${s}`, `10.0.${s}.1/24`, `fd00:0:0:${s}::1/64`),
        ...Array.from({ length: 4 }, (_, p) => [
          `lsp-add ls${s} p${s}-${p}`,
          `lsp-set-addresses p${s}-${p} "00:00:00:02:0${s}:0${p} 10.0.${s}.${10 + p} fd00:0:0:${s}::${10 + p}"`,
          `lsp-set-port-security p${s}-${p} "00:00:00:02:0${s}:0${p} 10.0.${s}.${10 + p}"`,
        ]).flat(),
      ]).flat(),
    ],
    ['lsp-add ls3 extra', 'lsp-set-addresses extra "00:00:00:02:09:09 10.0.3.99"'],
    ['lsp-del extra', 'lsp-del p2-2'],
    ['ls-del ls4', 'lrp-del lr1-ls5'],
  ),
];
