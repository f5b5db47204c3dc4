// Bundles each program of packages/cli/src/bin to dist/NAME.js and links it into node_modules/.bin.
// With arguments, bundles those files instead, to dist/bench/: `node scripts/build.mjs test/bench/ctl.ts`.
//
// A program must start at once, and most of a start would go into compiling JavaScript. So beside each bundle lies V8's compiled code, and what runs is
// launch.cjs under the program's name, which hands both to V8. To load that code takes its time too: of programs that run for a moment, it is the code
// that they ran here, on a database of their own.
import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { build } from 'esbuild';

// A native addon cannot be bundled.
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  external: ['better-sqlite3'],
  alias: { 'string-width': './scripts/string-width.js' },
  logLevel: 'warning',
};

/** What the programs that run for a moment mostly do, by program: the schema of their database, and one command line. */
const warmUps = {
  nbctl: {
    schema: 'nb',
    line: [
      'ls-add a -- lsp-add a p -- lsp-set-addresses p 0a:00:00:00:00:01 -- acl-add a to-lport 1 ip4 drop -- ls-list -- lsp-list a',
      'lr-add r -- lrp-add r rp 0a:00:00:00:00:02 10.0.0.1/24 -- lr-route-add r 0.0.0.0/0 10.0.0.2 -- lsp-get-addresses p -- show a',
      'set Logical_Switch a external_ids:a=b -- get Logical_Switch a name -- list Logical_Switch_Port p -- find Logical_Switch name=a',
    ].join(' -- '),
  },
  sbctl: {
    schema: 'sb',
    line: 'chassis-add a geneve 10.0.0.1 -- show -- list Chassis a -- find Chassis name=a -- lflow-list -- get Chassis a name',
  },
};

/**
 * Options of the engine for the programs that run for long, which launch.sh starts: it also lets their heap have most of the machine's memory.
 *
 * The database keeps its last transactions for a while: with more room for young objects, they are dead before the collector has moved them to the old ones,
 * whose garbage costs far more. What it does for one transaction is much code that runs once: V8 would find it worth optimising after some thousand
 * transactions only, each of which costs twice as much until then, and would call many small functions that are better part of their callers. And after some
 * quiet seconds V8 would give memory back, together with all optimised code for objects of which none happens to live, so that the next thousands of
 * transactions would cost twice as much again.
 *
 * northd makes most of what it ever holds when it starts. To begin with a heap for a few objects, and to look for garbage each time that it has doubled, took
 * a tenth of its start, and found hardly any.
 */
const engineOptions = {
  'weft-ovsdb': [
    '--max-semi-space-size=32',
    '--interrupt-budget=40000',
    '--max-inlined-bytecode-size=1500',
    '--max-inlined-bytecode-size-cumulative=3000',
    '--no-memory-reducer',
  ],
  'weft-northd': ['--min-semi-space-size=16', '--initial-heap-size=256'],
  'weft-controller': [],
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
    minifyWhitespace: true,
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
    const options = engineOptions[name] ?? [];
    if (warmUps[name] === undefined)
      execFileSync(process.execPath, [...options, 'scripts/compile.cjs', resolve(`dist/${name}.js`)]);
    const launch = readFileSync('scripts/launch.cjs', 'utf8');
    const daemon = name in engineOptions;
    // Node.js reads the certificates of that variable before anything else, some 85 ms for a distribution's bundle. They would be trusted beside its own
    // authorities, none of which our programs ever trust: an SSL connection names its CA.
    const start = daemon
      ? readFileSync('scripts/launch.sh', 'utf8').trimEnd().replace('@OPTIONS@', options.join(' '))
      : '#!/usr/bin/env -S -u NODE_EXTRA_CA_CERTS node';
    writeFileSync(
      `dist/${name}.cjs`,
      launch.replace(/^.*/, () => start),
    );
    chmodSync(`dist/${name}.cjs`, 0o755);
    const link = `node_modules/.bin/${name}`;
    rmSync(link, { force: true });
    symlinkSync(`../../dist/${name}.cjs`, link);
  }
  await warmUp();
}

/** Runs those programs once, and leaves the code that V8 compiled for that beside their bundles. */
async function warmUp() {
  const folder = mkdtempSync(join(tmpdir(), 'weft-build-'));
  const names = Object.keys(warmUps);
  const file = (name) => join(folder, `${name}.db`);
  const socket = join(folder, 'socket');
  for (const name of names) execFileSync('dist/weft-ovsdb.cjs', ['create', file(name), warmUps[name].schema]);
  const server = spawn(
    'dist/weft-ovsdb.cjs',
    [...names.map(file), `--remote=punix:${socket}`, `--unixctl=${join(folder, 'control')}`, '-vconsole:off'],
    { stdio: 'ignore' },
  );
  try {
    for (let i = 0; !existsSync(socket); i++) {
      if (i === 6000 || server.exitCode !== null) throw new Error('weft-ovsdb does not start');
      await new Promise((done) => setTimeout(done, 10));
    }
    for (const name of names) {
      const args = [resolve(`dist/${name}.js`), `--db=unix:${socket}`, '--no-syslog', ...warmUps[name].line.split(' ')];
      // Nothing that the environment says of databases and daemons.
      execFileSync(process.execPath, ['scripts/warm.cjs', ...args], { stdio: 'pipe', env: { PATH: process.env.PATH } });
    }
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}
