import { attach, config, type ParityConfig } from '../config.ts';

/** Logical switches and what hangs off them, without routers. */
export const switchConfigs: readonly ParityConfig[] = [
  config('an empty switch', ['ls-add ls1'], ['ls-add ls2'], ['ls-del ls1'], ['ls-add ls1']),

  config(
    'the walkthrough, one switch',
    [
      'ls-add ls1',
      'lsp-add ls1 ls1-node1-ns1',
      'lsp-add ls1 ls1-node2-ns1',
      'lsp-set-addresses ls1-node1-ns1 00:00:00:00:00:01',
      'lsp-set-port-security ls1-node1-ns1 00:00:00:00:00:01',
      'lsp-set-addresses ls1-node2-ns1 00:00:00:00:00:02',
      'lsp-set-port-security ls1-node2-ns1 00:00:00:00:00:02',
    ],
    ['lsp-del ls1-node1-ns1'],
    ['lsp-add ls1 ls1-node1-ns1', 'lsp-set-addresses ls1-node1-ns1 00:00:00:00:00:01'],
  ),

  config(
    'addresses of every form',
    [
      'ls-add ls1',
      'lsp-add ls1 none',
      'lsp-add ls1 mac-only',
      'lsp-set-addresses mac-only 00:00:00:00:01:01',
      'lsp-add ls1 v4',
      'lsp-set-addresses v4 "00:00:00:00:01:02 10.0.0.2"',
      'lsp-add ls1 v6',
      'lsp-set-addresses v6 "00:00:00:00:01:03 fd00::3"',
      'lsp-add ls1 dual',
      'lsp-set-addresses dual "00:00:00:00:01:04 10.0.0.4 fd00::4" "00:00:00:00:02:04 10.0.1.4 10.0.1.5 fd00::1:4"',
      'lsp-add ls1 unknown',
      'lsp-set-addresses unknown unknown',
      'lsp-add ls1 known-and-unknown',
      'lsp-set-addresses known-and-unknown "00:00:00:00:01:05 10.0.0.5" unknown',
    ],
    ['lsp-set-addresses unknown 00:00:00:00:01:06'],
    ['lsp-set-addresses known-and-unknown unknown', 'lsp-set-addresses none "00:00:00:00:01:09 10.0.0.9"'],
    ['lsp-set-addresses known-and-unknown "00:00:00:00:01:05 10.0.0.5"', 'lsp-set-addresses none'],
  ),

  config('addresses in capitals, with prefixes and with odd blanks', [
    'ls-add ls1',
    'lsp-add ls1 p1',
    'set Logical_Switch_Port p1 addresses=["0A:0B:0C:0D:0E:0F 10.0.0.1/24 FD00:0::1"]',
    'lsp-add ls1 p2',
    'set Logical_Switch_Port p2 addresses=["  00:00:00:00:00:02   10.0.0.2 "]',
    'lsp-add ls1 p3',
    'lsp-set-port-security p3 "0A:0B:0C:0D:0E:0F 10.0.0.1/24"',
  ]),

  config(
    'addresses that make no sense',
    [
      'ls-add ls1',
      'lsp-add ls1 bad-mac',
      'set Logical_Switch_Port bad-mac addresses=["00:00:00:00:00 10.0.0.1"]',
      'lsp-add ls1 bad-ip',
      'set Logical_Switch_Port bad-ip addresses=["00:00:00:00:00:02 10.0.0.x"]',
      'lsp-add ls1 empty',
      'set Logical_Switch_Port empty addresses=[""]',
      'lsp-add ls1 good',
      'lsp-set-addresses good "00:00:00:00:00:04 10.0.0.4"',
      'lsp-add ls1 bad-security',
      'set Logical_Switch_Port bad-security port_security=["nonsense"] addresses=["00:00:00:00:00:05 10.0.0.5"]',
    ],
    ['set Logical_Switch_Port bad-mac addresses=["00:00:00:00:00:01 10.0.0.1"]'],
  ),

  config(
    'port security of L2, IPv4 and IPv6',
    [
      'ls-add ls1',
      'lsp-add ls1 l2',
      'lsp-set-addresses l2 "00:00:00:00:00:01 10.0.0.1"',
      'lsp-set-port-security l2 00:00:00:00:00:01',
      'lsp-add ls1 v4',
      'lsp-set-addresses v4 "00:00:00:00:00:02 10.0.0.2"',
      'lsp-set-port-security v4 "00:00:00:00:00:02 10.0.0.2"',
      'lsp-add ls1 v6',
      'lsp-set-addresses v6 "00:00:00:00:00:03 fd00::3"',
      'lsp-set-port-security v6 "00:00:00:00:00:03 fd00::3"',
      'lsp-add ls1 many',
      'lsp-set-addresses many "00:00:00:00:00:04 10.0.0.4"',
      'lsp-set-port-security many "00:00:00:00:00:04 10.0.0.4 10.0.1.0/24 fd00::4" "00:00:00:00:00:05 10.0.0.5"',
    ],
    ['lsp-set-port-security l2', 'lsp-set-port-security v4 00:00:00:00:00:02'],
    ['lsp-set-port-security l2 00:00:00:00:00:01', 'lsp-del v6'],
  ),

  config(
    'disabled ports',
    [
      'ls-add ls1',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1 fd00::1"',
      'lsp-set-enabled p1 disabled',
      'lsp-add ls1 p2',
      'lsp-set-addresses p2 "00:00:00:00:00:02 10.0.0.2" unknown',
      'lsp-set-enabled p2 disabled',
      'lsp-add ls1 p3',
      'lsp-set-addresses p3 "00:00:00:00:00:03 10.0.0.3"',
      'lsp-set-enabled p3 enabled',
    ],
    ['lsp-set-enabled p1 enabled', 'lsp-set-enabled p2 enabled', 'lsp-set-enabled p3 disabled'],
  ),

  config(
    'nested containers',
    [
      'ls-add ls1',
      'ls-add ls2',
      'lsp-add ls1 vm',
      'lsp-set-addresses vm "00:00:00:00:00:01 10.0.0.1"',
      'lsp-add ls1 c1 vm 11',
      'lsp-set-addresses c1 "00:00:00:00:00:11 10.0.0.11"',
      'lsp-set-port-security c1 "00:00:00:00:00:11 10.0.0.11"',
      'lsp-add ls2 c2 vm 12',
      'lsp-set-addresses c2 "00:00:00:00:00:12 10.0.1.12 fd00::12"',
      'lsp-add ls2 c3 vm 0',
      'lsp-add ls2 orphan nobody 13',
    ],
    ['lsp-del c1', 'lsp-del c3'],
    ['lsp-add ls1 c1 vm 21', 'lsp-del vm'],
  ),

  config(
    'localnet ports',
    [
      'ls-add ls1',
      'lsp-add ls1 vif',
      'lsp-set-addresses vif "00:00:00:00:00:01 10.0.0.1 fd00::1"',
      'lsp-add ls1 ln',
      'lsp-set-type ln localnet',
      'lsp-set-addresses ln unknown',
      'lsp-set-options ln network_name=physnet1 qos_max_rate=1000',
      'set Logical_Switch_Port vif options:qos_max_rate=2000',
      'ls-add ls2',
      'lsp-add ls2 ln2 "" 100',
      'lsp-set-type ln2 localnet',
      'lsp-set-addresses ln2 unknown',
      'lsp-set-options ln2 network_name=physnet2',
      'lsp-add ls2 vif2',
      'lsp-set-addresses vif2 unknown',
    ],
    ['lsp-set-options ln network_name=other', 'lsp-del ln2'],
    ['lsp-set-options ln'],
  ),

  config(
    'vlan passthru',
    [
      'ls-add ls1',
      'set Logical_Switch ls1 other_config:vlan-passthru=true',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"',
      'ls-add ls2',
    ],
    [
      'set Logical_Switch ls1 other_config:vlan-passthru=false',
      'set Logical_Switch ls2 other_config:vlan-passthru=true',
    ],
  ),

  config(
    'localport and L2 gateway ports',
    [
      'ls-add ls1',
      'lsp-add ls1 meta',
      'lsp-set-type meta localport',
      'lsp-set-addresses meta "00:00:00:00:00:01 10.0.0.2"',
      'lsp-add ls1 l2gw',
      'lsp-set-type l2gw l2gateway',
      'lsp-set-options l2gw network_name=physnet1 l2gateway-chassis=gw1',
      'lsp-set-addresses l2gw unknown',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:03 10.0.0.3"',
    ],
    ['lsp-set-type meta ""'],
  ),

  config(
    'port options, external ids and requested tunnel keys',
    [
      'ls-add ls1',
      'set Logical_Switch ls1 other_config:requested-tnl-key=77 external_ids:owner=cms external_ids:neutron\\:network_name=net',
      'lsp-add ls1 p1',
      'lsp-set-options p1 requested-chassis=hv1 requested-tnl-key=55 mcast_flood=false',
      'set Logical_Switch_Port p1 external_ids:vm=one',
      'lsp-add ls1 p2',
      'set Logical_Switch_Port p2 external_ids:neutron\\:port_name=web',
    ],
    ['remove Logical_Switch_Port p1 options requested-chassis', 'set Logical_Switch_Port p1 external_ids:vm=two'],
  ),

  config(
    'address sets and port groups',
    [
      'ls-add ls1',
      'ls-add ls2',
      'lsp-add ls1 a',
      'lsp-set-addresses a "00:00:00:00:00:01 10.0.0.1 fd00::1"',
      'lsp-add ls2 b',
      'lsp-set-addresses b "00:00:00:00:00:02 10.0.0.2" "00:00:00:00:01:02 10.1.0.2 fd00::2"',
      'lsp-add ls2 c',
      'pg-add pg1 a b',
      'pg-add pg2 c',
      'pg-add empty',
      'create Address_Set name=as1 addresses="10.0.0.0/8","192.168.0.1"',
      'create Address_Set name=as6 addresses="fd00::/8"',
    ],
    [
      'pg-set-ports pg1 b c',
      'lsp-set-addresses b "00:00:00:00:00:02 10.0.0.3"',
      'set Address_Set as1 addresses="10.0.0.0/8"',
    ],
    ['pg-del pg2', 'destroy Address_Set as6', 'lsp-del a'],
  ),

  {
    name: 'bound ports, up and the configuration handshake',
    steps: [
      {
        nb: [
          'ls-add ls1',
          'lsp-add ls1 p1',
          'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"',
          'lsp-add ls1 p2',
          'lsp-set-addresses p2 "00:00:00:00:00:02 10.0.0.2"',
        ],
      },
      { sb: ['chassis-add hv1 geneve 192.0.2.1', 'lsp-bind p1 hv1', 'set Port_Binding p1 up=true'], nb: ['sync'] },
      { sb: ['create Chassis_Private name=hv1 nb_cfg=1 nb_cfg_timestamp=1700000000000'], nb: ['sync'] },
      {
        sb: ['lsp-bind p2 hv1', 'set Port_Binding p2 up=true', 'set Port_Binding p1 up=false'],
        nb: ['lsp-add ls1 p3'],
      },
      { sb: ['lsp-unbind p1'], nb: ['sync'] },
      { sb: ['set Chassis hv1 other_config:port-up-notif=true', 'lsp-bind p1 hv1'], nb: ['sync'] },
      { sb: ['set Port_Binding p1 up=false'], nb: ['sync'] },
      { sb: ['clear Port_Binding p1 up', 'set Port_Binding p2 up=true'], nb: ['sync'] },
      { sb: ['chassis-del hv1'], nb: ['lsp-del p2'] },
    ],
  },

  config(
    'update and revert, one switch',
    [
      'ls-add ls1',
      'lsp-add ls1 p1',
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"',
      'lsp-set-port-security p1 "00:00:00:00:00:01 10.0.0.1"',
      'lsp-add ls1 p2',
    ],
    [
      'lsp-set-addresses p1 unknown',
      'lsp-set-port-security p1',
      'lsp-set-enabled p1 disabled',
      'lsp-set-type p2 localnet',
    ],
    [
      'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"',
      'lsp-set-port-security p1 "00:00:00:00:00:01 10.0.0.1"',
      'lsp-set-enabled p1 enabled',
      'lsp-set-type p2 ""',
    ],
  ),

  config(
    'a switch with nothing but a router, and then more',
    ['ls-add ls1', 'lr-add lr1', ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', 'fd01::1/64')],
    ['lsp-add ls1 off', 'lsp-set-enabled off disabled'],
    ['lsp-add ls1 peerless', 'lsp-set-type peerless router', 'lsp-del off'],
    ['lsp-set-enabled ls1-lr1 disabled', 'lsp-add ls1 p1'],
    ['lsp-del peerless', 'lsp-del p1', 'lsp-set-enabled ls1-lr1 enabled'],
  ),

  config(
    'quality of service',
    [
      'ls-add ls1',
      'lsp-add ls1 p1',
      'qos-add ls1 from-lport 100 "inport == \\"p1\\"" rate=100',
      'qos-add ls1 from-lport 101 "inport == \\"p1\\"" rate=100 burst=200',
      'qos-add ls1 to-lport 102 ip4 dscp=10',
      'qos-add ls1 from-lport 103 ip4 rate=5 burst=6 dscp=33',
    ],
    ['qos-del ls1 to-lport', 'qos-add ls1 to-lport 5 ip6 rate=7'],
    ['qos-del ls1'],
  ),

  config(
    'many equal switches, grouped and ungrouped',
    Array.from({ length: 12 }, (_, i) => [
      `ls-add ls${i}`,
      `lsp-add ls${i} p${i}`,
      `lsp-set-addresses p${i} "00:00:00:00:00:0${i.toString(16)} 10.0.${i}.1"`,
    ]).flat(),
    ['ls-del ls3', 'lsp-del p4', 'set Logical_Switch ls5 other_config:vlan-passthru=true'],
    ['ls-add ls3', 'set Logical_Switch ls5 other_config:vlan-passthru=false'],
  ),

  config(
    'a port that moves between switches, and one that is renamed',
    ['ls-add ls1', 'ls-add ls2', 'lsp-add ls1 p1', 'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"'],
    ['lsp-del p1', 'lsp-add ls2 p1', 'lsp-set-addresses p1 "00:00:00:00:00:01 10.0.0.1"'],
    ['set Logical_Switch_Port p1 name=q1'],
    ['set Logical_Switch ls2 name=ls2-new'],
  ),

  config(
    'NB_Global options and connections',
    ['set NB_Global . external_ids:cms=x options:probe=5000 ipsec=true name=region1', 'ls-add ls1'],
    ['set NB_Global . options:use_logical_dp_groups=false', 'ls-add ls2'],
    ['remove NB_Global . options use_logical_dp_groups', 'set NB_Global . ipsec=false'],
  ),
];
