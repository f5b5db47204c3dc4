// Bundles each program of packages/cli/src/bin to one file in dist/ and links it into node_modules/.bin.
// With arguments, bundles those files instead, to dist/bench/: `node scripts/build.mjs test/bench/ctl.ts`.
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { build } from 'esbuild';

const extra = process.argv.slice(2);
const bin = 'packages/cli/src/bin';
const programs = readdirSync(bin)
  .filter((f) => f.endsWith('.ts'))
  .map((f) => `${bin}/${f}`);
// A command must feel instant: these load faster as one small CommonJS script than as a module.
const instant = programs.filter((f) => /\/(nb|sb)ctl\.ts$/.test(f));
const outdir = extra.length ? 'dist/bench' : 'dist';
mkdirSync(outdir, { recursive: true });
const common = { outdir, bundle: true, platform: 'node', target: 'node20.19' };
if (!extra.length) {
  await build({
    ...common,
    entryPoints: instant,
    format: 'cjs',
    minify: true,
    outExtension: { '.js': '.cjs' },
    external: ['better-sqlite3'],
    // The addon is found from the place of the bundle.
    define: { 'import.meta.url': '__bundleUrl' },
    banner: { js: "#!/usr/bin/env node\nvar __bundleUrl = 'file://' + encodeURI(__filename);" },
    logLevel: 'warning',
  });
}
await build({
  ...common,
  entryPoints: extra.length ? extra : programs.filter((f) => !instant.includes(f)),
  format: 'esm',
  outExtension: { '.js': '.mjs' },
  sourcemap: 'linked',
  // A native addon cannot be bundled; pino's transports and jayson's optional parts are loaded by name.
  external: ['better-sqlite3'],
  // Bundled CommonJS dependencies call require() for Node's own modules.
  banner: {
    js: "#!/usr/bin/env node\nimport { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  logLevel: 'warning',
});
if (!extra.length) {
  for (const entry of programs) {
    const name = basename(entry, '.ts');
    const link = `node_modules/.bin/${name}`;
    const file = `${name}.${instant.includes(entry) ? 'cjs' : 'mjs'}`;
    chmodSync(`dist/${file}`, 0o755);
    rmSync(link, { force: true });
    symlinkSync(`../../dist/${file}`, link);
  }
}
