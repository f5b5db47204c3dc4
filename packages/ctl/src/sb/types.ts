/** The southbound database's types in this package. */
import type { sb } from '@weft/schemas/sb';
import type { Command, Context } from '../framework/command.ts';
import type { Transaction } from '../framework/transaction.ts';

export type Sb = typeof sb;
export type SbCommand = Command<Sb>;
export type SbContext = Context<Sb>;
export type SbTransaction = Transaction<Sb>;
