import type { GroupSpec, MeterSpec } from '@weft/lflow/compile';
import { field } from '@weft/openflow/fields';
import type { Group, Meter } from '@weft/openflow/flow';
import { stableId } from './stable-id.ts';

/** Small enough for a switch's meters. */
const maxId = 60_000;

interface Entry<S> {
  readonly id: number;
  readonly spec: S;
  users: number;
}

/** Things that flows refer to by a number, each there as long as a flow wants it. */
class Numbered<S> {
  readonly #byKey = new Map<string, Entry<S>>();
  readonly #taken = new Set<number>();
  /** Grows with each change of what is there. */
  version = 0;

  /** The number of what `key` names. It is kept until the last {@link release}; hold it before that. */
  allocate(key: string, spec: S): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known.id;
    let id = 1 + (stableId(key) % maxId);
    while (this.#taken.has(id)) id = 1 + (id % maxId);
    this.#taken.add(id);
    this.#byKey.set(key, { id, spec, users: 0 });
    return id;
  }

  hold(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined) return;
    if (entry.users++ === 0) this.version++;
  }

  release(key: string): void {
    const entry = this.#byKey.get(key);
    if (entry === undefined || --entry.users > 0) return;
    this.version++;
    this.#byKey.delete(key);
    this.#taken.delete(entry.id);
  }

  *entries(): IterableIterator<readonly [key: string, id: number, spec: S]> {
    for (const [key, { id, spec, users }] of this.#byKey) if (users > 0) yield [key, id, spec];
  }
}

/** The select groups that the flows use. */
export class GroupTable extends Numbered<GroupSpec> {
  groups(): readonly Group[] {
    return [...this.entries()].map(([, id, spec]): Group => {
      const { method, param, fields } = spec.selection;
      return {
        id,
        type: 'select',
        buckets: spec.buckets.map((bucket, index) => ({ id: index, ...bucket })),
        selection: { method, param, fields: fields.map((name) => ({ field: field(name) })) },
      };
    });
  }
}

/** What a meter of the database is to do. */
export type MeterConfig = Omit<Meter, 'id'>;

/** The meters that the flows use. */
export class MeterTable extends Numbered<MeterSpec> {
  readonly #rows = new Map<string, MeterConfig>();

  /** What the database says of the meter of that name; undefined when it is gone. */
  configure(name: string, config: MeterConfig | undefined): void {
    if (config === undefined) this.#rows.delete(name);
    else this.#rows.set(name, config);
    this.version++;
  }

  meters(): readonly Meter[] {
    return [...this.entries()].flatMap(([, id, spec]): Meter[] => {
      if (spec.kind === 'rate') {
        const burst = spec.burst === undefined ? [] : (['burst'] as const);
        return [
          {
            id,
            flags: ['kbps', 'stats', ...burst],
            bands: [{ type: 'drop', rate: spec.rate, burstSize: spec.burst ?? 0 }],
          },
        ];
      }
      const config = this.#rows.get(spec.name);
      return config === undefined ? [] : [{ id, ...config }];
    });
  }
}

export const meterKey = (spec: MeterSpec): string =>
  spec.kind === 'name' ? `name ${spec.name}` : `rate ${spec.rate} ${spec.burst ?? ''}`;
