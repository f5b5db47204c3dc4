/** What commands ask of the database and what they send to it: the work, not only the result. */
import { type Json, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import { rowFactory } from '@weft/ovsdb/row-shape';
import { nb } from '@weft/schemas/nb';
import { describe, expect, it } from 'vitest';
import { nbctl } from '../nb/program.ts';
import { parseCommands, parseGlobal } from './argv.ts';
import { globalOptions } from './global-options.ts';
import { localOptions } from './main.ts';
import { isWhole, matches, type Query, queryKey } from './query.ts';
import { MissingRows, Snapshot } from './snapshot.ts';
import { SymbolTable } from './symbol-table.ts';
import { Transaction } from './transaction.ts';

type Tables = { readonly [table: string]: readonly Row[] };

const uuid = (n: number) => `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;

/** A switch `sw0` with ports `p0` to `p(n-1)`, and a second switch. */
function network(ports: number): Tables {
  const portRow = rowFactory(nb.tables.Logical_Switch_Port);
  const switchRow = rowFactory(nb.tables.Logical_Switch);
  const rows = Array.from({ length: ports }, (_, i) =>
    portRow(uuid(i + 1), { name: `p${i}`, addresses: [`00:00:00:00:00:0${i % 10}`] }),
  );
  return {
    Logical_Switch_Port: rows,
    Logical_Switch: [
      switchRow(uuid(0xa000), { name: 'sw0', ports: rows.map((row) => row._uuid) }),
      switchRow(uuid(0xb000), { name: 'sw1' }),
    ],
  };
}

/** Runs a command line on rows in memory, as the runner does on a database. */
function runOn(tables: Tables, line: string) {
  const parsed = parseGlobal(line.split(' '), globalOptions, localOptions(nbctl));
  const commands = parseCommands(parsed, nbctl.commands);
  const asked = new Map<string, Query>();
  for (let round = 0; round < 20; round++) {
    const snapshot = new Snapshot(nb);
    for (const query of asked.values()) {
      const rows = (tables[query.table] ?? []).filter((row) => matches(query, row, nb.tables[query.table as never]));
      snapshot.add(query, { rows });
    }
    let next = 0xf000;
    const newUuid = () => uuid(next++);
    const tx = new Transaction(nb, snapshot, newUuid);
    let output = '';
    try {
      for (const { command, invocation } of commands) {
        command.run({
          tx,
          args: invocation.args,
          options: invocation.options,
          symbols: new SymbolTable(newUuid),
          program: nbctl,
          print: (text) => {
            output += `${text}\n`;
          },
          write: () => undefined,
          table: () => undefined,
          warn: () => undefined,
          forceWait: () => undefined,
          switchFlows: () => () => [],
          pretty: false,
          isLast: false,
        });
      }
      return { output, rounds: round, asked: [...asked.values()], operations: tx.operations().operations };
    } catch (error) {
      if (!(error instanceof MissingRows)) throw error;
      for (const query of error.queries) asked.set(queryKey(query), query);
    }
  }
  throw new Error('the command asks for ever');
}

describe('what a command asks', () => {
  it.each([
    'lsp-add sw0 new',
    'lsp-get-addresses p3',
    'lsp-set-type p3 router',
    'lsp-set-options p3 a=b',
    'lsp-del p3',
    'ls-del sw0',
    'acl-add sw0 to-lport 1 ip drop',
    'list Logical_Switch_Port p3',
    'set Logical_Switch_Port p3 enabled=false',
  ])('%s: no whole table, and no more for a larger network', (line) => {
    const small = runOn(network(10), line);
    const large = runOn(network(1000), line);
    expect(large.asked.filter(isWhole)).toEqual([]);
    expect(large.asked.length).toBe(small.asked.length);
    expect(large.rounds).toBeLessThanOrEqual(4);
  });

  it('show SWITCH asks for the rows of that switch', () => {
    const { asked } = runOn(network(10), 'show sw0');
    expect(asked.filter(({ kind }) => kind === 'uuid').length).toBe(10);
    expect(asked.some(isWhole)).toBe(false);
  });
});

describe('what a command sends', () => {
  const text = (line: string, ports = 3) =>
    runOn(network(ports), line).operations.map((operation: Json) => jsonText(operation));

  it('adds a port with one insert and one mutation of the switch', () => {
    expect(text('lsp-add sw0 new')).toEqual([
      `{"op":"insert","table":"Logical_Switch_Port","uuid-name":"row${uuid(0xf000).replaceAll('-', '_')}","row":{"name":"new"}}`,
      `{"op":"mutate","table":"Logical_Switch","where":[["_uuid","==",["uuid","${uuid(0xa000)}"]]],"mutations":[["ports","insert",["set",[["named-uuid","row${uuid(0xf000).replaceAll('-', '_')}"]]]]]}`,
    ]);
  });

  it('nothing, where nothing changes', () => {
    expect(text('lsp-set-type p0 localnet -- set Logical_Switch_Port p0 type=""')).toEqual([]);
    expect(text('lsp-add sw0 new -- lsp-del new').length).toBe(0);
  });

  it('changes one key of a map without the others', () => {
    const [operation] = text('set Logical_Switch sw0 other_config:a=b');
    expect(operation).toContain('"mutations":[["other_config","insert",["map",[["a","b"]]]]]');
  });

  it('later commands see what earlier ones did', () => {
    expect(runOn(network(1), 'lsp-add sw1 x -- lsp-set-type x router -- lsp-get-type x').output).toBe('router\n');
    expect(() => runOn(network(1), 'ls-add sw2 -- ls-add sw2')).toThrow('sw2: a switch with this name already exists');
    expect(() => runOn(network(1), 'lsp-del p0 -- lsp-get-type p0')).toThrow('p0: port name not found');
    // The lists of ports, ACLs, routes and so on change when all is committed (test/interop has the C programs' word for it).
    expect(runOn(network(0), 'lsp-add sw1 x -- lsp-list sw1').output).toBe('');
  });
});
