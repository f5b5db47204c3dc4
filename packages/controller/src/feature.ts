import type { Compiler } from '@weft/lflow/compile';
import type { sb } from '@weft/schemas/sb';
import type { vswitch } from '@weft/schemas/vswitch';
import type { ConjunctionIds } from './conjunction-ids.ts';
import type { FlowTable } from './flow-table.ts';
import type { GroupTable, MeterTable } from './group-table.ts';
import type { Model } from './model/model.ts';
import type { Writes } from './model/writes.ts';
import type { Announcer } from './packet-in/announcer.ts';

/** What is to be told to people. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}

/** Where a feature's derivations leave what they find. */
export interface Outputs {
  readonly flows: FlowTable;
  readonly groups: GroupTable;
  readonly meters: MeterTable;
  readonly conjunctionIds: ConjunctionIds;
  /** Of logical flows. */
  readonly compiler: Compiler;
  readonly announcer: Announcer;
  readonly sbWrites: Writes<typeof sb>;
  readonly ovsWrites: Writes<typeof vswitch>;
  /** Conntrack zones whose connections must be forgotten: their number goes to another port. */
  readonly zonesToFlush: Set<number>;
  readonly log: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Declares the derivations of one feature. Features are installed in order: what builds on another's tables comes after it. */
export type Feature = (model: Model, outputs: Outputs) => void;
