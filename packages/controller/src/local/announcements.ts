/** Which ports announce themselves: those of this chassis, once their flows are in the switch, on switches with a physical network. */
import { isDeepStrictEqual } from 'node:util';
import { formatIpv4, formatMac, ipv4Bytes, macBytes } from '@weft/packet/address';
import type { Feature } from '../feature.ts';
import { isContainer } from '../model/model.ts';
import type { Announcement } from '../packet-in/announcer.ts';

/** `MAC IP...` as Port_Binding's mac column has it; words that are no MAC, such as `unknown`, announce nothing. */
function addressOf(text: string): Announcement['addresses'] {
  const [first = '', ...rest] = text.split(' ');
  const mac = macBytes(first);
  if (mac === undefined) return [];
  const ips = rest.flatMap((word) => {
    const ip = ipv4Bytes(word);
    return ip === undefined ? [] : [formatIpv4(ip)];
  });
  return [{ mac: formatMac(mac), ips }];
}

export const announcements: Feature = (model, { announcer }) => {
  const { sb } = model.tables;
  model.runtime.forEach(
    'announcements',
    model.localPorts,
    (uuid): Announcement | undefined => {
      const port = sb.Port_Binding.get(uuid);
      if (port === undefined || port.type !== '' || !model.isInstalled(uuid)) return undefined;
      // Containers are their parent's business, as they are for ovn-controller.
      if (isContainer(port)) return undefined;
      if (model.localnetOf(port.datapath) === undefined) return undefined;
      const datapath = sb.Datapath_Binding.get(port.datapath);
      const addresses = port.mac.flatMap(addressOf);
      if (datapath === undefined || addresses.length === 0) return undefined;
      return { datapathKey: datapath.tunnel_key, portKey: port.tunnel_key, addresses };
    },
    (uuid, next) => announcer.set(uuid, next),
    isDeepStrictEqual,
  );
};
