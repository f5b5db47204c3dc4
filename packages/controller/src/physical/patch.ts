/** Patch ports between logical datapaths: what leaves one enters the other's ingress pipeline, with nothing left of the first one's state. */
import type { Flow } from '@weft/openflow/flow';
import { register, table } from '../pipeline.ts';
import { addCommon, enter, type PortKeys, toPort } from './port.ts';
import { clearProgramRegisters, clone, ctClear, flowsOf, load, match, resubmit } from './terms.ts';

/** Takes packets through a logical patch port to its peer's datapath. */
export function patchPortFlows(port: PortKeys, peer: PortKeys): readonly Flow[] {
  const { flows, add } = flowsOf(port.uuid);
  addCommon(port, add);
  add(table.logicalToPhysical, 100, match(toPort(port)), [
    clone([
      ctClear,
      load(register.dnatZone, 0),
      load(register.snatZone, 0),
      load(register.portZone, 0),
      ...enter(peer),
      load(register.flags, 0),
      load(register.outport, 0),
      ...clearProgramRegisters,
      resubmit(table.logicalIngress),
    ]),
  ]);
  return flows;
}
