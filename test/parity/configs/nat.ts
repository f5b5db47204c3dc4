import { config, type ParityConfig } from '../config.ts';
import { edge } from './edge.ts';

/** With a second port. */
const twoPorts = [...edge, 'lsp-add ls1 p2', 'lsp-set-addresses p2 "00:00:00:00:00:02 192.168.1.11"'];

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
];
