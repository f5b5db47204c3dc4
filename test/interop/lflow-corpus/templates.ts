/** Texts with template variables, which the tests give to the C controller and to ours. */

/** Matches with template variables, right and wrong. */
export const templateMatches: readonly string[] = [
  'tcp.dst == ^port && ip4',
  'tcp.dst == ^ports && ip4',
  'ip4.src == ^ip',
  'ip4.src == {^ip, 1.2.3.4}',
  'inport == "^name"',
  'inport == ^quoted',
  'tcp.dst == ^a.b && ip4',
  'tcp.dst == ^nested && ip4',
  'ip4 ^empty',
  '^expression',
  'tcp.dst == ^elsewhere && ip4',
  'tcp.dst == ^port1 && ip4',
  'tcp.dst == ^ports[0]',
  'reg0 == ^port^port',
  'reg0[^port]',
  'reg0[0..^port]',
  'ip4 // ^port',
  'ip4 /* ^port */',
  'is_chassis_resident("^name")',
  'is_chassis_resident(^quoted)',
  'ip4.src ==^ip&&ip4',
];

/** The same for actions. */
export const templateActions: readonly string[] = [
  'reg0 = ^port;',
  'ct_lb_mark(backends=^backend);',
  'ct_lb_mark(backends=^ip:^port);',
  'ct_lb_mark(backends=^elsewhere);',
  'outport = "^name"; next;',
  'outport = ^quoted; next;',
  'ct_dnat(^ip);',
  'ct_dnat(^ip, ^port);',
  'reg0 = ^elsewhere; next;',
  'log(name="^name", verdict=allow);',
];
