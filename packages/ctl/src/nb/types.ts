/** The northbound database's types in this package. */
import type { nb } from '@weft/schemas/nb';
import type { Command, Context, Reads } from '../framework/command.ts';
import type { Transaction } from '../framework/transaction.ts';

export type Nb = typeof nb;
export type NbCommand = Command<Nb>;
export type NbContext = Context<Nb>;
export type NbTransaction = Transaction<Nb>;
export type NbReads = Reads<Nb>;
