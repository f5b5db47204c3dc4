/**
 * Makes Logical_Flow and Logical_DP_Group what the {@link FlowTable} says. A flow on one datapath names it, a flow on several names a group; flows
 * on the same datapaths share a group, and when all flows of a group move to the same new set of datapaths, the group changes and no flow does.
 */
import type { Json, JsonObject } from '@weft/ovsdb/json';
import type { RowChange } from '@weft/ovsdb/row';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { SbRow } from '@weft/schemas/sb';
import type { Allocations } from './allocations.ts';
import { DatapathSet } from './datapath-set.ts';
import type { FlowTable, LogicalFlow } from './flow-table.ts';
import { type DatapathType, stageAt } from './pipeline.ts';
import { breath, rowsPerBreath, type Unit } from './reconciler.ts';

type FlowRow = SbRow<'Logical_Flow'>;
type GroupRow = SbRow<'Logical_DP_Group'>;

/** A group of SB, or one that is about to be there. */
interface Group {
  readonly uuid: Uuid;
  /** The Logical_Switches and Logical_Routers; undefined if it has datapaths that are not ours. */
  set: DatapathSet | undefined;
  /** How many rows of SB refer to it. */
  references: number;
  /** False until it is in SB, or in an operation that was yielded. */
  written: boolean;
}

export interface FlowWriterOptions {
  readonly flows: FlowTable;
  readonly allocations: Allocations;
  /** What kind of datapath a Logical_Switch or Logical_Router has in SB, by the uuid of its Datapath_Binding, and which it is. */
  readonly datapath: (uuid: Uuid) => { readonly nb: Uuid; readonly type: DatapathType } | undefined;
}

export class FlowWriter {
  readonly #flows: FlowTable;
  readonly #allocations: Allocations;
  readonly #datapath: FlowWriterOptions['datapath'];
  /** What is in SB. */
  readonly #rowOf = new Map<LogicalFlow, FlowRow>();
  readonly #flowOf = new Map<Uuid, LogicalFlow>();
  /** Rows that say what another row says already, or nothing that we know: to be deleted. */
  readonly #relics = new Map<Uuid, FlowRow>();
  readonly #groups = new Map<Uuid, Group>();
  readonly #groupById = new Map<string, Group>();
  #taken: ReadonlySet<LogicalFlow> = new Set();

  constructor({ flows, allocations, datapath }: FlowWriterOptions) {
    this.#flows = flows;
    this.#allocations = allocations;
    this.#datapath = datapath;
  }

  get hasWork(): boolean {
    return this.#flows.hasChanged || this.#taken.size > 0 || this.#relics.size > 0;
  }

  /** Groups have to be observed before the flows that refer to them: the caller sorts. */
  observeGroup({ uuid, new: next }: RowChange): void {
    const group = this.#groups.get(uuid);
    if (next === undefined) {
      if (group !== undefined) this.#forgetGroup(group);
      return;
    }
    const set = this.#setOf((next as unknown as GroupRow).datapaths);
    if (group === undefined) {
      const added: Group = { uuid, set, references: 0, written: true };
      this.#groups.set(uuid, added);
      this.#enter(added);
      return;
    }
    group.written = true;
    if (group.set?.id === set?.id) return;
    this.#leave(group);
    group.set = set;
    this.#enter(group);
    for (const [flow, row] of this.#rowOf) if (row.logical_dp_group === uuid) this.#flows.touch(flow);
  }

  observeFlow({ uuid, new: next }: RowChange): void {
    const after = next as unknown as FlowRow | undefined;
    const known = this.#flowOf.get(uuid);
    const before = known === undefined ? this.#relics.get(uuid) : this.#rowOf.get(known);
    if (before !== undefined) this.#count(before, -1);
    if (after !== undefined) this.#count(after, 1);
    const flow = after && this.#flowFor(after);
    if (known !== undefined && known !== flow) {
      this.#flowOf.delete(uuid);
      this.#rowOf.delete(known);
      if (known.wanted) this.#flows.touch(known);
      else this.#flows.forget(known);
    }
    this.#relics.delete(uuid);
    if (after === undefined) return;
    const other = flow && this.#rowOf.get(flow);
    if (flow === undefined || (other !== undefined && other._uuid !== uuid)) {
      this.#relics.set(uuid, after);
      return;
    }
    this.#rowOf.set(flow, after);
    this.#flowOf.set(uuid, flow);
    if (!flow.wanted || this.#update(flow, after) !== undefined) this.#flows.touch(flow);
  }

  /** New and changed flows. Call {@link deletions} after it, for the same write. */
  *upserts(): Iterable<Unit> {
    const changed = this.#flows.takeChanged();
    this.#taken = this.#taken.size === 0 ? changed : new Set([...this.#taken, ...changed]);
    yield* this.#moveGroups();
    let looked = 0;
    for (const flow of this.#taken) {
      if (++looked % rowsPerBreath === 0) yield breath;
      if (!flow.wanted) continue;
      const row = this.#rowOf.get(flow);
      const unit: JsonObject[] = [];
      const place = this.#place(flow, unit);
      if (row === undefined) {
        unit.push(this.#insert(flow, place));
        yield unit;
      } else {
        const changed = this.#update(flow, row);
        if (changed !== undefined) {
          unit.push({ op: 'update', table: 'Logical_Flow', where: whereUuid(row._uuid), row: changed });
          yield unit;
        }
      }
    }
  }

  *deletions(): Iterable<Unit> {
    const taken = this.#taken;
    this.#taken = new Set();
    for (const uuid of this.#relics.keys()) yield [{ op: 'delete', table: 'Logical_Flow', where: whereUuid(uuid) }];
    let looked = 0;
    for (const flow of taken) {
      if (++looked % rowsPerBreath === 0) yield breath;
      if (flow.wanted) continue;
      const row = this.#rowOf.get(flow);
      if (row === undefined) this.#flows.forget(flow);
      else yield [{ op: 'delete', table: 'Logical_Flow', where: whereUuid(row._uuid) }];
    }
  }

  /** Groups all of whose flows want the same other datapaths, which no group has yet, become that group. */
  *#moveGroups(): Iterable<Unit> {
    const moves = new Map<Group, Map<string, { count: number; readonly set: DatapathSet }>>();
    const leaving = new Map<Group, number>();
    let looked = 0;
    for (const flow of this.#taken) {
      if (++looked % rowsPerBreath === 0) yield breath;
      const group = this.#groupOf(flow);
      if (group === undefined) continue;
      if (!flow.wanted) leaving.set(group, (leaving.get(group) ?? 0) + 1);
      if (flow.datapaths.size < 2) continue;
      const { id } = flow.datapaths;
      if (group.set?.id === id) continue;
      const targets = moves.get(group) ?? new Map();
      moves.set(group, targets);
      const target = targets.get(id) ?? { count: 0, set: flow.datapaths };
      targets.set(id, target);
      target.count++;
    }
    for (const [group, targets] of moves) {
      for (const [id, { count, set }] of targets) {
        if (count + (leaving.get(group) ?? 0) !== group.references || this.#groupById.has(id)) continue;
        const removed = [...(group.set ?? [])].filter((datapath) => !set.has(datapath));
        const added = [...set].filter((datapath) => !group.set?.has(datapath));
        this.#leave(group);
        const mutations: Json[] = [];
        if (removed.length > 0) mutations.push(['datapaths', 'delete', this.#references(removed)]);
        if (added.length > 0) mutations.push(['datapaths', 'insert', this.#references(added)]);
        group.set = this.#copy(set);
        this.#enter(group);
        if (mutations.length > 0) {
          yield [{ op: 'mutate', table: 'Logical_DP_Group', where: whereUuid(group.uuid), mutations }];
        }
      }
    }
  }

  #groupOf(flow: LogicalFlow): Group | undefined {
    const uuid = this.#rowOf.get(flow)?.logical_dp_group;
    return uuid === undefined ? undefined : this.#groups.get(uuid);
  }

  /** Where the flow belongs; makes its group, adding the operation to `unit`, if there is none yet. */
  #place(flow: LogicalFlow, unit: JsonObject[]): { datapath: Uuid | undefined; group: Uuid | undefined } {
    const { only } = flow.datapaths;
    if (only !== undefined) return { datapath: this.#allocations.datapath(only), group: undefined };
    const { id } = flow.datapaths;
    let group = this.#groupById.get(id);
    if (group === undefined) {
      group = {
        uuid: this.#allocations.fresh(),
        set: this.#copy(flow.datapaths),
        references: 0,
        written: false,
      };
      this.#groups.set(group.uuid, group);
      this.#groupById.set(id, group);
    }
    // A group that nothing refers to does not last (it is no root): it comes with the first flow that does.
    if (!group.written) {
      group.written = true;
      unit.push({
        op: 'insert',
        table: 'Logical_DP_Group',
        uuid: group.uuid,
        row: { datapaths: this.#references(group.set ?? []) },
      });
    }
    return { datapath: undefined, group: group.uuid };
  }

  #insert(flow: LogicalFlow, place: { datapath: Uuid | undefined; group: Uuid | undefined }): JsonObject {
    const row: { [column: string]: Json } = {
      pipeline: flow.stage.pipeline,
      table_id: flow.stage.table,
      priority: flow.priority,
      match: flow.match,
      actions: flow.actions,
      external_ids: ['map', this.#externalIds(flow)],
    };
    if (place.datapath !== undefined) row.logical_datapath = ['uuid', place.datapath];
    if (place.group !== undefined) row.logical_dp_group = ['uuid', place.group];
    const { inOutPort } = flow;
    if (inOutPort !== undefined) row.tags = ['map', [['in_out_port', inOutPort]]];
    if (flow.meter !== undefined) row.controller_meter = flow.meter;
    return { op: 'insert', table: 'Logical_Flow', uuid: this.#allocations.fresh(), row };
  }

  #externalIds(flow: LogicalFlow): [string, string][] {
    const ids: [string, string][] = [['stage-name', flow.stage.name]];
    const { hint } = flow;
    if (hint !== undefined) ids.push(['stage-hint', hint]);
    return ids;
  }

  /** The columns that differ; undefined if none do. */
  #update(flow: LogicalFlow, row: FlowRow): { [column: string]: Json } | undefined {
    const changed: { [column: string]: Json } = {};
    const { only } = flow.datapaths;
    const datapath = only === undefined ? undefined : this.#allocations.datapath(only);
    const group = only === undefined ? this.#groupById.get(flow.datapaths.id)?.uuid : undefined;
    if (row.logical_datapath !== datapath) changed.logical_datapath = optional(datapath);
    if (row.logical_dp_group !== group || (only === undefined && group === undefined)) {
      changed.logical_dp_group = optional(group);
    }
    const { inOutPort } = flow;
    if (row.tags.get('in_out_port') !== inOutPort || row.tags.size !== (inOutPort === undefined ? 0 : 1)) {
      changed.tags = ['map', inOutPort === undefined ? [] : [['in_out_port', inOutPort]]];
    }
    const ids = row.external_ids;
    if (ids.get('stage-name') !== flow.stage.name || ids.get('stage-hint') !== flow.hint) {
      changed.external_ids = ['map', this.#externalIds(flow)];
    }
    return Object.keys(changed).length > 0 ? changed : undefined;
  }

  #flowFor(row: FlowRow): LogicalFlow | undefined {
    const place = row.logical_datapath ?? this.#anyMember(row.logical_dp_group);
    const type = place === undefined ? this.#typeByName(row) : this.#datapath(place)?.type;
    const stage = type && stageAt(type, row.pipeline, row.table_id);
    if (stage === undefined) return undefined;
    const { priority, match, actions, controller_meter: meter } = row;
    return this.#flows.entry({ stage, priority, match, actions, meter });
  }

  /** Of a group that has lost its datapaths, or that we do not know. */
  #typeByName(row: FlowRow): DatapathType {
    return row.external_ids.get('stage-name')?.startsWith('lr_') ? 'router' : 'switch';
  }

  #anyMember(group: Uuid | undefined): Uuid | undefined {
    const set = group === undefined ? undefined : this.#groups.get(group)?.set;
    for (const datapath of set ?? []) return this.#allocations.datapath(datapath);
    return undefined;
  }

  #setOf(datapaths: readonly Uuid[]): DatapathSet | undefined {
    const set = new DatapathSet(this.#flows.hashes);
    for (const uuid of datapaths) {
      const datapath = this.#datapath(uuid);
      if (datapath === undefined) return undefined;
      set.add(datapath.nb);
    }
    return set;
  }

  #copy(set: DatapathSet): DatapathSet {
    const copy = new DatapathSet(this.#flows.hashes);
    for (const datapath of set) copy.add(datapath);
    return copy;
  }

  #references(datapaths: Iterable<Uuid>): Json {
    return ['set', [...datapaths].map((datapath) => ['uuid', this.#allocations.datapath(datapath)])];
  }

  #count(row: FlowRow, by: number): void {
    const group = row.logical_dp_group === undefined ? undefined : this.#groups.get(row.logical_dp_group);
    if (group !== undefined) group.references += by;
  }

  #enter(group: Group): void {
    const id = group.set?.id;
    if (id !== undefined && !this.#groupById.has(id)) this.#groupById.set(id, group);
  }

  #leave(group: Group): void {
    const id = group.set?.id;
    if (id !== undefined && this.#groupById.get(id) === group) this.#groupById.delete(id);
  }

  #forgetGroup(group: Group): void {
    this.#groups.delete(group.uuid);
    this.#leave(group);
  }
}

const whereUuid = (uuid: Uuid): Json => [['_uuid', '==', ['uuid', uuid]]];
const optional = (uuid: Uuid | undefined): Json => (uuid === undefined ? ['set', []] : ['uuid', uuid]);
