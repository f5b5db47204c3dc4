/**
 * MAC_Binding and FDB: what chassis have learned is deleted with the port that it was learned at, and a MAC_Binding also when it is older than its
 * router wants (ovn-nb(5), Logical_Router options:mac_binding_age_threshold).
 */
import type { Model } from '../model.ts';
import type { Output } from '../northd.ts';

/** The rows that stay, by uuid: northd inserts none, it only deletes those that have become meaningless. */
export const learned: Output = ({ model, rows, allocations }) => {
  const macBindings = rows.table('sb', 'MAC_Binding');
  model.rt.forEach(
    'MAC_Binding expires',
    model.sb.MAC_Binding,
    ({ logical_port, timestamp }) => {
      const threshold = ageThreshold(model, logical_port);
      return threshold === undefined ? undefined : timestamp + threshold;
    },
    ({ _uuid }, at) => model.expiry.schedule(_uuid, at),
  );
  model.rt.forEach(
    'MAC_Binding that stays',
    model.sb.MAC_Binding,
    ({ _uuid, logical_port, datapath }) => {
      if (model.expiry.has(_uuid)) return undefined;
      const owner = model.datapathOfPort(logical_port);
      return owner !== undefined && allocations.datapath(owner) === datapath ? stays : undefined;
    },
    ({ _uuid }, row) => macBindings.set(_uuid, row),
  );

  const fdb = rows.table('sb', 'FDB');
  model.rt.forEach(
    'FDB that stays',
    model.sb.FDB,
    ({ dp_key, port_key }) => {
      const datapath = model.datapathByKey.one(dp_key);
      const known = datapath && model.bindingByKey.one(`${datapath._uuid} ${port_key}`);
      return known === undefined ? undefined : stays;
    },
    ({ _uuid }, row) => fdb.set(_uuid, row),
  );
};

/** How old a binding that was learned at a port may get, in milliseconds. */
function ageThreshold(model: Model, port: string): number | undefined {
  const owner = model.datapathOfPort(port);
  const lr = owner === undefined ? undefined : model.nb.Logical_Router.get(owner);
  const seconds = Number(lr?.options.get('mac_binding_age_threshold') ?? 0);
  return seconds > 0 ? seconds * 1000 : undefined;
}

/** A row of which northd desires nothing but that it is there. */
const stays = {};
