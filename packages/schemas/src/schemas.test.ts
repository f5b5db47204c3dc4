/** Our schemas are those of the installed OVN and Open vSwitch, member for member. */
import { readFileSync } from 'node:fs';
import { parseSchema, schemaToJson } from '@weft/ovsdb/schema-json';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { type NbRow, nb } from './nb.ts';
import { type SbRow, sb } from './sb.ts';
import { type OvsRow, vswitch } from './vswitch.ts';

const installed = [
  { schema: nb, file: '/usr/share/ovn/ovn-nb.ovsschema', from: 'ovn-common' },
  { schema: sb, file: '/usr/share/ovn/ovn-sb.ovsschema', from: 'ovn-common' },
  { schema: vswitch, file: '/usr/share/openvswitch/vswitch.ovsschema', from: 'openvswitch-switch' },
];

describe.each(installed)('$schema.name', ({ schema, file, from }) => {
  it('equals the installed schema, checksum included', () => {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (error) {
      throw new Error(`${file} is missing: install the Debian package ${from}`, { cause: error });
    }
    const theirs: unknown = JSON.parse(text);
    expect(schemaToJson(schema)).toEqual(schemaToJson(parseSchema(theirs)));
    expect(schema.cksum).toBe((theirs as { cksum: string }).cksum);
  });

  it('survives its own JSON', () => {
    expect(schemaToJson(parseSchema(JSON.parse(JSON.stringify(schemaToJson(schema)))))).toEqual(schemaToJson(schema));
  });
});

describe('row types', () => {
  it('follow from the columns', () => {
    expectTypeOf<NbRow<'Logical_Switch_Port'>['name']>().toEqualTypeOf<string>();
    expectTypeOf<NbRow<'Logical_Switch_Port'>['tag']>().toEqualTypeOf<number | undefined>();
    expectTypeOf<NbRow<'Logical_Switch_Port'>['up']>().toEqualTypeOf<boolean | undefined>();
    expectTypeOf<NbRow<'Logical_Switch'>['ports']>().toEqualTypeOf<readonly string[]>();
    expectTypeOf<NbRow<'ACL'>['direction']>().toEqualTypeOf<'from-lport' | 'to-lport'>();
    expectTypeOf<SbRow<'Port_Binding'>['options']>().toEqualTypeOf<ReadonlyMap<string, string>>();
    expectTypeOf<OvsRow<'Interface'>['ofport']>().toEqualTypeOf<number | undefined>();
  });
});
