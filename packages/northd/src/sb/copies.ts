/** Tables that are NB's with other references: Meter, Static_MAC_Binding, Chassis_Template_Var, DNS, HA_Chassis_Group (ovn-sb(5)). */
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { Children } from '../desired-rows.ts';
import type { Model } from '../model.ts';
import type { Output } from '../northd.ts';

export const meters: Output = ({ model, rows }) => {
  const desired = rows.table('sb', 'Meter');
  const copyOf = ({ unit, bands }: NbRow<'Meter'>, name: string) => ({
    name,
    unit,
    bands: new Children(
      'Meter_Band',
      bands.flatMap((uuid) => {
        const band = model.nb.Meter_Band.get(uuid);
        return band ? [{ action: band.action, rate: band.rate, burst_size: band.burst_size }] : [];
      }),
    ),
  });
  model.rt.forEach(
    'Meter',
    model.nb.Meter,
    (row) => copyOf(row, row.name),
    (row, next) => desired.claim(row, next?.name, next),
  );
  model.rt.forEach(
    'Meter of ACL',
    model.nb.ACL,
    (acl) => {
      const meter = acl.meter === undefined ? undefined : model.fairMeter(acl.meter);
      return meter && copyOf(meter, model.aclMeter(meter.name, acl._uuid));
    },
    (acl, next) => desired.claim(acl, next?.name, next),
  );
};

export const staticMacBindings: Output = ({ model, rows, allocations }) => {
  const desired = rows.table('sb', 'Static_MAC_Binding');
  model.rt.forEach(
    'Static_MAC_Binding',
    model.nb.Static_MAC_Binding,
    ({ logical_port, ip, mac, override_dynamic_mac }) => {
      const row = model.routerPortByName.one(logical_port);
      const port = row && model.routerPort(row);
      if (port === undefined) return undefined;
      return { logical_port, ip, mac, override_dynamic_mac, datapath: allocations.datapath(port.lr.uuid) };
    },
    (row, next) => desired.claim(row, next && `${next.logical_port} ${next.ip}`, next),
  );
};

export const templateVariables: Output = ({ model, rows }) => {
  const desired = rows.table('sb', 'Chassis_Template_Var');
  model.rt.forEach(
    'Chassis_Template_Var',
    model.nb.Chassis_Template_Var,
    ({ chassis, variables }) => ({ chassis, variables }),
    (row, next) => desired.claim(row, next?.chassis, next),
  );
};

/** DNS records of the switches that refer to them. */
export const dns: Output = ({ model, rows, allocations }) => {
  const desired = rows.table('sb', 'DNS');
  const switchesOf = model.nb.Logical_Switch.index('switches by DNS', ['dns_records'], (ls) => ls.dns_records);
  model.rt.forEach(
    'DNS',
    model.nb.DNS,
    ({ _uuid, records }) => {
      const datapaths = switchesOf.get(_uuid).map((ls) => allocations.datapath(ls._uuid));
      if (datapaths.length === 0) return undefined;
      return { records, datapaths: datapaths.sort(), external_ids: new Map([['dns_id', _uuid]]) };
    },
    ({ _uuid }, next) => desired.set(_uuid, next),
  );
};

/** The groups of chassis that external ports and gateway ports are bound to; a gateway port without a group has one of its own name. */
export const haChassisGroups: Output = ({ model, rows }) => {
  const desired = rows.table('sb', 'HA_Chassis_Group');
  const { HA_Chassis_Group, HA_Chassis, Gateway_Chassis, Logical_Switch_Port, Logical_Router_Port } = model.nb;
  const byPort = Logical_Switch_Port.index('external ports by HA group', ['type', 'ha_chassis_group'], (row) =>
    row.type === 'external' ? row.ha_chassis_group : undefined,
  );
  const byGateway = Logical_Router_Port.index(
    'router ports by HA group',
    ['ha_chassis_group'],
    (row) => row.ha_chassis_group,
  );
  model.rt.forEach(
    'HA_Chassis_Group',
    HA_Chassis_Group,
    ({ _uuid, name, ha_chassis, external_ids }) => {
      if (byPort.one(_uuid) === undefined && byGateway.one(_uuid) === undefined) return undefined;
      return { name, ha_chassis: chassisOf(model, ha_chassis, (uuid) => HA_Chassis.get(uuid)), external_ids };
    },
    (row, next) => desired.claim(row, next?.name, next),
  );
  model.rt.forEach(
    'HA_Chassis_Group of gateway',
    Logical_Router_Port,
    (row) => {
      const port = model.routerPort(row);
      if (port === undefined || row.ha_chassis_group !== undefined || row.gateway_chassis.length === 0)
        return undefined;
      return {
        name: port.name,
        ha_chassis: chassisOf(model, row.gateway_chassis, (uuid) => Gateway_Chassis.get(uuid)),
        external_ids: new Map<string, string>(),
      };
    },
    (row, next) => desired.claim(row, next?.name, next),
  );
};

function chassisOf(
  model: Model,
  uuids: readonly Uuid[],
  get: (uuid: Uuid) => { readonly chassis_name: string; readonly priority: number } | undefined,
): Children {
  return new Children(
    'HA_Chassis',
    uuids.flatMap((uuid) => {
      const member = get(uuid);
      if (member === undefined) return [];
      const { chassis_name, priority } = member;
      const chassis = model.chassisByName.one(chassis_name)?._uuid;
      return [{ chassis, priority, external_ids: new Map([['chassis-name', chassis_name]]) }];
    }),
  );
}
