// Checks the rooms of docs/architecture.md: dependencies point one way, packages meet by name, no barrels, nothing declared in vain.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

// Each package may import those above it in this list, and no other.
const order = [
  'ovsdb',
  'jsonrpc',
  'vlog',
  'ovsdb-server',
  'ovsdb-client',
  'schemas',
  'incremental',
  'openflow',
  'lflow',
  'packet',
  'northd',
  'controller',
  'ctl',
  'cli',
];
const problems = [];
const files = (dir) =>
  existsSync(dir)
    ? readdirSync(dir, { withFileTypes: true, recursive: true })
        .filter((e) => e.isFile() && e.name.endsWith('.ts'))
        .map((e) => join(e.parentPath, e.name))
    : [];

for (const name of readdirSync('packages'))
  if (!order.includes(name))
    problems.push(`packages/${name} has no place in the order of scripts/lint-architecture.mjs`);
order.forEach((name, position) => {
  const root = `packages/${name}`;
  if (!existsSync(`${root}/README.md`)) problems.push(`${root}/README.md is missing`);
  const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8'));
  const declared = new Set([
    ...Object.keys(manifest.dependencies ?? {}),
    ...Object.keys(manifest.devDependencies ?? {}),
  ]);
  const used = new Set();
  for (const file of files(`${root}/src`)) {
    const isTest = file.endsWith('.test.ts');
    const text = readFileSync(file, 'utf8');
    if (/^export \* from/m.test(text)) problems.push(`${file}: a barrel (export * from)`);
    for (const [, spec] of text.matchAll(/(?<![-\w])(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      if (spec.startsWith('.')) {
        const target = relative(resolve(root), resolve(dirname(file), spec));
        if (target.startsWith('..')) problems.push(`${file}: ${spec} leaves the package; import it by name`);
        if (!isTest && spec.endsWith('.test.ts')) problems.push(`${file}: imports a test file`);
      } else if (spec.startsWith('@weft/')) {
        const other = spec.split('/')[1];
        used.add(`@weft/${other}`);
        if (other === name) continue;
        // A test may run its package against any other.
        if (!isTest && order.indexOf(other) >= position) problems.push(`${file}: ${name} may not depend on ${other}`);
        if (!isTest && !declared.has(`@weft/${other}`))
          problems.push(`${file}: @weft/${other} is not in ${root}/package.json`);
      } else if (!spec.startsWith('node:')) {
        const pkg = spec.startsWith('@') ? spec.split('/').slice(0, 2).join('/') : spec.split('/')[0];
        used.add(pkg);
        if (!isTest && !declared.has(pkg)) problems.push(`${file}: ${pkg} is not in ${root}/package.json`);
      }
    }
  }
  for (const pkg of declared) if (!used.has(pkg)) problems.push(`${root}/package.json: ${pkg} is never imported`);
});
if (problems.length) {
  console.error(problems.join('\n'));
  process.exit(1);
}
