/** `weft lflow --db`: what it knows of a live southbound database. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { networkFromDatabase } from '@weft/cli/lflow-network';
import type { Json } from '@weft/ovsdb/json';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CServer, startCServer } from './database/c-server.ts';

let server: CServer;
beforeAll(async () => {
  server = await startCServer(JSON.parse(readFileSync('/usr/share/ovn/ovn-sb.ovsschema', 'utf8')) as Json);
});
afterAll(() => server.stop());

it('joins the rows that a port group has for its datapaths, under the name that matches use', async () => {
  const remote = `unix:${server.socket}`;
  const rows = [
    ['create', 'Port_Group', 'name=1_pg0', 'ports=p1,p2'],
    ['create', 'Port_Group', 'name=2_pg0', 'ports=p3'],
    ['create', 'Address_Set', 'name=as0', 'addresses=10.0.0.1'],
  ];
  execFileSync('ovn-sbctl', [`--db=${remote}`, ...rows.flatMap((row) => ['--', ...row])]);
  const network = await networkFromDatabase(remote);
  expect([...(network.portGroups.get('pg0') ?? [])].sort()).toEqual(['p1', 'p2', 'p3']);
  expect(network.addressSets.get('as0')).toEqual(['10.0.0.1']);
});
