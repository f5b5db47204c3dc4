/** The flows that every chassis has: what a table does with packets that no other flow of it wants. */
import type { Flow } from '@weft/openflow/flow';
import { flag, register, table } from '../pipeline.ts';
import { clearProgramRegisters, flagSet, flowsOf, match, resubmit } from './terms.ts';

/** Flows that every chassis has, whatever its ports (ovn-architecture(7), "Architectural Physical Life Cycle of a Packet"). */
export function baseFlows(): readonly Flow[] {
  const { flows, add } = flowsOf(undefined);
  const any = match({});
  add(table.physicalToLogical, 0, any, []);
  add(table.detectLargePackets, 0, any, [resubmit(table.remoteOutput)]);
  add(table.processLargePackets, 10, match(flagSet(flag.allowLoopback)), [resubmit(table.localOutput)]);
  add(table.processLargePackets, 0, any, [resubmit(table.remoteOutput)]);
  add(table.remoteOutput, 150, match(flagSet(flag.localOnly)), [resubmit(table.localOutput)]);
  // What came from a VXLAN tunnel goes to no tunnel again, unless a router sent it on.
  const fromRamp = flag.fromRamp;
  add(table.remoteOutput, 150, match({ [register.flags]: [fromRamp, fromRamp | flag.allowLoopback] }), [
    resubmit(table.localOutput),
  ]);
  add(table.remoteOutput, 0, any, [resubmit(table.localOutput)]);
  add(table.localOutput, 0, any, []);
  add(table.checkLoopback, 0, any, [...clearProgramRegisters, resubmit(table.logicalEgress)]);
  add(table.saveInputPort, 0, any, [resubmit(table.logicalToPhysical)]);
  add(table.logicalToPhysical, 0, any, []);
  return flows;
}
