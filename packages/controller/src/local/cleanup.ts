/** Taking leave: what a chassis removes of itself when its controller ends for good (ovn-controller(8), exit). */
import type { Transaction } from '@weft/ovsdb-client/transaction';
import type { sb } from '@weft/schemas/sb';
import type { vswitch } from '@weft/schemas/vswitch';
import type { Model } from '../model/model.ts';
import { indexKey } from './chassis-index.ts';

/** Releases the ports, and removes the chassis. */
export function cleanUpChassis(model: Model, transaction: Transaction<typeof sb>): void {
  const name = model.config()?.systemId;
  const own = model.ownChassis();
  const { sb } = model.tables;
  if (own !== undefined) {
    for (const port of sb.Port_Binding.rows())
      if (port.chassis === own._uuid)
        transaction.update('Port_Binding', port._uuid, { chassis: undefined, encap: undefined });
    transaction.comment(`ovn-controller: unregistering chassis '${own.name}'`);
    transaction.delete('Chassis', own._uuid);
  }
  const row = name === undefined ? undefined : model.chassisPrivateByName.one(name);
  if (row !== undefined) transaction.delete('Chassis_Private', row._uuid);
}

/** Removes the tunnels, and gives the chassis' index back. Patch ports and flows stay: what is local goes on. */
export function cleanUpSwitch(model: Model, transaction: Transaction<typeof vswitch>): void {
  const name = model.config()?.systemId;
  if (name !== undefined)
    for (const root of model.tables.ovs.Open_vSwitch.rows())
      transaction.deleteFrom('Open_vSwitch', root._uuid, 'other_config', [indexKey(name)]);
  const bridge = model.integrationBridge();
  if (bridge === undefined) return;
  const tunnels = bridge.ports.filter((uuid) => model.tables.ovs.Port.get(uuid)?.external_ids.has('ovn-chassis-id'));
  transaction.deleteFrom('Bridge', bridge._uuid, 'ports', tunnels);
}
