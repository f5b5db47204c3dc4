/** Address_Set and Port_Group: copies of NB's, and the address sets of port groups and of the service monitor (ovn-sb(5); ovn-nb(5), Port_Group). */
import type { Output } from '../northd.ts';

export const sets: Output = (context) => {
  const { model, rows } = context;
  const addressSets = rows.table('sb', 'Address_Set');
  const { Address_Set, Port_Group, NB_Global } = model.nb;

  model.rt.forEach(
    'Address_Set',
    Address_Set,
    ({ name, addresses }) => ({ name, addresses }),
    (row, next) => addressSets.claim(row, next?.name, next),
  );

  model.rt.forEach(
    'Address_Set svc_monitor_mac',
    NB_Global,
    () => model.option('svc_monitor_mac'),
    (row, mac) => {
      const set = mac === undefined ? undefined : { name: 'svc_monitor_mac', addresses: [mac] };
      addressSets.claim(row, set?.name, set);
    },
  );

  for (const family of [4, 6] as const) {
    const owners = new WeakMap<object, object>();
    /** A group claims a set of each family. */
    const ownerOf = (row: object): object => {
      const owner = owners.get(row) ?? {};
      owners.set(row, owner);
      return owner;
    };
    // A group's addresses change one port at a time: the relation counts them, so that a port's change reads that port alone.
    const groupsOfPort = model.portGroupsOfPort;
    const addresses = model.rt.relation(
      `addresses of port groups, IPv${family}`,
      model.nb.Logical_Switch_Port,
      (row) => {
        const port = model.switchPort(row);
        if (port === undefined) return [];
        const groups = groupsOfPort.get(row._uuid);
        if (groups.length === 0) return [];
        const texts = port.ownAddresses.flatMap(({ ip4, ip6 }) => (family === 4 ? ip4 : ip6).map(({ text }) => text));
        return groups.flatMap((group) => texts.map((text): [string, string] => [group._uuid, text]));
      },
    );
    model.rt.forEach(
      `Address_Set of port group, IPv${family}`,
      Port_Group,
      ({ _uuid, name }) => ({ name: `${name}_ip${family}`, addresses: addresses.get(_uuid) }),
      (row, next) => addressSets.claim(ownerOf(row), next?.name, next),
    );
  }

  portGroups(context);
};

/** A Port_Group of SB is the part of an NB group that is on one datapath: `KEY_NAME`, KEY being the datapath's tunnel key. */
const portGroups: Output = ({ model, rows }) => {
  const desired = rows.table('sb', 'Port_Group');
  const groupsOfPort = model.portGroupsOfPort;
  /** `GROUP SWITCH` → names of ports. */
  const members = model.rt.relation('members of port groups', model.nb.Logical_Switch_Port, (row) => {
    const groups = groupsOfPort.get(row._uuid);
    const port = groups.length === 0 ? undefined : model.switchPort(row);
    if (port === undefined) return [];
    return groups.map((group): [string, string] => [`${group._uuid} ${port.ls.uuid}`, port.name]);
  });
  const owners = new Map<string, object>();
  model.rt.forEach(
    'Port_Group',
    () => members.groups(),
    (key) => {
      const [groupUuid = '', datapath = ''] = key.split(' ');
      const group = model.nb.Port_Group.get(groupUuid);
      const tunnelKey = model.datapathKeys.of(datapath);
      if (group === undefined || tunnelKey === undefined) return undefined;
      return { name: `${tunnelKey}_${group.name}`, ports: members.get(key) };
    },
    (key, next) => {
      const owner = owners.get(key) ?? {};
      owners.set(key, owner);
      desired.claim(owner, next?.name, next);
      if (next === undefined) owners.delete(key);
    },
  );
};
