/** Logical switches and logical routers: the commands that make, remove and list them are the same but for the names. */
import { CtlError } from '../framework/ctl-error.ts';
import { findRouter, findSwitch, listByName, notFound } from './find.ts';
import type { NbCommand } from './types.ts';

interface Kind {
  readonly table: 'Logical_Switch' | 'Logical_Router';
  /** How command names begin. */
  readonly prefix: 'ls' | 'lr';
  readonly noun: 'switch' | 'router';
  readonly example: string;
  readonly find: typeof findSwitch | typeof findRouter;
}

function datapathCommands({ table, prefix, noun, example, find }: Kind): readonly NbCommand[] {
  const add: NbCommand = {
    name: `${prefix}-add`,
    args: `[${noun.toUpperCase()}]`,
    options: ['--may-exist', '--add-duplicate'],
    reads: { [table]: ['name'] },
    summary: `adds a logical ${noun}; without a name it is known by its uuid only`,
    examples: [`${prefix}-add ${example}`, `--may-exist ${prefix}-add ${example}`],
    run: ({ tx, args: [name], options }) => {
      const mayExist = options.has('--may-exist');
      const addDuplicate = options.has('--add-duplicate');
      if (mayExist && addDuplicate) throw new CtlError('--may-exist and --add-duplicate may not be used together');
      if (name === undefined) {
        if (mayExist) throw new CtlError('--may-exist requires specifying a name');
        if (addDuplicate) throw new CtlError('--add-duplicate requires specifying a name');
      } else if (!addDuplicate && tx.holding(table, 'name', name).length > 0) {
        if (mayExist) return;
        throw new CtlError(`${name}: a ${noun} with this name already exists`);
      }
      tx.insert(table, name === undefined ? {} : { name });
    },
  };
  const del: NbCommand = {
    name: `${prefix}-del`,
    args: noun.toUpperCase(),
    options: ['--if-exists'],
    reads: { [table]: ['name'] },
    summary: `deletes a logical ${noun} with all its ports`,
    examples: [`${prefix}-del ${example}`, `--if-exists ${prefix}-del ${example}`],
    run: ({ tx, args, options }) => {
      const name = args[0]!;
      const row = find(tx, name);
      if (row !== undefined) tx.delete(table, row._uuid);
      else if (!options.has('--if-exists')) throw new CtlError(notFound(name, noun));
    },
  };
  const list: NbCommand = {
    name: `${prefix}-list`,
    args: '',
    reads: { [table]: ['name'] },
    summary: `prints all logical ${noun === 'switch' ? 'switches' : 'routers'}, ordered by name`,
    examples: [`${prefix}-list`],
    run: ({ tx, print }) => {
      for (const line of listByName(tx.all(table))) print(line);
    },
  };
  return [add, del, list];
}

export const switchCommands = datapathCommands({
  table: 'Logical_Switch',
  prefix: 'ls',
  noun: 'switch',
  example: 'sw0',
  find: findSwitch,
});

export const routerCommands = datapathCommands({
  table: 'Logical_Router',
  prefix: 'lr',
  noun: 'router',
  example: 'lr0',
  find: findRouter,
});
