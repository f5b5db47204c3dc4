import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseDaemonOptions } from './daemon-options.ts';

const spec = {
  name: 'weft-test',
  suite: 'ovn',
  description: 'a test',
  options: { remote: { type: 'string' } },
} as const;

it('leaves the values of options as they are', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('"a"', "'", '--x=y', '-1', '1e3'));
  fc.assert(
    fc.property(text, fc.boolean(), (value, apart) => {
      const argv = apart ? ['--remote', value] : [`--rem=${value}`];
      expect(parseDaemonOptions(spec, argv, {}).args.remote).toBe(value);
    }),
  );
});
