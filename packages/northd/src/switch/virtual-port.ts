/** Ports of type virtual: the parent that last announced the virtual address has it (ovn-northd(8), Ingress Table 19; ovn-nb(5), `virtual-ip`). */
import type { Feature } from '../feature.ts';
import { quote } from '../flow.ts';
import { parseIp } from '../net.ts';
import { lsIn } from '../pipeline.ts';

export const virtualPort: Feature = {
  name: 'virtual port',

  perSwitchPort(port, emit) {
    if (port.type !== 'virtual') return;
    const text = port.row.options.get('virtual-ip');
    const parents = port.row.options.get('virtual-parents');
    if (text === undefined || parents === undefined) return;
    const ip = parseIp(text);
    if (ip === undefined || text.includes('/')) {
      port.model.problem(`Logical_Switch_Port "${port.name}": virtual-ip "${text}" is not an IP address`);
      return;
    }
    for (const parent of parents.split(',')) {
      const row = port.model.switchPortByName.one(parent);
      if (row === undefined || port.model.switchOfPort.one(row._uuid)?._uuid !== port.ls.uuid) continue;
      const announces =
        ip.family === 4
          ? `((arp.op == 1 && arp.spa == ${text} && arp.tpa == ${text}) || (arp.op == 2 && arp.spa == ${text}))`
          : `((nd_ns && ip6.dst == {${text}, ${ip.solicitedNode}} && nd.target == ${text}) ||(nd_na && nd.target == ${text}))`;
      const actions = `bind_vport(${quote(port.name)}, inport); next;`;
      const options = { hint: row._uuid, inOutPort: parent };
      emit(lsIn.arp_rsp, 100, `inport == ${quote(parent)} && ${announces}`, actions, options);
    }
  },
};
