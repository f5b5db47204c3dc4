// Bundles each program of packages/cli/src/bin to dist/NAME.js and links it into node_modules/.bin.
// With arguments, bundles those files instead, to dist/bench/: `node scripts/build.mjs test/bench/ctl.ts`.
//
// A program must start at once, and most of a start would go into compiling JavaScript. So beside each bundle lies V8's compiled code, and what runs is
// launch.cjs under the program's name, which hands both to V8.
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { build } from 'esbuild';

// A native addon cannot be bundled.
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  external: ['better-sqlite3'],
  logLevel: 'warning',
};

const extra = process.argv.slice(2);
if (extra.length > 0) await bundleBenchmarks(extra);
else await bundlePrograms();

function bundleBenchmarks(entryPoints) {
  return build({
    ...common,
    entryPoints,
    outdir: 'dist/bench',
    format: 'esm',
    outExtension: { '.js': '.mjs' },
    sourcemap: 'linked',
    // Bundled CommonJS dependencies call require() for Node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}

async function bundlePrograms() {
  const folder = 'packages/cli/src/bin';
  const entryPoints = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`);
  mkdirSync('dist', { recursive: true });
  await build({
    ...common,
    entryPoints,
    outdir: 'dist',
    format: 'cjs',
    // A script that V8 is given by itself has nobody to import modules for it.
    supported: { 'dynamic-import': false },
    sourcemap: 'linked',
    // What Node.js would put around a CommonJS module; launch.cjs calls it.
    banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
    footer: { js: '})' },
    define: { 'import.meta.url': '__url' },
    inject: ['scripts/module-url.js'],
  });
  for (const entry of entryPoints) {
    const name = basename(entry, '.ts');
    compile(`dist/${name}.js`);
    copyFileSync('scripts/launch.cjs', `dist/${name}.cjs`);
    chmodSync(`dist/${name}.cjs`, 0o755);
    const link = `node_modules/.bin/${name}`;
    rmSync(link, { force: true });
    symlinkSync(`../../dist/${name}.cjs`, link);
  }
}

/** Leaves V8's compiled code beside a bundle: all functions, not only those that run first. */
function compile(bundle) {
  setFlagsFromString('--no-lazy');
  const script = new Script(readFileSync(bundle, 'utf8'), { filename: resolve(bundle) });
  // The code is bound to the flags of whoever will load it.
  setFlagsFromString('--lazy');
  writeFileSync(`${bundle}.cache`, script.createCachedData());
}
