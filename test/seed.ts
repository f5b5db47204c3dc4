import * as fc from 'fast-check';

/**
 * Random tests run from one seed, so that a failure is a failure of the code. WEFT_FUZZ_SEED chooses another one. Shrinking ends in time: what is found
 * by then is printed with the path to it.
 */
fc.configureGlobal({ seed: Number(process.env.WEFT_FUZZ_SEED ?? 1), interruptAfterTimeLimit: 240_000 });
