/** Files that have their name when they are whole: half of a database, or one that is still empty, would be served like any other. */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { OvsdbError } from '@weft/ovsdb/error';
import { syncFolder } from './store/log.ts';
import { removeCompanions } from './store/sqlite-file.ts';

/** `make` makes it under the name that it is given, and brings it to the disk. Errors: `I/O error`, if the file exists for one. */
export function makeFile(file: string, make: (unfinished: string) => void): void {
  if (existsSync(file)) throw new OvsdbError('I/O error', `${file}: create failed (File exists)`);
  const unfinished = `${file}.tmp${process.pid}`;
  try {
    make(unfinished);
    removeCompanions(file);
    renameSync(unfinished, file);
    syncFolder(file);
  } catch (error) {
    removeCompanions(unfinished);
    rmSync(unfinished, { force: true });
    if (!(error instanceof OvsdbError)) throw error;
    throw new OvsdbError(error.kind, error.message.replaceAll(unfinished, file), { cause: error });
  }
}
