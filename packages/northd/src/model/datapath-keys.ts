import type { TrackedIndex } from '@weft/incremental/tracked-index';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { type Allocations, maxDatapathKey, maxDatapathKeyVxlan } from '../allocations.ts';
import type { Model } from '../model.ts';

/** The tunnel keys of datapaths: those that are requested (`requested-tnl-key`), and those that are allocated around them. */
export class DatapathKeys {
  readonly #model: Model;
  readonly #allocations: Allocations;
  readonly #switchByRequest: TrackedIndex<NbRow<'Logical_Switch'>, number>;
  readonly #routerByRequest: TrackedIndex<NbRow<'Logical_Router'>, number>;
  readonly #max: (key: 'all chassis') => number;
  /** The tunnel key of a Logical_Switch or Logical_Router, or undefined if it is not there or all keys are taken. */
  readonly of: (datapath: Uuid) => number | undefined;

  constructor(model: Model, allocations: Allocations) {
    this.#model = model;
    this.#allocations = allocations;
    const { Logical_Switch, Logical_Router } = model.nb;
    this.#switchByRequest = Logical_Switch.index('switch by requested key', ['other_config'], (ls) =>
      requestedKey(ls.other_config),
    );
    this.#routerByRequest = Logical_Router.index('router by requested key', ['options'], (lr) =>
      requestedKey(lr.options),
    );
    this.#max = model.rt.memo('highest tunnel key of datapaths', () => {
      for (const { type } of model.sb.Encap.rows()) if (type === 'vxlan') return maxDatapathKeyVxlan;
      return maxDatapathKey;
    });
    this.of = model.rt.memo('tunnel key of datapath', (datapath: Uuid) => this.#keyOf(datapath));
  }

  /** The highest key: VXLAN, where a chassis uses it, has room for few. */
  get max(): number {
    return this.#max('all chassis');
  }

  /** The datapath is gone: its key may be used again. */
  release(datapath: Uuid): void {
    this.#allocations.datapathKeys.release(datapath);
  }

  #keyOf(datapath: Uuid): number | undefined {
    const { Logical_Switch, Logical_Router } = this.#model.nb;
    const ls = Logical_Switch.get(datapath);
    const lr = ls === undefined ? Logical_Router.get(datapath) : undefined;
    if (ls === undefined && (lr === undefined || lr.enabled === false)) return undefined;
    const name = (ls ?? lr)?.name;
    const requested = requestedKey(ls?.other_config ?? lr?.options ?? new Map());
    const pool = this.#allocations.datapathKeys;
    if (requested !== undefined && requested <= this.max) {
      if (this.#claimant(requested) === datapath) {
        pool.assign(datapath, requested);
        return requested;
      }
      this.#model.problem(`"${name}" requests the tunnel key ${requested}, which another datapath has`);
    }
    const taken = (key: number): boolean => {
      const owner = this.#claimant(key);
      return owner !== undefined && owner !== datapath;
    };
    const key = pool.allocate(datapath, this.max, taken);
    if (key === undefined) this.#model.problem(`"${name}" is skipped: all tunnel keys of datapaths are taken`);
    return key;
  }

  /** Who has the first claim to a key. */
  #claimant(key: number): Uuid | undefined {
    return (this.#switchByRequest.one(key) ?? this.#routerByRequest.one(key))?._uuid;
  }
}

function requestedKey(options: ReadonlyMap<string, string>): number | undefined {
  const text = options.get('requested-tnl-key');
  return text !== undefined && /^[1-9]\d{0,7}$/.test(text) ? Number(text) : undefined;
}
