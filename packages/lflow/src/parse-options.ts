/** Actions whose arguments are named options: DHCP, router advertisements, events. As in `parse-calls.ts`. */
import { type NamedOption, type OptionFunctionName, type Protocol, protocols } from './action-ast.ts';
import { type BitFunction, options, parseEndpoint, type Statement } from './arguments.ts';
import { encodeDhcpv4, encodeDhcpv6 } from './dhcp-options.ts';
import { LflowError } from './lexer.ts';
import { checkNdRaOption, encodeNdRa, isNdRaOption } from './nd-ra-options.ts';

/** `R = put_dhcp_opts(…)` and its kin. What DHCP options there are is known when the action is encoded. */
export const putOptions: BitFunction = ({ lexer, doubts }, name, dst) => {
  const kind = name as OptionFunctionName;
  const offset = lexer.start;
  lexer.expect('(');
  const known = (option: string): void => {
    const complaint = lexer.syntaxError(`expecting ${optionKinds[kind]} option name`);
    if (kind === 'put_dhcp_opts')
      doubts.push((lookups) => (lookups.lookupDhcpv4Option(option) === undefined ? complaint : undefined));
    else if (kind === 'put_dhcpv6_opts')
      doubts.push((lookups) => (lookups.lookupDhcpv6Option(option) === undefined ? complaint : undefined));
    else if (!isNdRaOption(option)) throw complaint;
  };
  const found = options(lexer, known, kind === 'put_nd_ra_opts' ? checkNdRaOption : undefined);
  if (kind === 'put_dhcp_opts')
    doubts.push((lookups) =>
      complaintOf(() => encodeDhcpv4(found, offset, (option) => lookups.lookupDhcpv4Option(option))),
    );
  else if (kind === 'put_dhcpv6_opts')
    doubts.push((lookups) => complaintOf(() => encodeDhcpv6(found, (option) => lookups.lookupDhcpv6Option(option))));
  else encodeNdRa(found, offset);
  return { kind, dst, options: found, offset };
};

const optionKinds: Readonly<Record<OptionFunctionName, string>> = {
  put_dhcp_opts: 'DHCPv4',
  put_dhcpv6_opts: 'DHCPv6',
  put_nd_ra_opts: 'IPv6 ND RA',
};

function complaintOf(run: () => unknown): LflowError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof LflowError) return error;
    throw error;
  }
}

const uuid = /^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$/;

/** `trigger_event(event=…, …)` */
export const triggerEvent: Statement = ({ lexer }) => {
  lexer.expect('(');
  if (!lexer.matchId('event')) throw lexer.syntaxError("Expecting 'event' option");
  lexer.expect('=');
  if (lexer.type !== 'string') throw lexer.syntaxError('Expecting string');
  if (lexer.text !== 'empty_lb_backends') throw lexer.syntaxError("Unknown event '-1'");
  lexer.next();
  lexer.match(',');
  const known = (name: string): void => {
    if (!['vip', 'protocol', 'load_balancer'].includes(name))
      throw lexer.syntaxError('expecting empty_lb_backends option name');
  };
  const check = ({ name, values, offset }: NamedOption): void => {
    if (values[0]?.kind !== 'string')
      throw lexer.fail(`empty_lb_backends option ${name} requires string value.`, offset);
  };
  const found = options(lexer, known, check);
  for (const { name, values, offset } of found) {
    const [value] = values;
    if (value?.kind !== 'string') continue;
    // Port 0 is none.
    if (name === 'vip' && (parseEndpoint(value.value) ?? parseEndpoint(value.value.replace(/:0*$/, ''))) === undefined)
      throw lexer.fail(`Invalid load balancer VIP '${value.value}'`, offset);
    if (name === 'protocol' && !protocols.includes(value.value as Protocol)) {
      throw lexer.fail(`Load balancer protocol '${value.value}' is not 'tcp', 'udp', or 'sctp'`, offset);
    }
    if (name === 'load_balancer' && !uuid.test(value.value))
      throw lexer.fail(`Load balancer '${value.value}' is not a UUID`, offset);
  }
  return { kind: 'trigger_event', options: found };
};
