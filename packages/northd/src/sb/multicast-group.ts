/** Multicast_Group: whom a switch floods to (ovn-sb(5), Multicast_Group; the groups' names are those that ovn-northd(8) uses in actions). */
import type { Output } from '../northd.ts';

/** The groups and their tunnel keys, which are fixed: they are in the packets of all chassis at once. */
export const multicastGroup = {
  /** All enabled ports. */
  flood: { name: '_MC_flood', tunnelKey: 32768, role: 'enabled' },
  /** Enabled ports that take unknown destinations. */
  unknown: { name: '_MC_unknown', tunnelKey: 32769, role: 'unknown' },
  /** Enabled ports that ask for the reports of group members. */
  reports: { name: '_MC_mrouter_flood', tunnelKey: 32770, role: 'reports' },
  /** Enabled ports that ask for all multicast traffic. */
  static: { name: '_MC_static', tunnelKey: 32771, role: 'static' },
  /** Enabled ports that do not lead to a router. */
  floodL2: { name: '_MC_flood_l2', tunnelKey: 32772, role: 'vif' },
} as const;

export const multicastGroups: Output = ({ model, rows, allocations }) => {
  const desired = rows.table('sb', 'Multicast_Group');
  for (const { name, tunnelKey, role } of Object.values(multicastGroup)) {
    model.rt.forEach(
      `Multicast_Group ${name}`,
      model.nb.Logical_Switch,
      ({ _uuid }) => {
        const ports = model.portNames(_uuid, role);
        return ports.length === 0 ? undefined : ports;
      },
      ({ _uuid }, ports) => {
        const datapath = allocations.datapath(_uuid);
        const members = ports?.map((port) => allocations.port(port)).sort();
        desired.set(`${datapath} ${name}`, members && { datapath, name, tunnel_key: tunnelKey, ports: members });
      },
    );
  }
};
