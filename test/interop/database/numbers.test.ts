/** Numbers, however they are written, in columns of integers and of reals: our server and the C server store the same, or refuse in the same words, or hang up. */
import type { Json } from '@weft/ovsdb/json';
import { parseSchema } from '@weft/ovsdb/schema-json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CServer, startCServer } from './c-server.ts';
import { RawClient } from './raw-client.ts';
import { startWeftServer, type WeftServer } from './weft-server.ts';

const schema = {
  name: 'S',
  version: '1.0.0',
  tables: { T: { isRoot: true, columns: { integer: { type: 'integer' }, real: { type: 'real' } } } },
};

let theirs: CServer;
let ours: WeftServer;
beforeAll(async () => {
  theirs = await startCServer(schema);
  ours = await startWeftServer([parseSchema(schema)]);
});
afterAll(async () => {
  await theirs.stop();
  await ours.stop();
});

// biome-ignore format: a list
const numbers = [
  '0', '-0', '0.0', '-0.0', '0e400', '-0e-400', '1.0', '1e0', '1e3', '1E+3', '1.5', '1.5e1', '15e-1', '10e-1', '-10e-1', '1e-1', '1e-5', '0.5',
  '1.0000000000000000000', '0.1e1', '100000000000000000000e-2', '10000000000000000000000e-5', '0.00000000000000000000000000001e29',
  // At the limits of integers.
  '1e18', '1e19', '-1e19', '1e20', '9007199254740993', '-9007199254740993', '9007199254740993.0', '90071992547409930e-1',
  '9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809', '9.223372036854775807e18', '-9.223372036854775808e18',
  '9.223372036854775808e18', '9223372036854775807.0', '9223372036854775808.0', '9223372036854775806.0e0', '92233720368547758070e-1',
  '1234567890123456789', '12345678901234567891', '18446744073709551615', '123456789012345678901234567890',
  // At the limits of reals.
  '1e308', '1.7976931348623e308', '1.7976931348623159e308', '1.8e308', '1e309', '1e400', '-1e400', '2.3e-308', '2.2e-308', '-2.2e-308', '1e-323', '5e-324',
  '4e-324', '1e-400', '-1e-400', '1.5e-9999', '1e-99999999999', '1e2147483648', '-1e-2147483649', '0.0e99999999999',
  // No numbers.
  '01', '-01', '.5', '5.', '+1', '0x1', '1e', '1e+', '--1', '1_0', '1.e1', '-', '1ee1', 'NaN', 'Infinity',
];

/** What a server makes of a number in a row; undefined if it hung up. */
async function stored(socket: string, column: string, number: string): Promise<Json | undefined> {
  const client = new RawClient(socket);
  const insert = `{"op":"insert","table":"T","row":{"${column}":${number}}}`;
  const select = `{"op":"select","table":"T","where":[],"columns":["${column}"]}`;
  client.send(`{"id":1,"method":"transact","params":["S",${insert},${select},{"op":"abort"}]}`);
  const [answer] = await client.take();
  client.close();
  if (client.closed && answer === undefined) return undefined;
  const results = (answer as { result: readonly Json[] }).result;
  // The first result is a uuid, or an error.
  const [, selected] = results;
  return selected === null ? results[0] : (selected as Json);
}

/** The C server writes 15 digits of a real. */
const rounded = (json: Json | undefined): string =>
  JSON.stringify(json, (name, value) =>
    name === 'real' ? Number(Number(value).toPrecision(15)) : typeof value === 'bigint' ? String(value) : value,
  ) ?? 'hung up';

it.each(['integer', 'real'])('%s', async (column) => {
  for (const number of numbers) {
    const [mine, yours] = await Promise.all([ours, theirs].map(({ socket }) => stored(socket, column, number)));
    expect(rounded(mine), number).toBe(rounded(yours));
  }
});
