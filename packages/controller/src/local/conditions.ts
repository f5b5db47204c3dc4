/**
 * What of the southbound database this chassis asks for: unless `ovn-monitor-all` is set, the rows of its local datapaths, and what can make more
 * datapaths local (ovn-controller(8), ovn-monitor-all).
 */

import type { Json } from '@weft/ovsdb/json';
import type { TableCondition } from '@weft/ovsdb-client/conditions';
import type { SbTable } from '@weft/schemas/sb';
import type { Model } from '../model/model.ts';
import type { sbColumns } from '../model/tables.ts';

export type SbConditions = { readonly [T in keyof typeof sbColumns & SbTable]?: TableCondition };

const uuid = (value: string): Json => ['uuid', value];

/** Port types that are looked at wherever they are: they connect datapaths, or choose a chassis by other means than an interface. */
const connectingTypes = ['patch', 'l3gateway', 'l2gateway', 'chassisredirect', 'external'] as const;

/** Types that are enough when nothing is known of this chassis yet. */
export const initialConditions: SbConditions = {
  Port_Binding: connectingTypes.map((type) => ['type', '==', type]),
  Logical_Flow: false,
  Logical_DP_Group: false,
  Load_Balancer: false,
  Multicast_Group: false,
  MAC_Binding: false,
  Static_MAC_Binding: false,
  FDB: false,
  Chassis_Template_Var: false,
};

/** Tracked: changes with the interfaces and the local datapaths. */
export function wantedConditions(model: Model): SbConditions {
  const config = model.config();
  if (config === undefined) return initialConditions;
  if (config.monitorAll) return Object.fromEntries(Object.keys(initialConditions).map((table) => [table, true]));

  const ifaceIds = new Set<string>();
  for (const row of model.interfaces.rows()) if (row.ifaceId !== undefined) ifaceIds.add(row.ifaceId);
  const datapaths = [...model.localDatapaths()].sort();
  const own = model.ownChassisUuid();
  const inDatapaths = (column: string): readonly Json[] => datapaths.map((datapath) => [column, '==', uuid(datapath)]);
  const keys = datapaths.flatMap((datapath) => model.tables.sb.Datapath_Binding.get(datapath)?.tunnel_key ?? []);
  return {
    Port_Binding: [
      ...connectingTypes.map((type) => ['type', '==', type]),
      ...[...ifaceIds].sort().flatMap((id) => [
        ['logical_port', '==', id],
        ['parent_port', '==', id],
      ]),
      ...(own === undefined
        ? []
        : [
            ['chassis', '==', uuid(own)],
            ['requested_chassis', '==', uuid(own)],
          ]),
      ...inDatapaths('datapath'),
    ],
    Logical_Flow:
      datapaths.length === 0 ? false : [...inDatapaths('logical_datapath'), ['logical_dp_group', '!=', ['set', []]]],
    Logical_DP_Group: datapaths.length > 0,
    Load_Balancer:
      datapaths.length === 0
        ? false
        : [
            ...datapaths.map((datapath) => ['datapaths', 'includes', uuid(datapath)]),
            ['datapath_group', '!=', ['set', []]],
          ],
    Multicast_Group: inDatapaths('datapath'),
    MAC_Binding: inDatapaths('datapath'),
    Static_MAC_Binding: inDatapaths('datapath'),
    FDB: keys.map((key) => ['dp_key', '==', key]),
    Chassis_Template_Var: [['chassis', '==', config.systemId]],
  };
}
