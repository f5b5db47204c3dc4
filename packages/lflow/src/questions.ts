/**
 * What a compiler asks its caller for a text. A result is true as long as the answers are the same, so a text that comes again costs its questions and no
 * compilation. Answers are the same if they are the same value or object: a caller never changes a set that it has given.
 */
import type { ActionContext, GroupSpec, MeterSpec } from './action-context.ts';
import type { OptionDefinition } from './dhcp-options.ts';
import type { MatchLookups } from './normalize.ts';

export interface Question<Context> {
  readonly ask: (context: Context) => unknown;
  readonly answer: unknown;
}

/** Whether all the answers are what they were. */
export function answersAgain<Context>(questions: readonly Question<Context>[], context: Context): boolean {
  for (const { ask, answer } of questions) if (ask(context) !== answer) return false;
  return true;
}

/** Passes questions on, and writes them down. */
class Notes<Context> {
  readonly questions: Question<Context>[] = [];
  protected readonly context: Context;

  constructor(context: Context) {
    this.context = context;
  }

  protected ask<T>(ask: (context: Context) => T): T {
    const answer = ask(this.context);
    this.questions.push({ ask, answer });
    return answer;
  }
}

/** What a match asks. */
export class MatchNotes extends Notes<MatchLookups> implements MatchLookups {
  lookupPort(name: string): number | undefined {
    return this.ask((context) => context.lookupPort(name));
  }

  lookupAddressSet(name: string): (Iterable<string> & object) | undefined {
    return this.ask((context) => context.lookupAddressSet(name));
  }

  lookupPortGroup(name: string): (Iterable<string> & object) | undefined {
    return this.ask((context) => context.lookupPortGroup(name));
  }

  isChassisResident(port: string): boolean {
    return this.ask((context) => context.isChassisResident(port));
  }
}

/** What actions ask. Where they run is no question: whoever keeps a result keeps it by that. */
export class ActionNotes extends Notes<ActionContext> implements ActionContext {
  get pipeline(): ActionContext['pipeline'] {
    return this.context.pipeline;
  }

  get table(): number {
    return this.context.table;
  }

  get controllerMeter(): number | undefined {
    return this.context.controllerMeter;
  }

  get datapath(): ActionContext['datapath'] {
    const { type } = this.context.datapath;
    const ask = (): number => this.ask(({ datapath }) => datapath.tunnelKey);
    return {
      type,
      get tunnelKey() {
        return ask();
      },
    };
  }

  get cookie(): number {
    return this.ask(({ cookie }) => cookie);
  }

  lookupPort(name: string): number | undefined {
    return this.ask((context) => context.lookupPort(name));
  }

  lookupTunnel(port: string): number | undefined {
    return this.ask((context) => context.lookupTunnel(port));
  }

  allocateGroup(group: GroupSpec): number {
    return this.ask((context) => context.allocateGroup(group));
  }

  allocateMeter(meter: MeterSpec): number | undefined {
    return this.ask((context) => context.allocateMeter(meter));
  }

  lookupDhcpv4Option(name: string): OptionDefinition | undefined {
    return this.ask((context) => context.lookupDhcpv4Option(name));
  }

  lookupDhcpv6Option(name: string): OptionDefinition | undefined {
    return this.ask((context) => context.lookupDhcpv6Option(name));
  }

  hasCollectorSet(id: number): boolean {
    return this.ask((context) => context.hasCollectorSet(id));
  }
}
