/**
 * Patch ports to physical networks: a pair for each localnet port of a local datapath whose network is mapped to a bridge
 * (ovn-controller(8), ovn-bridge-mappings).
 */
import type { OvsRow } from '@weft/schemas/vswitch';
import type { Feature } from '../feature.ts';
import type { Model } from '../model/model.ts';

const owner = 'ovn-localnet-port';

interface PatchPair {
  readonly logicalPort: string;
  readonly bridges: readonly [integration: string, physical: string];
}

export const patchPorts: Feature = (model, { ovsWrites, log }) => {
  const { runtime, tables } = model;
  const portByName = tables.ovs.Port.index('port record by name', ['name'], (row) => row.name);
  const warned = new Set<string>();

  runtime.forEach(
    'patch ports of localnets',
    () => model.localnetPorts.get('localnet'),
    (port): PatchPair | undefined => {
      if (!model.isLocalDatapath(port.datapath)) return undefined;
      const unusable = (why: string): undefined => {
        if (!warned.has(port.logical_port)) log.warn(`localnet port ${port.logical_port}: ${why}`);
        warned.add(port.logical_port);
      };
      const network = port.options.get('network_name');
      if (network === undefined) return unusable('it has no network name');
      const mapped = model.config()?.bridgeMappings.get(network);
      const physical = mapped === undefined ? undefined : model.bridgeByName.one(mapped);
      const integration = model.integrationBridge();
      if (physical === undefined || integration === undefined) {
        return unusable(`no bridge is mapped to network ${network}`);
      }
      warned.delete(port.logical_port);
      const { inside, outside } = model.patchNames(port.logical_port);
      if (isThere(model, portByName.one(inside), outside) && isThere(model, portByName.one(outside), inside))
        return undefined;
      return { logicalPort: port.logical_port, bridges: [integration._uuid, physical._uuid] };
    },
    (port, pair) =>
      ovsWrites.set(
        `patch ports ${port._uuid}`,
        pair &&
          ((transaction) => {
            const { inside, outside } = model.patchNames(pair.logicalPort);
            for (const [bridge, name, peer] of [
              [pair.bridges[0], inside, outside],
              [pair.bridges[1], outside, inside],
            ] as const) {
              if (portByName.one(name) !== undefined) continue;
              const made = transaction.insert('Interface', { name, type: 'patch', options: new Map([['peer', peer]]) });
              const record = transaction.insert('Port', {
                name,
                interfaces: [made],
                external_ids: new Map([[owner, pair.logicalPort]]),
              });
              transaction.insertInto('Bridge', bridge, 'ports', [record]);
            }
          }),
      ),
  );

  // Pairs whose localnet port is gone, or not local any more.
  runtime.forEach(
    'stale patch ports',
    tables.ovs.Port,
    (record) => {
      const logicalPort = record.external_ids.get(owner);
      if (logicalPort === undefined || !model.settled()) return undefined;
      const integration = model.integrationBridge();
      if (integration === undefined) return undefined;
      const { inside, outside } = model.patchNames(logicalPort);
      if (record.name !== inside && record.name !== outside) return undefined;
      const port = model.portByName.one(logicalPort);
      const wanted = port?.type === 'localnet' && model.isLocalDatapath(port.datapath);
      const network = port?.options.get('network_name') ?? '';
      if (wanted && model.config()?.bridgeMappings.has(network)) return undefined;
      return record._uuid;
    },
    (record, stale) =>
      ovsWrites.set(
        `stale patch port ${record._uuid}`,
        stale === undefined
          ? undefined
          : (transaction) => {
              for (const bridge of tables.ovs.Bridge.rows())
                if (bridge.ports.includes(stale)) transaction.deleteFrom('Bridge', bridge._uuid, 'ports', [stale]);
            },
      ),
  );
};

function isThere(model: Model, port: OvsRow<'Port'> | undefined, peer: string): boolean {
  if (port === undefined) return false;
  return port.interfaces.some((uuid) => {
    const row = model.tables.ovs.Interface.get(uuid);
    return row?.type === 'patch' && row.options.get('peer') === peer;
  });
}
