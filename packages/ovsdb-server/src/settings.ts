/**
 * What a service serves, where, and whom it follows: its command line says that, until the control socket changes it. A monitored server leaves it to the one
 * that is started when it has crashed: a backup would be active then, beside the active one.
 */
import type { DatabaseService } from './service.ts';

export interface Settings {
  /** Files, and `relay:DB:REMOTE`. */
  readonly databases: readonly string[];
  readonly remotes: readonly string[];
  /** The active server; undefined: none is known. */
  readonly active?: string | undefined;
  /** Follow it. */
  readonly backup: boolean;
  /** `DB:TABLE[,DB:TABLE]...` */
  readonly excluded: string;
}

/** Those of the moment. */
export function settingsOf(service: DatabaseService): Settings {
  const { remotes, replication, server } = service;
  const { active, excluded } = replication;
  return { databases: service.databases(), remotes: remotes.list(), active, backup: server.backup, excluded };
}
