/** What northd says in Logical_Switch_Port: `up`, `tag` and `dynamic_addresses` (ovn-nb(5)). */
import type { Model, SwitchPort } from '../model.ts';
import type { Output } from '../northd.ts';

interface Said {
  readonly ls: string;
  readonly parent: string | undefined;
  readonly up: boolean;
  readonly tag: number | undefined;
  readonly dynamic_addresses: string | undefined;
}

export const switchPortColumns: Output = ({ model, rows }) => {
  const desired = rows.table('nb', 'Logical_Switch_Port');
  model.rt.forEach(
    'Logical_Switch_Port columns',
    model.nb.Logical_Switch_Port,
    (row): Said | undefined => {
      const port = model.switchPort(row);
      if (port === undefined) return undefined;
      return {
        ls: port.ls.uuid,
        parent: row.parent_name,
        up: isUp(model, port),
        tag: model.tags.of(row),
        dynamic_addresses: model.ipam.of(row),
      };
    },
    ({ _uuid }, next, previous) => {
      if (previous !== undefined) {
        if (next?.ls !== previous.ls || next.dynamic_addresses === undefined) model.ipam.release(previous.ls, _uuid);
        if (previous.parent !== undefined) {
          model.tags.settle(previous.parent, _uuid, next?.parent === previous.parent ? next.tag : undefined);
        }
      }
      desired.set(_uuid, next && { up: next.up, tag: next.tag, dynamic_addresses: next.dynamic_addresses });
    },
    (a, b) =>
      a.up === b.up &&
      a.tag === b.tag &&
      a.dynamic_addresses === b.dynamic_addresses &&
      a.ls === b.ls &&
      a.parent === b.parent,
  );
};

/**
 * A port that leads to a router is always up; others are as their chassis says, and those of a chassis that never says (it lacks
 * `other_config:port-up-notif`) while they are bound.
 */
function isUp(model: Model, port: SwitchPort): boolean {
  if (port.isRouter) return true;
  const binding = model.bindingByName.one(port.name);
  const chassis = binding?.chassis === undefined ? undefined : model.sb.Chassis.get(binding.chassis);
  if (binding === undefined || chassis === undefined) return false;
  return chassis.other_config.get('port-up-notif') !== 'true' || binding.up !== false;
}
