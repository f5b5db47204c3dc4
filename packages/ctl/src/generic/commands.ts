/** The commands that work on any table of any database. */
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import type { Section } from '../framework/program.ts';
import { createCommand, destroyCommand } from './create.ts';
import { getCommand } from './get.ts';
import { findCommand, listCommand } from './list.ts';
import { addCommand, clearCommand, removeCommand, setCommand } from './set.ts';
import { commentCommand, waitUntilCommand } from './wait-until.ts';

/** The commands that any schema has (ovn-nbctl(8), "Database Commands"). */
export function genericCommands<D extends DatabaseSchema>(schema: D): Section<D> {
  return {
    title: 'Database commands',
    commands: [
      listCommand(schema),
      findCommand(schema),
      getCommand(schema),
      setCommand(schema),
      addCommand(schema),
      removeCommand(schema),
      clearCommand(schema),
      createCommand(schema),
      destroyCommand(schema),
      waitUntilCommand(schema),
      commentCommand(),
    ],
  };
}
