/** `@name`s of one command line: rows that `--id=@name` names, and that arguments may refer to before or after they are created. */
import type { RefType } from '@weft/ovsdb/schema';
import type { Uuid } from '@weft/ovsdb/uuid';
import type { Symbols } from './command.ts';
import { CtlError } from './ctl-error.ts';

interface Entry {
  readonly uuid: Uuid;
  readonly created: boolean;
  /** How firmly something holds the row: a row that is no root goes unless a strong reference does. */
  held: 'not' | 'weakly' | 'strongly';
}

/** What `@name` stands for in one run of a command line (`--id=@name`, ovn-nbctl(8) "Database Commands"). */
export class SymbolTable implements Symbols {
  readonly #entries = new Map<string, Entry>();
  readonly #newUuid: () => Uuid;

  constructor(newUuid: () => Uuid) {
    this.#newUuid = newUuid;
  }

  readonly resolve = (name: string, reference?: RefType): Uuid => {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { uuid: this.#newUuid(), created: false, held: 'not' };
      this.#entries.set(name, entry);
    }
    if (reference === 'strong') entry.held = 'strongly';
    else if (entry.held === 'not') entry.held = 'weakly';
    return entry.uuid;
  };

  define(name: string, uuid: Uuid, how: 'created' | 'created as root' | 'found'): void {
    const entry = this.#entries.get(name);
    if (entry?.created) throw new CtlError(`row id "${name}" may only be specified on one --id option`);
    if (entry !== undefined && how === 'found') {
      throw new CtlError(`row id "${name}" specified on "get" command was used before it was defined`);
    }
    const held = how === 'created' ? (entry?.held ?? 'not') : 'strongly';
    this.#entries.set(name, { uuid, created: true, held });
  }

  promised(name: string): Uuid | undefined {
    const entry = this.#entries.get(name);
    if (entry?.created) throw new CtlError(`row id "${name}" may only be specified on one --id option`);
    return entry?.uuid;
  }

  /** @throws CtlError if a name was used that no command created. */
  check(warn: (message: string) => void): void {
    for (const [name, { created, held }] of this.#entries) {
      if (!created) {
        throw new CtlError(`row id "${name}" is referenced but never created (e.g. with "-- --id=${name} create ...")`);
      }
      if (held === 'strongly') continue;
      const what =
        held === 'weakly' ? 'but only a weak reference to it was inserted' : 'but no reference to it was inserted';
      warn(`row id "${name}" was created ${what}, so it will not actually appear in the database`);
    }
  }
}
