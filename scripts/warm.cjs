// `node warm.cjs BUNDLE ARGUMENT...` runs a bundle as launch.cjs does, and leaves what V8 has compiled for that in BUNDLE.cache.
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const [bundle] = process.argv.splice(2, 1);
const script = new Script(readFileSync(bundle, 'utf8'), { filename: bundle });
process.on('exit', () => writeFileSync(`${bundle}.cache`, script.createCachedData()));
script.runInThisContext()(exports, require, module, bundle, __dirname);
