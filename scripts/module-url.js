// What stands for `import.meta.url` in a bundle that is no module.
export const __url = require('node:url').pathToFileURL(__filename).href;
