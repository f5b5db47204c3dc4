/** The overview of chassis and what is bound to them. */
import type { Datum } from '@weft/ovsdb/datum';
import { isDefault } from '@weft/ovsdb/datum';
import type { Uuid } from '@weft/ovsdb/uuid';
import { type SbRow, sb } from '@weft/schemas/sb';
import { formatString } from '../framework/print-value.ts';
import type { SbCommand } from './types.ts';

const show: SbCommand = {
  name: 'show',
  args: '',
  reads: {
    Chassis: ['name', 'hostname', 'encaps'],
    Encap: ['type', 'ip', 'options'],
    Port_Binding: ['logical_port', 'chassis'],
  },
  summary: 'prints an overview of the chassis, their tunnels and the ports bound to them',
  examples: ['show'],
  run: ({ tx, print }) => {
    tx.prefetch([
      { kind: 'all', table: 'Chassis' },
      { kind: 'rows', table: 'Encap' },
      { kind: 'all', table: 'Port_Binding' },
    ]);
    const chassis = tx.all('Chassis');
    const bindings = new Map<Uuid, SbRow<'Port_Binding'>[]>();
    for (const binding of tx.all('Port_Binding')) {
      if (binding.chassis === undefined) continue;
      const bound = bindings.get(binding.chassis);
      if (bound === undefined) bindings.set(binding.chassis, [binding]);
      else bound.push(binding);
    }
    for (const row of chassis) {
      print(`Chassis ${formatString(sb.tables.Chassis.columns.name.type, row.name)}`);
      if (row.hostname !== '')
        print(`    hostname: ${formatString(sb.tables.Chassis.columns.hostname.type, row.hostname)}`);
      for (const encap of tx.many('Encap', row.encaps)) {
        print(`    Encap ${encap.type}`);
        for (const column of ['ip', 'options'] as const) {
          const { type } = sb.tables.Encap.columns[column];
          const value = encap[column] as Datum;
          if (!isDefault(type, value)) print(`        ${column}: ${formatString(type, value)}`);
        }
      }
      for (const binding of bindings.get(row._uuid) ?? []) {
        print(
          `    Port_Binding ${formatString(sb.tables.Port_Binding.columns.logical_port.type, binding.logical_port)}`,
        );
      }
    }
  },
};

export const showCommands: readonly SbCommand[] = [show];
