/** Which ACLs hold on which switches: those of the switch itself, and those of the port groups that have a port on it. */
import type { Relation } from '@weft/incremental/relation';
import type { TrackedIndex } from '@weft/incremental/tracked-index';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import type { Model } from '../model.ts';
import type { Switch } from './switch.ts';

/** An ACL on one of the switches that it holds on. */
export class Acl {
  readonly model: Model;
  readonly row: NbRow<'ACL'>;
  readonly ls: Switch;

  constructor(model: Model, row: NbRow<'ACL'>, ls: Switch) {
    this.model = model;
    this.row = row;
    this.ls = ls;
  }
}

export class Acls {
  readonly #switchOfAcl: TrackedIndex<NbRow<'Logical_Switch'>, Uuid>;
  readonly #groupOfAcl: TrackedIndex<NbRow<'Port_Group'>, Uuid>;
  /** Port group → the switches of its ports. */
  readonly #switchesOfGroup: Relation<Uuid, Uuid>;
  readonly #hasAny: (ls: Uuid) => boolean;
  readonly #hasStateful: (ls: Uuid) => boolean;

  constructor(model: Model) {
    const { rt, nb } = model;
    this.#switchOfAcl = nb.Logical_Switch.index('switch of ACL', ['acls'], (ls) => ls.acls);
    this.#groupOfAcl = nb.Port_Group.index('port group of ACL', ['acls'], (group) => group.acls);
    this.#switchesOfGroup = rt.relation('switches of port groups', nb.Logical_Switch_Port, (row) => {
      const groups = model.portGroupsOfPort.get(row._uuid);
      const ls = groups.length === 0 ? undefined : model.switchOfPort.one(row._uuid);
      return ls === undefined ? [] : groups.map((group): [Uuid, Uuid] => [group._uuid, ls._uuid]);
    });
    const all = rt.relation('ACLs of switches', nb.ACL, (row) =>
      this.switchesOf(row._uuid).map((ls): [Uuid, Uuid] => [ls, row._uuid]),
    );
    const stateful = rt.relation('stateful ACLs of switches', nb.ACL, (row) =>
      row.action === 'allow-related' ? this.switchesOf(row._uuid).map((ls): [Uuid, Uuid] => [ls, row._uuid]) : [],
    );
    this.#hasAny = rt.memo('switch has ACLs', (ls: Uuid) => all.get(ls).length > 0);
    this.#hasStateful = rt.memo('switch has stateful ACLs', (ls: Uuid) => stateful.get(ls).length > 0);
  }

  /** The switches that an ACL holds on, ascending by uuid. */
  switchesOf(acl: Uuid): readonly Uuid[] {
    const own = this.#switchOfAcl.get(acl);
    const groups = this.#groupOfAcl.get(acl);
    if (groups.length === 0) return own.map(({ _uuid }) => _uuid);
    if (groups.length === 1 && own.length === 0)
      return this.#switchesOfGroup.get((groups[0] as NbRow<'Port_Group'>)._uuid);
    const switches = new Set(own.map(({ _uuid }) => _uuid));
    for (const group of groups) for (const ls of this.#switchesOfGroup.get(group._uuid)) switches.add(ls);
    return [...switches].sort();
  }

  /** Whether any ACL holds on the switch. */
  hasAny(ls: Uuid): boolean {
    return this.#hasAny(ls);
  }

  /** Whether an ACL on the switch needs to know of connections (allow-related). */
  hasStateful(ls: Uuid): boolean {
    return this.#hasStateful(ls);
  }
}
