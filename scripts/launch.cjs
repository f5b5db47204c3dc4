#!/usr/bin/env node
// Runs the bundle NAME.js beside this file from the code that V8 compiled when it was built. Another V8 refuses that code and compiles the bundle itself.
const { readFileSync } = require('node:fs');
const { Script } = require('node:vm');

// V8 takes the code for that of another program if its flags differ. This one has done what it is for.
if (process.execArgv.some((option) => option.startsWith('--max-old-space-size='))) {
  require('node:v8').setFlagsFromString('--max-old-space-size=0');
}

const bundle = __filename.replace(/\.cjs$/, '.js');
let cachedData;
try {
  cachedData = readFileSync(`${bundle}.cache`);
} catch {
  // It only takes longer.
}
const script = new Script(readFileSync(bundle, 'utf8'), { filename: bundle, cachedData });
script.runInThisContext()(exports, require, module, bundle, __dirname);
