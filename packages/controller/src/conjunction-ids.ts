import type { Runtime } from '@weft/incremental/runtime';
import { Numbers } from './numbers.ts';
import { stableId } from './stable-id.ts';

/** Numbers below are for conjunctive matches that no logical flow makes. */
const firstId = 0x10000;
const lastId = 0xfffffffe;

/** A conjunctive match of a logical flow in a datapath: the one of this index among those that it makes there. */
export interface ConjunctionSpec {
  readonly flow: string;
  readonly datapath: string;
  readonly index: number;
}

/** The key of a conjunctive match. */
const conjunctionKey = ({ flow, datapath, index }: ConjunctionSpec): string => `${flow}/${datapath}/${index}`;

/** Ids of conjunctive matches. */
export class ConjunctionIds extends Numbers<ConjunctionSpec> {
  constructor(runtime: Runtime) {
    super(runtime, 'conjunctive matches', firstId, lastId);
  }

  /** The ids of `count` conjunctive matches, and under which keys to hold them. In a row, unless some are taken or a switch has others. */
  allocateAll(
    flow: string,
    datapath: string,
    count: number,
  ): { readonly ids: readonly number[]; readonly keys: readonly string[] } {
    const base = stableId(`${flow}/${datapath}`);
    const specs = Array.from({ length: count }, (_, index): ConjunctionSpec => ({ flow, datapath, index }));
    const keys = specs.map(conjunctionKey);
    return { keys, ids: specs.map((spec, index) => this.allocate(keys[index] as string, spec, base + index)) };
  }
}
