import type { TrackedIndex } from '@weft/incremental/tracked-index';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { type Allocations, maxTag } from '../allocations.ts';
import type { Model } from '../model.ts';

type PortRow = NbRow<'Logical_Switch_Port'>;

/** The VLAN tags of container ports: `tag_request` asks for one, 0 for any that is free on the parent (ovn-nb(5), Logical_Switch_Port). */
export class Tags {
  readonly #model: Model;
  readonly #allocations: Allocations;
  /** Ports by `PARENT TAG`, the tag being asked for or had. */
  readonly #byTag: TrackedIndex<PortRow, string>;
  readonly of: (row: PortRow) => number | undefined;

  constructor(model: Model, allocations: Allocations) {
    this.#model = model;
    this.#allocations = allocations;
    this.#byTag = model.nb.Logical_Switch_Port.index(
      'container ports by tag',
      ['parent_name', 'tag', 'tag_request'],
      (row) => {
        const tag = row.tag_request || row.tag;
        return row.parent_name === undefined || tag === undefined ? undefined : `${row.parent_name} ${tag}`;
      },
    );
    this.of = model.rt.memo('tag of port', (row: PortRow) => this.#tagOf(row));
  }

  /** What the port had been given on the parent is free, if it is not `tag`. */
  settle(parent: string, port: Uuid, tag: number | undefined): void {
    if (tag === undefined || this.#allocations.tags(parent).get(port) !== tag)
      this.#allocations.releaseTag(parent, port);
  }

  #tagOf(row: PortRow): number | undefined {
    const { tag_request: request, parent_name: parent } = row;
    if (request === undefined) return row.tag;
    if (request > 0) return request;
    if (parent === undefined || parent === '') return row.tag;
    const pool = this.#allocations.tags(parent);
    // What it has it keeps, whatever others ask for since.
    const had = this.#model.rt.untracked(() => row.tag) ?? pool.get(row._uuid);
    if (had !== undefined) {
      if (pool.ownerOf(had) === undefined) pool.assign(row._uuid, had);
      return had;
    }
    const taken = (tag: number): boolean =>
      this.#byTag.get(`${parent} ${tag}`).some((other) => other._uuid !== row._uuid);
    const tag = pool.allocate(row._uuid, maxTag, taken);
    if (tag === undefined) this.#model.problem(`Logical_Switch_Port "${row.name}": all tags of "${parent}" are taken`);
    return tag;
  }
}
