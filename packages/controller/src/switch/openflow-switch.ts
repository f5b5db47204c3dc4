import type { Connection } from '@weft/openflow/connection';
import type { Switch } from './switch.ts';

/** A connection as the controller uses it. */
export function asSwitch(connection: Connection): Switch {
  return {
    flows: () => connection.dumpFlows(),
    groups: () => connection.dumpGroups(),
    meters: () => connection.dumpMeters(),
    tlvMappings: async () => (await connection.tlvTable()).mappings,
    send: (messages) => {
      for (const message of messages) connection.send(message);
    },
    bundle: (messages) => connection.bundle(messages),
    batch: (messages) => connection.batch(messages),
    barrier: () => connection.barrier(),
  };
}
