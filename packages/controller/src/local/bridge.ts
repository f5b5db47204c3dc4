/**
 * The integration bridge: made if it is missing, and kept in fail-mode `secure` with the configured datapath type (ovn-controller(8)); and the switch
 * kept from looking at one VLAN tag only, so that guests' own tags are matched behind those of a network.
 */
import type { Feature } from '../feature.ts';

/** As many VLAN headers as the datapath knows (ovs-vswitchd.conf.db(5), other_config:vlan-limit). */
const unlimited = '0';

export const integrationBridge: Feature = (model, { ovsWrites }) => {
  const { runtime, tables } = model;
  runtime.forEach(
    'VLAN headers',
    tables.ovs.Open_vSwitch,
    ({ _uuid, other_config }) =>
      model.config() === undefined || other_config.get('vlan-limit') === unlimited ? undefined : _uuid,
    (_row, root) =>
      ovsWrites.set(
        'VLAN headers',
        root === undefined
          ? undefined
          : (transaction) => {
              transaction.deleteFrom('Open_vSwitch', root, 'other_config', ['vlan-limit']);
              transaction.insertInto('Open_vSwitch', root, 'other_config', new Map([['vlan-limit', unlimited]]));
            },
      ),
  );
  runtime.forEach(
    'integration bridge',
    () => tables.ovs.Open_vSwitch.rows(),
    (root) => {
      const config = model.config();
      if (config === undefined) return undefined;
      const { integrationBridge: name, bridgeDatapathType } = config;
      const bridge = model.integrationBridge();
      if (bridge === undefined)
        return { root: root._uuid, bridge: undefined, name, datapathType: bridgeDatapathType ?? 'system' };
      const datapathType = bridgeDatapathType ?? (bridge.datapath_type || 'system');
      const right =
        bridge.fail_mode === 'secure' &&
        bridge.datapath_type === datapathType &&
        bridge.other_config.get('disable-in-band') === 'true';
      return right ? undefined : { root: root._uuid, bridge: bridge._uuid, name, datapathType };
    },
    (_root, change) =>
      ovsWrites.set(
        'integration bridge',
        change &&
          ((transaction) => {
            const { root, bridge, name, datapathType } = change;
            if (bridge !== undefined) {
              transaction.update('Bridge', bridge, { fail_mode: 'secure', datapath_type: datapathType });
              transaction.deleteFrom('Bridge', bridge, 'other_config', ['disable-in-band']);
              transaction.insertInto('Bridge', bridge, 'other_config', new Map([['disable-in-band', 'true']]));
              return;
            }
            const internal = transaction.insert('Interface', { name, type: 'internal' });
            const port = transaction.insert('Port', { name, interfaces: [internal] });
            const made = transaction.insert('Bridge', {
              name,
              fail_mode: 'secure',
              datapath_type: datapathType,
              other_config: new Map([['disable-in-band', 'true']]),
              ports: [port],
            });
            transaction.insertInto('Open_vSwitch', root, 'bridges', [made]);
          }),
      ),
  );
};
