/** The queue that a port's traffic is put in: `options:qdisc_queue_id` of Port_Binding. */
import type { SwitchPort } from '../model.ts';

/** The options of Logical_Switch_Port that ask for a queue (ovn-nb(5)). */
const qosOptions = ['qos_max_rate', 'qos_min_rate', 'qos_burst'];

/** Traffic is shaped where it leaves for a physical network; a VIF's rates are for its chassis to apply to the interface. */
export function wantsQueue(port: SwitchPort): boolean {
  return port.type === 'localnet' && qosOptions.some((option) => port.row.options.has(option));
}

/** The port's queue, or undefined. Ports with rates get one from northd; others may name one themselves. */
export function queueOf(port: SwitchPort): string | undefined {
  // What goes to a router never leaves through an interface of its own.
  if (port.isRouter) return undefined;
  const { options } = port.row;
  if (wantsQueue(port)) return String(port.model.queueOf(port.name));
  const named = options.get('qdisc_queue_id');
  return named !== undefined && /^[1-9]\d*$/.test(named) ? named : undefined;
}
