/** Chassis, and the ports bound to them. */
import { toMap } from '@weft/ovsdb/datum';
import { CtlError } from '../framework/ctl-error.ts';
import type { SbCommand } from './types.ts';

const init: SbCommand = {
  name: 'init',
  args: '',
  reads: {},
  summary: 'makes the SB_Global row if it is not there; every other command does that too',
  examples: ['init'],
  run: () => undefined,
};

const chassisAdd: SbCommand = {
  name: 'chassis-add',
  args: 'CHASSIS ENCAP-TYPE ENCAP-IP',
  options: ['--may-exist'],
  reads: { Chassis: ['name', 'encaps'] },
  summary: 'adds a chassis with a tunnel end of each of the types, separated by commas, at an IP',
  examples: ['chassis-add node1 geneve,vxlan 10.1.1.41'],
  run: ({ tx, args, options }) => {
    const [name, types, ip] = args as [string, string, string];
    if (tx.holding('Chassis', 'name', name).length > 0) {
      if (options.has('--may-exist')) return;
      throw new CtlError(`cannot create a chassis named ${name} because a chassis named ${name} already exists`);
    }
    const unique = new Set(types.split(',').filter((type) => type !== ''));
    const encaps = [...unique].map((type) =>
      tx.insert('Encap', {
        type: type as never,
        ip,
        options: toMap([['csum', 'true']]) as ReadonlyMap<string, string>,
        chassis_name: name,
      }),
    );
    tx.insert('Chassis', { name, encaps });
  },
};

const chassisDel: SbCommand = {
  name: 'chassis-del',
  args: 'CHASSIS',
  options: ['--if-exists'],
  reads: { Chassis: ['name', 'encaps'], Chassis_Private: ['name'] },
  summary: 'deletes a chassis with its tunnel ends',
  examples: ['chassis-del node1'],
  run: ({ tx, args, options }) => {
    const name = args[0]!;
    const [row] = tx.holding('Chassis', 'name', name);
    if (row === undefined) {
      if (options.has('--if-exists')) return;
      throw new CtlError(`no chassis named ${name}`);
    }
    tx.delete('Chassis', row._uuid);
    // The tunnel ends of one that the database has go with it there.
    for (const encap of row.encaps) if (tx.isNew(encap)) tx.delete('Encap', encap);
    for (const own of tx.holding('Chassis_Private', 'name', name)) tx.delete('Chassis_Private', own._uuid);
  },
};

const lspBind: SbCommand = {
  name: 'lsp-bind',
  args: 'PORT CHASSIS',
  options: ['--may-exist'],
  reads: { Port_Binding: ['logical_port', 'chassis', 'up'], Chassis: ['name'] },
  summary: 'binds a logical port to a chassis',
  examples: ['lsp-bind sw0-port1 node1'],
  run: ({ tx, args, options }) => {
    const [port, chassisName] = args as [string, string];
    const [chassis] = tx.holding('Chassis', 'name', chassisName);
    const [binding] = tx.holding('Port_Binding', 'logical_port', port);
    if (binding === undefined) throw new CtlError(`no port named ${port}`);
    if (chassis === undefined) throw new CtlError(`no chassis named ${chassisName}`);
    if (binding.chassis !== undefined) {
      if (options.has('--may-exist') && binding.chassis === chassis._uuid) return;
      const bound = tx.get('Chassis', binding.chassis);
      throw new CtlError(`lport (${port}) has already been binded to chassis (${bound?.name ?? ''})`);
    }
    tx.update('Port_Binding', binding._uuid, { chassis: chassis._uuid, up: true });
  },
};

const lspUnbind: SbCommand = {
  name: 'lsp-unbind',
  args: 'PORT',
  options: ['--if-exists'],
  reads: { Port_Binding: ['logical_port', 'chassis', 'up'] },
  summary: 'undoes the binding of a logical port',
  examples: ['lsp-unbind sw0-port1'],
  run: ({ tx, args, options }) => {
    const port = args[0]!;
    const [binding] = tx.holding('Port_Binding', 'logical_port', port);
    if (binding === undefined) {
      if (options.has('--if-exists')) return;
      throw new CtlError(`no port named ${port}`);
    }
    tx.update('Port_Binding', binding._uuid, { chassis: undefined, up: undefined });
  },
};

export const initCommands: readonly SbCommand[] = [init];
export const chassisCommands: readonly SbCommand[] = [chassisAdd, chassisDel];
export const bindingCommands: readonly SbCommand[] = [lspBind, lspUnbind];
