/** What makes a ctl program: nbctl and sbctl are two of these. */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Command, ProgramFacts, Reads } from './command.ts';
import type { NameSources } from './completion.ts';
import type { RootTable } from './run.ts';

export interface Program<D extends DatabaseSchema> extends ProgramFacts {
  /** `nbctl`. */
  readonly name: string;
  readonly schema: D;
  readonly root: RootTable<D>;
  readonly commands: ReadonlyMap<string, Command<D>>;
  readonly replicated: ReplicatedBy<D>;
  /** The sections of the help and the manual page. */
  readonly sections: readonly Section<D>[];
  /** First line of the help. */
  readonly title: string;
  readonly environment: {
    /** Default of `--db`. */
    readonly db: string;
    /** Socket of a daemon. */
    readonly daemon: string;
    /** Options that apply to every call. */
    readonly options: string;
  };
  /** Which arguments of commands are names from the database, for completion. */
  readonly nameSources: NameSources;
  /** File name of the default socket in the run directory. */
  readonly socket: string;
}

/** What the C program replicates for a command, where its references are others than those that ours reads: they decide in which order rows print. */
export type ReplicatedBy<D extends DatabaseSchema> = { readonly [command: string]: Reads<D> };

export interface Section<D extends DatabaseSchema> {
  readonly title: string;
  readonly commands: readonly Command<D>[];
}

/** All commands by name, in the order of the sections. */
export function registry<D extends DatabaseSchema>(sections: readonly Section<D>[]): ReadonlyMap<string, Command<D>> {
  const commands = new Map<string, Command<D>>();
  for (const command of sections.flatMap((section) => section.commands)) {
    if (commands.has(command.name)) throw new Error(`command ${command.name} is declared twice`);
    commands.set(command.name, command);
  }
  return commands;
}
