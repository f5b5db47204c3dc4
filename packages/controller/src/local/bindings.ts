/**
 * Port bindings: which logical ports this chassis takes, and when they are up (ovn-architecture(7), "Life Cycle of a VIF"; ovn-sb(5), Port_Binding).
 *
 * The life of a port here: its interface appears → it is claimed (`chassis`) → its flows reach the switch → it is `up`, and its interface carries
 * `ovn-installed`. When the interface goes, the port is released.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Feature } from '../feature.ts';

export const bindings: Feature = (model, { sbWrites, ovsWrites, log, now }) => {
  const { runtime, tables } = model;

  runtime.forEach(
    'port bindings',
    () => {
      const own = model.ownChassisUuid();
      const held = own === undefined ? [] : model.portsByChassis.get(own);
      return [...model.localPorts(), ...held.map((port) => port._uuid)];
    },
    (uuid) => {
      const port = tables.sb.Port_Binding.get(uuid);
      const own = model.ownChassisUuid();
      if (port === undefined || port.type !== '' || own === undefined) return undefined;
      if (model.interfaceOf(port) === undefined) {
        if (port.chassis !== own || !model.settled()) return undefined;
        return { what: 'release', chassis: undefined, up: port.up === undefined ? undefined : false } as const;
      }
      if (port.chassis !== own)
        return { what: 'claim', chassis: own, up: port.up === true ? false : undefined } as const;
      if (port.up !== true && model.isInstalled(port._uuid)) return { what: 'up', chassis: own, up: true } as const;
      return undefined;
    },
    (_uuid, change) => {
      const port = tables.sb.Port_Binding.get(_uuid);
      if (port === undefined) {
        sbWrites.set(`port binding ${_uuid}`, undefined);
        return;
      }
      if (change?.what === 'claim') {
        log.info(`Claiming lport ${port.logical_port} for this chassis.`);
        for (const mac of port.mac) log.info(`${port.logical_port}: Claiming ${mac}`);
      } else if (change?.what === 'release') log.info(`Releasing lport ${port.logical_port} from this chassis`);
      else if (change?.what === 'up') log.info(`Setting lport ${port.logical_port} up in Southbound`);
      sbWrites.set(
        `port binding ${_uuid}`,
        change &&
          ((transaction) => {
            if (change.what !== 'up')
              transaction.update('Port_Binding', _uuid, { chassis: change.chassis, encap: undefined });
            if (change.up !== undefined) transaction.update('Port_Binding', _uuid, { up: change.up });
          }),
      );
    },
    isDeepStrictEqual,
  );

  runtime.forEach(
    'installed interfaces',
    model.interfaces,
    (row) => {
      const port = row.ifaceId === undefined ? undefined : model.portByName.one(row.ifaceId);
      const local = port?.type === '' && model.interfaceOf(port) === row;
      const marked = tables.ovs.Interface.get(row._uuid)?.external_ids.get('ovn-installed') === 'true';
      if (local) return !marked && model.isInstalled(port._uuid) ? 'set' : undefined;
      return marked && model.settled() ? 'clear' : undefined;
    },
    (row, change) => {
      const { _uuid, ifaceId } = row;
      if (change === 'set') log.info(`Setting lport ${ifaceId} ovn-installed in OVS`);
      else if (change === 'clear') log.info(`Removing ovn-installed of interface ${row.name} in OVS`);
      ovsWrites.set(
        `installed ${_uuid}`,
        change &&
          ((transaction) => {
            transaction.deleteFrom('Interface', _uuid, 'external_ids', ['ovn-installed', 'ovn-installed-ts']);
            if (change === 'set')
              transaction.insertInto(
                'Interface',
                _uuid,
                'external_ids',
                new Map([
                  ['ovn-installed', 'true'],
                  ['ovn-installed-ts', String(now())],
                ]),
              );
          }),
      );
    },
  );
};
