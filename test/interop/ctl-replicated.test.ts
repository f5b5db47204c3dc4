/** What the C programs replicate for each command, which decides in which order rows print: what they ask of a server is what ours says of them. */
import { parseCommands, parseGlobal } from '@weft/ctl/framework/argv';
import { replicatedReferences } from '@weft/ctl/framework/entry-order';
import { globalOptions } from '@weft/ctl/framework/global-options';
import { localOptions } from '@weft/ctl/framework/main';
import type { Program } from '@weft/ctl/framework/program';
import { footprintOf } from '@weft/ctl/framework/run';
import { nbctl } from '@weft/ctl/nb/program';
import { sbctl } from '@weft/ctl/sb/program';
import type { DatabaseSchema } from '@weft/ovsdb/schema';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { runC, shellWords, Twin, temporaryFolder, type Which } from './ctl-twins.ts';

const { dir, remove } = temporaryFolder();
let server: Twin;
beforeAll(async () => {
  server = await Twin.start(dir, 'c');
});
afterAll(() => {
  server.stop();
  remove();
});

/** As text: tables with their columns of references. */
function described(references: ReadonlyMap<string, ReadonlySet<string>>): string {
  return [...references]
    .map(([table, columns]) => `${table}[${[...columns].sort().join()}]`)
    .sort()
    .join(' ');
}

/** What the C program asks to be told of for these commands. */
function ofC(which: Which, schema: DatabaseSchema, words: readonly string[]): string {
  const { stderr } = runC(which, ['-vjsonrpc:dbg', '--dry-run', '--timeout=1', ...words], server.socket, dir);
  const sent = stderr.split('\n').findLast((line) => line.includes('method="monitor_cond_since"')) ?? '';
  const [, , requests] = JSON.parse(/params=(.*), id=/.exec(sent)?.[1] ?? '[]') as [
    string,
    string,
    { [table: string]: [{ columns: string[] }] },
  ];
  const asked = new Map(Object.entries(requests).map(([table, [{ columns }]]) => [table, new Set(columns)]));
  return described(replicatedReferences(schema, asked));
}

function ofOurs<D extends DatabaseSchema>(program: Program<D>, words: readonly string[]): string {
  const commands = parseCommands(parseGlobal(words, globalOptions, localOptions(program)), program.commands);
  return described(footprintOf(program, commands).replicated);
}

function check<D extends DatabaseSchema>(which: Which, program: Program<D>): void {
  const examples = [...program.commands.values()].flatMap((command) => command.examples);
  const generic = Object.keys(program.schema.tables).flatMap((table) => [
    `list ${table}`,
    `find ${table}`,
    `get ${table} x _uuid -- destroy ${table} x`,
  ]);
  it.each([...examples, ...generic])(`${program.name} %s`, (line) => {
    const words = shellWords(line);
    expect(ofOurs(program, words)).toBe(ofC(which, program.schema, words));
  });
}

check('nb', nbctl);
check('sb', sbctl);
