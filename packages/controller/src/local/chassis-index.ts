/**
 * A letter for this chassis among those that share the machine's Open vSwitch, which keeps the names of their tunnel ports apart. It stands in
 * `Open_vSwitch.other_config:ovn-chassis-idx-NAME`, as ovn-controller keeps it: none for the first, then 0 to 9 and a to z.
 */
import type { Feature } from '../feature.ts';

const indexes: readonly string[] = ['', ...'0123456789abcdefghijklmnopqrstuvwxyz'];
const prefix = 'ovn-chassis-idx-';

/** The key of a chassis' index. */
export const indexKey = (name: string): string => prefix + name;

/** The index of a chassis by what `other_config` says; undefined if it has none yet. */
export const chassisIndex = (otherConfig: ReadonlyMap<string, string>, name: string): string | undefined =>
  otherConfig.get(indexKey(name));

/** The least index that no chassis has; the last one, if all have been given. */
export function freeIndex(otherConfig: ReadonlyMap<string, string>): string {
  const taken = new Set([...otherConfig].filter(([key]) => key.startsWith(prefix)).map(([, index]) => index));
  return indexes.find((index) => !taken.has(index)) ?? 'z';
}

export const chassisIndexes: Feature = (model, { ovsWrites }) => {
  model.runtime.forEach(
    'chassis index',
    model.tables.ovs.Open_vSwitch,
    ({ _uuid, other_config }) => {
      const name = model.config()?.systemId;
      if (name === undefined || chassisIndex(other_config, name) !== undefined) return undefined;
      return { root: _uuid, name, index: freeIndex(other_config) };
    },
    (_root, wish) =>
      ovsWrites.set(
        'chassis index',
        wish &&
          ((transaction) => {
            const entry = new Map([[indexKey(wish.name), wish.index]]);
            transaction.insertInto('Open_vSwitch', wish.root, 'other_config', entry);
          }),
      ),
    (a, b) => a?.name === b?.name && a?.index === b?.index,
  );
};
