import { build } from 'esbuild';

/** One program of packages/cli/src/bin as one file, as scripts/build.mjs makes it, but from the sources of this moment. */
export async function bundle(program: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [`packages/cli/src/bin/${program}.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    external: ['better-sqlite3'],
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
}
