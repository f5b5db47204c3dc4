/** The OpenFlow switches that the commands of one command line ask for flows: what is known of them, and what is yet to be read. */
import type { RunOptions, SwitchAnswer } from './run.ts';

interface Asked {
  readonly remote: string | undefined;
  readonly details: boolean;
  readonly wanted: Set<number>;
  /** Undefined until it is read. */
  known: SwitchAnswer | undefined;
}

/** The switches that the commands of one line ask. */
export class Switches {
  readonly #asked = new Map<string, Asked>();

  /** Gives a switch's flows by cookie; those that are not known are noted, for `fetch`. Why there are none is told each time that somebody asks. */
  reader(
    remote: string | undefined,
    details: boolean,
    warn: (problem: string) => void,
  ): (cookie: number) => readonly string[] {
    const key = JSON.stringify([remote, details]);
    const asked = this.#asked.get(key) ?? { remote, details, wanted: new Set(), known: undefined };
    this.#asked.set(key, asked);
    if (asked.known?.problem !== undefined) warn(asked.known.problem);
    return (cookie) => {
      asked.wanted.add(cookie);
      return asked.known?.flows.get(cookie) ?? [];
    };
  }

  /** Reads what was asked for and is not known, each switch once. Resolves to whether there was anything. */
  async fetch({ readSwitch }: Pick<RunOptions, 'readSwitch'>): Promise<boolean> {
    let any = false;
    for (const asked of this.#asked.values()) {
      if (asked.known !== undefined) continue;
      asked.known = await readSwitch(asked.remote, [...asked.wanted], asked.details);
      any = true;
    }
    return any;
  }
}
