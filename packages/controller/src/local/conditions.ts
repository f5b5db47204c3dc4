/**
 * What of the southbound database this chassis asks for: unless `ovn-monitor-all` is set, the rows of its local datapaths, and what can make more
 * datapaths local (ovn-controller(8), ovn-monitor-all).
 */

import type { Json } from '@weft/ovsdb/json';
import type { Clause, TableConditions } from '@weft/ovsdb-client/conditions';
import type { SbTable, sb } from '@weft/schemas/sb';
import type { Model } from '../model/model.ts';
import type { sbColumns } from '../model/tables.ts';

export type SbConditions = Pick<TableConditions<typeof sb>, keyof typeof sbColumns & SbTable>;

const uuid = (value: string): Json => ['uuid', value];
const equal = <C extends string>(column: C, value: Json): Clause<C> => [column, '==', value];
const notEmpty = <C extends string>(column: C): Clause<C> => [column, '!=', ['set', []]];

/** Port types that are looked at wherever they are: they connect datapaths, or choose a chassis by other means than an interface. */
const connectingTypes = ['patch', 'l3gateway', 'l2gateway', 'chassisredirect', 'external'] as const;

/** Types that are enough when nothing is known of this chassis yet. */
export const initialConditions: SbConditions = {
  Port_Binding: connectingTypes.map((type) => equal('type', type)),
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
  const inDatapaths = <C extends string>(column: C): readonly Clause<C>[] =>
    datapaths.map((datapath) => equal(column, uuid(datapath)));
  const keys = datapaths.flatMap((datapath) => model.tables.sb.Datapath_Binding.get(datapath)?.tunnel_key ?? []);
  return {
    Port_Binding: [
      ...connectingTypes.map((type) => equal('type', type)),
      ...[...ifaceIds].sort().flatMap((id) => [equal('logical_port', id), equal('parent_port', id)]),
      ...(own === undefined ? [] : [equal('chassis', uuid(own)), equal('requested_chassis', uuid(own))]),
      ...inDatapaths('datapath'),
    ],
    Logical_Flow: datapaths.length === 0 ? false : [...inDatapaths('logical_datapath'), notEmpty('logical_dp_group')],
    Logical_DP_Group: datapaths.length > 0,
    Load_Balancer:
      datapaths.length === 0
        ? false
        : [
            ...datapaths.map((datapath): Clause<'datapaths'> => ['datapaths', 'includes', uuid(datapath)]),
            notEmpty('datapath_group'),
          ],
    Multicast_Group: inDatapaths('datapath'),
    MAC_Binding: inDatapaths('datapath'),
    Static_MAC_Binding: inDatapaths('datapath'),
    FDB: keys.map((key) => equal('dp_key', key)),
    Chassis_Template_Var: [equal('chassis', config.systemId)],
  };
}
