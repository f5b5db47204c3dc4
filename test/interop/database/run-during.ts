/** Servers as programs, each in a network of its own, so that ports are free. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Json } from '@weft/ovsdb/json';
import { buildServer } from './build-server.ts';

export interface Programs {
  /** Makes and changes database files. */
  readonly tool: readonly string[];
  readonly server: readonly string[];
}

export const cPrograms: Programs = { tool: ['ovsdb-tool'], server: ['ovsdb-server'] };

export async function ourPrograms(): Promise<Programs> {
  const program = [process.execPath, await buildServer()];
  return { tool: program, server: program };
}

interface Run {
  /** Where the server gets a folder of its own, which is FOLDER in its options and in the command. */
  readonly folder: string;
  readonly programs: Programs;
  readonly schema: { readonly name: string; readonly version: string; readonly tables: object };
  /** Operations that fill the database before it is served. */
  readonly contents: readonly Json[];
  readonly options: readonly string[];
  /** For a shell, when the server listens; the server ends with it. */
  readonly command: string;
}

/** Returns what the command has written. */
export function runDuring({ folder, programs, schema, contents, options, command }: Run): string {
  const place = mkdtempSync(join(folder, 'server-'));
  const [file, schemaFile] = [join(place, 'db'), join(place, 'schema')];
  writeFileSync(schemaFile, JSON.stringify(schema));
  const [tool = '', ...args] = programs.tool;
  execFileSync(tool, [...args, 'create', file, schemaFile]);
  execFileSync(tool, [...args, 'transact', file, JSON.stringify([schema.name, ...contents])]);
  const words = [
    ...programs.server,
    file,
    '--unixctl=none',
    '-vconsole:off',
    '-vsyslog:off',
    ...options,
    `--run=${command}`,
  ];
  const quoted = words.map((word) => `'${word.replaceAll('FOLDER', place).replaceAll("'", `'\\''`)}'`);
  const script = `ip link set lo up; exec ${quoted.join(' ')}`;
  return execFileSync('unshare', ['--net', 'sh', '-c', script], {
    encoding: 'utf8',
    env: { ...process.env, OVS_RUNDIR: place },
  });
}
