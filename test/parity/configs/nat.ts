import { config, type ParityConfig } from '../config.ts';
import { edge } from './edge.ts';

/** With a second port. */
const twoPorts = [...edge, 'lsp-add ls1 p2', 'lsp-set-addresses p2 "00:00:00:00:00:02 192.168.1.11"'];

/** Where rules are applied, and what makes it so. */
const gateways = [
  ['a gateway router', 'set Logical_Router lr1 options:chassis=gw1'],
  ['a distributed gateway port', 'lrp-set-gateway-chassis lr1-pub gw1 20'],
] as const;

const rules: readonly (readonly string[])[] = [
  ['lr-nat-add lr1 snat 172.16.0.1 192.168.1.0/24', 'lr-nat-add lr1 snat fd16::1 fd01::/64'],
  ['lr-nat-add lr1 dnat_and_snat 172.16.0.50 192.168.1.10', 'lr-nat-add lr1 dnat_and_snat fd16::50 fd01::10'],
  ['lr-nat-add lr1 dnat 172.16.0.51 192.168.1.11', 'lr-nat-add lr1 snat 172.16.0.9 0.0.0.0/0'],
  ['lr-nat-del lr1 snat', 'lr-nat-add lr1 dnat_and_snat 88.0.0.1 192.168.1.12'],
];

/** Network address translation. */
export const natConfigs: readonly ParityConfig[] = [
  config(
    'NAT on a gateway router',
    [...twoPorts, 'set Logical_Router lr1 options:chassis=gw1'],
    ...rules,
    ['lsp-set-options pub-lr1 router-port=lr1-pub nat-addresses=router'],
    ['remove Logical_Router lr1 options chassis'],
    ['lr-nat-del lr1'],
  ),

  config(
    'NAT at a distributed gateway port',
    [...twoPorts, 'lrp-set-gateway-chassis lr1-pub gw1 20'],
    ...rules,
    ['lsp-set-options pub-lr1 router-port=lr1-pub nat-addresses=router'],
    ['lrp-set-enabled lr1-ls1 disabled'],
    ['lrp-del-gateway-chassis lr1-pub gw1'],
    ['lrp-set-gateway-chassis lr1-pub gw1 20', 'lr-nat-del lr1'],
  ),

  config(
    'distributed NAT',
    [
      ...twoPorts,
      'lrp-set-gateway-chassis lr1-pub gw1 20',
      'lr-nat-add lr1 dnat_and_snat 172.16.0.50 192.168.1.10 p1 00:00:00:00:99:01',
      'lr-nat-add lr1 dnat_and_snat fd16::50 fd01::10 p1 00:00:00:00:99:01',
      'lr-nat-add lr1 dnat_and_snat 172.16.0.51 192.168.1.11 p2 00:00:00:00:99:02',
    ],
    ['lsp-set-options pub-lr1 router-port=lr1-pub nat-addresses=router'],
    ['lr-nat-del lr1 dnat_and_snat 172.16.0.51'],
    ['lsp-del ln'],
    ['lr-nat-del lr1'],
  ),

  ...gateways.map(([where, gateway]) =>
    config(
      `stateless NAT, port ranges and sets of external addresses on ${where}`,
      [...twoPorts, gateway],
      [
        '--stateless lr-nat-add lr1 dnat_and_snat 172.16.0.60 192.168.1.20',
        '--stateless lr-nat-add lr1 dnat_and_snat fd16::60 fd01::20',
        '--stateless lr-nat-add lr1 dnat_and_snat 172.16.0.61 192.168.1.21 p1 00:00:00:00:99:01',
      ],
      [
        '--portrange lr-nat-add lr1 snat 172.16.0.62 192.168.2.0/24 1000-2000',
        '--portrange lr-nat-add lr1 dnat 172.16.0.63 192.168.1.23 3000-4000',
        '--portrange lr-nat-add lr1 dnat_and_snat 172.16.0.64 192.168.1.24 80',
        '--portrange lr-nat-add lr1 dnat_and_snat 172.16.0.65 192.168.1.25 p2 00:00:00:00:99:02 5-6',
      ],
      [
        'create Address_Set name=some4 addresses="8.8.8.0/24"',
        'create Address_Set name=some6 addresses="fd88::/64"',
        'lr-nat-add lr1 snat 172.16.0.66 192.168.3.0/24',
        'lr-nat-add lr1 dnat_and_snat 172.16.0.67 192.168.1.27',
        'lr-nat-add lr1 dnat_and_snat fd16::67 fd01::27',
        'lr-nat-add lr1 dnat 172.16.0.68 192.168.1.28',
        'lr-nat-add lr1 dnat_and_snat 172.16.0.69 192.168.1.29 p1 00:00:00:00:99:03',
      ],
      [
        'lr-nat-update-ext-ip lr1 snat 192.168.3.0/24 some4',
        'lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.67 some4',
        'lr-nat-update-ext-ip lr1 dnat_and_snat fd16::67 some6',
        'lr-nat-update-ext-ip lr1 dnat 172.16.0.68 some4',
        'lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.69 some4',
      ],
      [
        'lr-nat-add lr1 snat 172.16.0.76 192.168.4.0/24',
        'lr-nat-add lr1 dnat_and_snat 172.16.0.77 192.168.1.37',
        'lr-nat-add lr1 dnat_and_snat fd16::77 fd01::37',
        'lr-nat-add lr1 dnat 172.16.0.78 192.168.1.38',
        'lr-nat-add lr1 dnat_and_snat 172.16.0.79 192.168.1.39 p1 00:00:00:00:99:04',
      ],
      [
        '--is-exempted lr-nat-update-ext-ip lr1 snat 192.168.4.0/24 some4',
        '--is-exempted lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.77 some4',
        '--is-exempted lr-nat-update-ext-ip lr1 dnat_and_snat fd16::77 some6',
        '--is-exempted lr-nat-update-ext-ip lr1 dnat 172.16.0.78 some4',
        '--is-exempted lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.79 some4',
      ],
      // Rules that say both.
      [
        '--is-exempted lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.67 some4',
        'lr-nat-update-ext-ip lr1 snat 192.168.4.0/24 some4',
        'lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.79 some4',
      ],
      ['lr-nat-del lr1 snat'],
      ['lr-nat-del lr1'],
    ),
  ),

  ...gateways.map(([where, gateway]) =>
    config(
      `stateless NAT with sets of external addresses on ${where}`,
      [...twoPorts, gateway, 'create Address_Set name=some4 addresses="8.8.8.0/24"', 'create Address_Set name=some6'],
      [
        '--stateless lr-nat-add lr1 dnat_and_snat 172.16.0.60 192.168.1.20',
        '--stateless lr-nat-add lr1 dnat_and_snat fd16::60 fd01::20',
        '--stateless lr-nat-add lr1 dnat_and_snat 172.16.0.61 192.168.1.21 p1 00:00:00:00:99:01',
        '--stateless lr-nat-add lr1 dnat_and_snat 172.16.0.62 192.168.1.22',
        '--stateless lr-nat-add lr1 dnat_and_snat 172.16.0.63 192.168.1.23 p1 00:00:00:00:99:02',
      ],
      ['lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.60 some4'],
      [
        '--is-exempted lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.62 some4',
        '--is-exempted lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.63 some4',
      ],
      // One that is allowed at a time: the first of several, by uuid, has a flow of its own.
      ['lr-nat-del lr1 dnat_and_snat 172.16.0.60'],
      ['lr-nat-update-ext-ip lr1 dnat_and_snat 172.16.0.61 some4'],
      ['lr-nat-del lr1 dnat_and_snat 172.16.0.61'],
      ['lr-nat-update-ext-ip lr1 dnat_and_snat fd16::60 some6'],
      ['lr-nat-del lr1'],
    ),
  ),

  {
    name: 'distributed NAT of a virtual port',
    steps: [
      {
        nb: [
          ...twoPorts,
          'lrp-set-gateway-chassis lr1-pub gw1 20',
          'lsp-add ls1 vip',
          'lsp-set-type vip virtual',
          'lsp-set-options vip virtual-ip=192.168.1.99 virtual-parents=p1,p2',
          'lr-nat-add lr1 dnat_and_snat 172.16.0.70 192.168.1.99 vip 00:00:00:00:99:09',
          'lr-nat-add lr1 dnat_and_snat fd16::70 fd01::99 vip 00:00:00:00:99:09',
        ],
      },
      {
        nb: ['sync'],
        sb: ['chassis-add hv1 geneve 10.1.1.1', 'lsp-bind vip hv1', 'set Port_Binding vip virtual_parent=p1'],
        eventually: true,
      },
      { nb: ['sync'], sb: ['set Port_Binding vip virtual_parent=p1', 'lsp-unbind vip'], eventually: true },
      { nb: ['lr-nat-del lr1'] },
    ],
  },

  config(
    'forced sources of translated connections',
    [
      ...twoPorts,
      'lr-nat-add lr1 dnat 172.16.0.51 192.168.1.11',
      'lr-nat-add lr1 dnat_and_snat fd16::50 fd01::10',
      'lr-nat-add lr1 snat 172.16.0.1 192.168.1.0/24',
      '--stateless lr-nat-add lr1 dnat_and_snat 172.16.0.60 192.168.1.20',
      'set Logical_Router lr1 options:chassis=gw1 options:dnat_force_snat_ip=10.9.9.9',
    ],
    ['set Logical_Router lr1 options:dnat_force_snat_ip="10.9.9.9 fd99::9"'],
    ['set Logical_Router lr1 options:dnat_force_snat_ip=fd99::9'],
    ['remove Logical_Router lr1 options chassis'],
  ),
];
