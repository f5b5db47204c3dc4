// `node [OPTION...] compile.cjs BUNDLE` leaves V8's compiled code in BUNDLE.cache: of all functions, not only those that run first. It is good for a V8
// with the same options.
const { readFileSync, writeFileSync } = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { Script } = require('node:vm');

const bundle = process.argv[2];
setFlagsFromString('--no-lazy');
const script = new Script(readFileSync(bundle, 'utf8'), { filename: bundle });
setFlagsFromString('--lazy');
writeFileSync(`${bundle}.cache`, script.createCachedData());
