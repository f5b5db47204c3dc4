/** Userdata of packets that the controller reports: to a log, or as an event. */
import { type LflowAction, type Severity, severities, type Verdict, verdicts } from './action-ast.ts';
import { Opcode } from './pipeline.ts';
import { type Bytes, constantText, userdata } from './userdata.ts';

/** `log`: verdict, severity and name. */
export function logUserdata(action: LflowAction & { readonly kind: 'log' }): Bytes {
  return userdata(Opcode.log)
    .u8(verdictCodes[action.verdict])
    .u8(severityCodes[action.severity])
    .text(action.name ?? '');
}

/** `trigger_event`: the event, of which there is one, and its options as texts. */
export function eventUserdata(action: LflowAction & { readonly kind: 'trigger_event' }): Bytes {
  const data = userdata(Opcode.event).u32(0);
  for (const option of action.options) {
    const text = new TextEncoder().encode(option.values.map(constantText).join(','));
    data
      .u16(eventOptions.indexOf(option.name) + 1)
      .u16(text.length)
      .raw(text);
  }
  return data;
}

/** The names of `empty_lb_backends` options; their codes count from 1. */
const eventOptions = ['vip', 'protocol', 'load_balancer'];

const verdictCodes: Readonly<Record<Verdict, number>> = numbered(verdicts, (index) => index);
/** syslog's severities (RFC 5424 section 6.2.1): alert 1, warning 4, and so on. */
const severityCodes: Readonly<Record<Severity, number>> = numbered(severities, (index) => [1, 4, 5, 6, 7][index] ?? 6);

function numbered<T extends string>(names: readonly T[], code: (index: number) => number): Record<T, number> {
  return Object.fromEntries(names.map((name, index) => [name, code(index)])) as Record<T, number>;
}
