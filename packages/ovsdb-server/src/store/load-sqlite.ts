/** Loads the native SQLite module, which no bundle can hold. */
import { existsSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import type BetterSqlite3 from 'better-sqlite3';

export type Sqlite = BetterSqlite3.Database;
export type Statement = BetterSqlite3.Statement<unknown[]>;

/**
 * Where to look: from here, and, for a bundle in `dist/` or `dist/bench/`, which does not see the packages' dependencies from where it lies, in the package that asks
 * for the module. Dependencies are symbolic links there, and the module finds its own only from its real place.
 */
function* places(): Generator<string> {
  yield import.meta.url;
  for (const root of ['..', '../..']) {
    const linked = new URL(`${root}/packages/ovsdb-server/node_modules/better-sqlite3/package.json`, import.meta.url);
    if (existsSync(linked)) yield realpathSync.native(linked);
  }
}

/** The path of the module. */
export function sqliteModule(): string {
  let failure: unknown;
  for (const place of places()) {
    try {
      return createRequire(place).resolve('better-sqlite3');
    } catch (error) {
      failure = error;
    }
  }
  throw new Error('the module better-sqlite3 is not installed', { cause: failure });
}

/** Opens a file; the errors are those of better-sqlite3. */
export function openSqlite(file: string, options: BetterSqlite3.Options): Sqlite {
  const module = sqliteModule();
  const Database = createRequire(module)(module) as typeof BetterSqlite3;
  return new Database(file, options);
}
