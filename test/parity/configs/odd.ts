import { attach, config, type ParityConfig } from '../config.ts';

/** Values that people seldom write, and that are easily read otherwise than C reads them. */
export const oddConfigs: readonly ParityConfig[] = [
  config(
    'addresses that can be read in part',
    [
      'ls-add ls1',
      ...[
        '10.0.0.1x',
        '10.0.0.2/',
        '10.0.0.3/24/24',
        '10.0.0.4/33 10.0.1.4',
        '10.0.0.5,10.0.1.5',
        '010.0.0.6',
        '10.0.0.7/255.0.255.0',
        'fd00::8%eth0',
        'fd00::9/ffff::',
        'fd00::a/129 fd00::1:a',
        '10.0.0.11fd00::b',
        'dynamic',
        'fd00::c::d',
      ].flatMap((text, i) => [
        `lsp-add ls1 p${i}`,
        `set Logical_Switch_Port p${i} addresses=["00:00:00:00:01:${10 + i} ${text}"] port_security=["00:00:00:00:01:${10 + i} ${text}"]`,
      ]),
      'lsp-add ls1 q1',
      'set Logical_Switch_Port q1 addresses=["00:00:00:00:02:01x 10.0.2.1"]',
      'lsp-add ls1 q2',
      'set Logical_Switch_Port q2 addresses=["00:00:00:00:02:02:03 10.0.2.2"]',
      'lsp-add ls1 q3',
      'set Logical_Switch_Port q3 addresses=["0:0:00:00:02:003 10.0.2.3"]',
    ],
    ['set Logical_Switch_Port p0 addresses=["00:00:00:00:01:10 10.0.0.1"]'],
  ),

  config(
    'names with blanks, quotes and letters of other alphabets',
    [
      'ls-add "ls 1"',
      'lr-add "lr é"',
      'lsp-add "ls 1" "p 1"',
      'lsp-set-addresses "p 1" "00:00:00:00:00:01 10.0.0.1 fd00::1"',
      'lsp-set-port-security "p 1" "00:00:00:00:00:01 10.0.0.1 fd00::1"',
      "lsp-add 'ls 1' 'p\"2'",
      'lsp-set-addresses \'p"2\' "00:00:00:00:00:02 10.0.0.2"',
      "lsp-add 'ls 1' 'p\\3'",
      "lsp-set-addresses 'p\\3' unknown",
      "lsp-add 'ls 1' 日本",
      "lsp-set-addresses 日本 '00:00:00:00:00:04 10.0.0.4'",
      'lrp-add "lr é" "r 1" 00:00:00:00:11:01 10.0.0.254/24 fd00::ffff/64',
      'lsp-add "ls 1" "to r"',
      'lsp-set-type "to r" router',
      'lsp-set-addresses "to r" router',
      'set Logical_Switch_Port "to r" options:router-port="r 1"',
      'lr-route-add "lr é" 11.0.0.0/8 10.0.0.4 "r 1"',
    ],
    ["lsp-set-enabled 'p\"2' disabled", "lsp-set-enabled 'p\\3' disabled", 'lrp-del "r 1"'],
  ),

  config(
    'booleans in capitals, and the mcast options of ports',
    [
      'ls-add ls1',
      'set Logical_Switch ls1 other_config:vlan-passthru=TRUE',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"',
      'set Logical_Switch_Port p1 options:mcast_flood=True options:mcast_flood_reports=true',
      'lr-add lr1',
      'set Logical_Router lr1 options:dynamic_neigh_routers=TRUE options:always_learn_from_arp_request=False',
      ...attach('lr1', 'ls1', '00:00:00:00:11:00', '10.0.0.254/24'),
    ],
    ['set Logical_Switch ls1 other_config:vlan-passthru=yes', 'lsp-set-enabled p1 disabled'],
  ),

  config(
    'tags that ports keep',
    [
      'ls-add ls1',
      'lsp-add ls1 vm',
      'lsp-add ls1 c1 vm 0',
      'lsp-add ls1 ln "" 0',
      'lsp-set-type ln localnet',
      'set Logical_Switch_Port ln tag=8',
    ],
    ['lsp-add ls1 c2 vm 1'],
    ['set Logical_Switch_Port c1 name=renamed'],
    ['set Logical_Switch_Port c2 tag_request=0', 'lsp-add ls1 c3 vm 0'],
  ),

  config(
    'next hops as they are written, and whose port they are reached by',
    [
      'lr-add lr1',
      'lr-add lr2',
      'ls-add ls1',
      'ls-add ls2',
      ...attach('lr1', 'ls1', '00:00:00:00:11:01', '10.0.0.1/24', 'fd00::1/64'),
      ...attach('lr2', 'ls2', '00:00:00:00:22:02', '10.0.1.1/24', '0.0.0.0/0'),
      '--id=@a create Logical_Router_Static_Route ip_prefix="fd77::/64" nexthop="FD00:0::00ab" -- add Logical_Router lr1 static_routes @a',
      '--id=@b create Logical_Router_Static_Route ip_prefix="11.0.0.0/8" nexthop=10.0.0.9 output_port=lr2-ls2 -- add Logical_Router lr1 static_routes @b',
      '--id=@c create Logical_Router_Static_Route ip_prefix="12.0.0.0/8" nexthop=10.0.0.9 policy=src-ip route_table=t1 -- add Logical_Router lr1 static_routes @c',
      '--id=@d create Logical_Router_Static_Route ip_prefix="13.0.0.1/8" nexthop=10.0.0.9 -- add Logical_Router lr1 static_routes @d',
      '--id=@e create Logical_Router_Static_Route ip_prefix="13.0.0.2/8" nexthop=10.0.0.8 -- add Logical_Router lr1 static_routes @e',
      '--id=@f create Logical_Router_Static_Route ip_prefix="fd78::/64" nexthop="fd00::5/128" -- add Logical_Router lr1 static_routes @f',
    ],
    ['lrp-del lr2-ls2'],
  ),
];
