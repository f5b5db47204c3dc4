import type { Runtime } from '@weft/incremental/runtime';
import type { GroupSpec, MeterSpec } from '@weft/lflow/compile';
import { field } from '@weft/openflow/fields';
import type { Group, Meter } from '@weft/openflow/flow';
import { Numbers } from './numbers.ts';

/** Small enough for a switch's meters. */
const maxId = 60_000;

/** The select groups that the flows use. */
export class GroupTable extends Numbers<GroupSpec> {
  constructor(runtime: Runtime) {
    super(runtime, 'groups', 1, maxId);
  }

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
export class MeterTable extends Numbers<MeterSpec> {
  readonly #rows = new Map<string, MeterConfig>();

  constructor(runtime: Runtime) {
    super(runtime, 'meters', 1, maxId);
  }

  /** What the database says of the meter of that name; undefined when it is gone. */
  configure(name: string, config: MeterConfig | undefined): void {
    if (config === undefined) this.#rows.delete(name);
    else this.#rows.set(name, config);
    this.version++;
  }

  /** Without those that the database does not know (yet): flows refer to them all the same, as ovn-controller's do. */
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

/** The key of a meter that a logical flow needs. One of the database serves all who name it; one for a rate is the logical flow's own. */
export const meterKey = (spec: MeterSpec, logicalFlow: string): string =>
  spec.kind === 'name' ? `name ${spec.name}` : `rate ${spec.rate} ${spec.burst ?? ''} ${logicalFlow}`;
