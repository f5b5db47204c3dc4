import { config, type ParityConfig } from '../config.ts';
import { edge } from './edge.ts';

/** Gateways, without NAT and load balancers. */
export const gatewayConfigs: readonly ParityConfig[] = [
  config(
    'a gateway router',
    [...edge, 'set Logical_Router lr1 options:chassis=gw1'],
    ['remove Logical_Router lr1 options chassis'],
    ['set Logical_Router lr1 options:chassis=gw2', 'lsp-del ln'],
  ),

  config(
    'a distributed gateway port',
    [...edge, 'lrp-set-gateway-chassis lr1-pub gw1 20', 'lrp-set-gateway-chassis lr1-pub gw2 10'],
    ['set Logical_Router lr1 options:always_learn_from_arp_request=false'],
    ['set Logical_Router_Port lr1-ls1 options:reside-on-redirect-chassis=true'],
    ['lrp-set-options lr1-pub gateway_mtu=1400'],
    ['lsp-add ls1 ln1', 'lsp-set-type ln1 localnet', 'lsp-set-addresses ln1 unknown'],
    ['lsp-set-options pub-lr1 router-port=lr1-pub nat-addresses="00:00:00:00:00:99 1.2.3.4"'],
    ['lsp-set-options pub-lr1 router-port=lr1-pub nat-addresses=router', 'lrp-set-redirect-type lr1-pub bridged'],
    ['lrp-set-redirect-type lr1-pub overlay', 'lsp-add pub vt', 'lsp-set-type vt vtep'],
    ['lrp-del-gateway-chassis lr1-pub gw1'],
    ['lrp-del-gateway-chassis lr1-pub gw2'],
  ),

  config(
    'a distributed gateway port with a group of chassis',
    [
      ...edge,
      'ha-chassis-group-add hg',
      'ha-chassis-group-add-chassis hg gw1 20',
      'ha-chassis-group-add-chassis hg gw2 10',
      '--id=@g get HA_Chassis_Group hg _uuid -- set Logical_Router_Port lr1-pub ha_chassis_group=@g',
    ],
    ['ha-chassis-group-remove-chassis hg gw1'],
    ['clear Logical_Router_Port lr1-pub ha_chassis_group'],
  ),

  config('a distributed gateway port on a switch without a physical network', [
    ...edge,
    'lsp-del ln',
    'lrp-set-gateway-chassis lr1-pub gw1 20',
  ]),
];
