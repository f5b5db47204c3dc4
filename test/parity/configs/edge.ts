import { attach } from '../config.ts';

/** An inner switch with a port and a physical one behind router lr1. */
export const edge = [
  'ls-add ls1',
  'ls-add pub',
  'lr-add lr1',
  ...attach('lr1', 'ls1', '00:00:00:00:11:00', '192.168.1.1/24', 'fd01::1/64'),
  ...attach('lr1', 'pub', '00:00:00:00:12:00', '172.16.0.1/24', 'fd16::1/64'),
  'lsp-add ls1 p1',
  'lsp-set-addresses p1 "00:00:00:00:00:01 192.168.1.10 fd01::10"',
  'lsp-add pub ln',
  'lsp-set-type ln localnet',
  'lsp-set-addresses ln unknown',
  'lsp-set-options ln network_name=physnet1',
  'lr-route-add lr1 0.0.0.0/0 172.16.0.254',
];
