import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Connection } from './connection.ts';
import { field } from './fields.ts';
import type { FlowMod } from './flow.ts';
import { Match } from './match.ts';
import type { MessageOf, PacketIn } from './messages.ts';
import { BatchError, DisconnectedError, OpenFlowError } from './openflow-error.ts';
import { startSwitch, type TestSwitch } from './testing.ts';

let sw: TestSwitch;
beforeAll(() => {
  sw = startSwitch();
});
afterAll(() => sw?.stop());

interface Opened {
  readonly connection: Connection;
  readonly packetIns: PacketIn[];
  readonly portStatuses: MessageOf<'port_status'>[];
  until(condition: () => boolean): Promise<void>;
}

async function open(options: Partial<ConstructorParameters<typeof Connection>[0]> = {}): Promise<Opened> {
  const packetIns: PacketIn[] = [];
  const portStatuses: MessageOf<'port_status'>[] = [];
  let connection: Connection | undefined;
  await new Promise<void>((resolve) => {
    connection = new Connection(
      { remote: sw.remote, ...options },
      {
        connected: () => resolve(),
        packetIn: (message) => packetIns.push(message),
        portStatus: (message) => portStatuses.push(message),
      },
    );
    connection.start();
  });
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  return { connection: connection!, packetIns, portStatuses, until };
}

function flow(reg0: number, extra: Partial<FlowMod> = {}): FlowMod {
  return {
    command: 'add',
    table: 3,
    priority: 100,
    cookie: 0x1234n,
    match: Match.of([field('reg0'), reg0]),
    actions: [{ type: 'output', port: 1 }],
    ...extra,
  };
}

describe('a connection to a live ovs-vswitchd', () => {
  it('adds flows in a batch and dumps them', async () => {
    const { connection } = await open();
    const mods = Array.from({ length: 3000 }, (_, i) => flow(i));
    await connection.batch(mods.map((mod) => ({ type: 'flow_mod', mod })));
    const flows = await connection.dumpFlows({ table: 3 });
    expect(new Set(flows.map((f) => f.match.key))).toEqual(new Set(mods.map((f) => f.match.key)));
    expect(flows[0]).toMatchObject({
      table: 3,
      priority: 100,
      cookie: 0x1234n,
      actions: [{ type: 'output', port: 1 }],
    });
    await connection.batch([{ type: 'flow_mod', mod: flow(0, { command: 'delete', match: Match.any }) }]);
    expect(await connection.dumpFlows({ table: 3 })).toEqual([]);
    connection.close();
  });

  it('names the error of a refused flow, and keeps the others of the batch', async () => {
    const { connection } = await open();
    const bad = flow(2, { actions: [{ type: 'group', group: 99 }] });
    const batch = connection.batch([flow(1), bad, flow(3)].map((mod) => ({ type: 'flow_mod', mod })));
    const error = await batch.then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(BatchError);
    expect((error as BatchError).errors.map((e) => e.code)).toEqual(['OFPBAC_BAD_OUT_GROUP']);
    expect((error as BatchError).errors[0]?.request).toMatchObject({ type: 'flow_mod', mod: { table: 3 } });
    expect(await connection.dumpFlows({ table: 3 })).toHaveLength(2);
    await connection.batch([{ type: 'flow_mod', mod: flow(0, { command: 'delete', match: Match.any }) }]);
    connection.close();
  });

  it('applies a bundle wholly or not at all', async () => {
    const { connection } = await open();
    await connection.bundle([flow(1), flow(2)].map((mod) => ({ type: 'flow_mod', mod })));
    expect(await connection.dumpFlows({ table: 3 })).toHaveLength(2);
    const bad = flow(4, { actions: [{ type: 'group', group: 99 }] });
    const failed = connection.bundle([flow(3), bad].map((mod) => ({ type: 'flow_mod', mod })));
    await expect(failed).rejects.toBeInstanceOf(BatchError);
    expect(await connection.dumpFlows({ table: 3 })).toHaveLength(2);
    await connection.bundle([
      { type: 'flow_mod', mod: flow(0, { command: 'delete', match: Match.any }) },
      { type: 'flow_mod', mod: flow(9) },
    ]);
    expect((await connection.dumpFlows({ table: 3 })).map((f) => f.match.key)).toEqual([flow(9).match.key]);
    connection.close();
  });

  it('adds and dumps groups and meters', async () => {
    const { connection } = await open();
    const group = {
      id: 7,
      type: 'select',
      selection: { method: 'dp_hash', param: 0n, fields: [] },
      buckets: [
        { id: 1, weight: 50, actions: [{ type: 'resubmit', table: 4 }] },
        { id: 2, weight: 100, actions: [{ type: 'ct', commit: true, table: 5, actions: [{ type: 'nat' }] }] },
      ],
    } as const;
    const meter = {
      id: 4,
      flags: ['pktps', 'burst', 'stats'],
      bands: [{ type: 'drop', rate: 10, burstSize: 20 }],
    } as const;
    await connection.batch([
      { type: 'group_mod', mod: { ...group, command: 'add' } },
      { type: 'meter_mod', mod: { ...meter, command: 'add' } },
    ]);
    expect(await connection.dumpGroups()).toEqual([group]);
    expect(await connection.dumpMeters()).toEqual([meter]);
    await connection.batch([
      { type: 'group_mod', mod: { id: 7, type: 'all', buckets: [], command: 'delete' } },
      { type: 'meter_mod', mod: { id: 4, flags: [], bands: [], command: 'delete' } },
    ]);
    expect(await connection.dumpGroups()).toEqual([]);
    expect(await connection.dumpMeters()).toEqual([]);
    connection.close();
  });

  it('receives a paused packet with its userdata, and resumes it', async () => {
    const { connection, packetIns, until } = await open();
    const reg1 = field('reg1');
    await connection.batch([
      {
        type: 'flow_mod',
        mod: flow(0, {
          table: 0,
          cookie: 0xabcdn,
          match: Match.any,
          actions: [
            { type: 'controller', userdata: Uint8Array.of(1, 2, 3), pause: true },
            { type: 'set_field', field: reg1, value: 7 },
            { type: 'resubmit', table: 9 },
          ],
        }),
      },
      { type: 'flow_mod', mod: flow(0, { table: 9, match: Match.any, actions: [{ type: 'controller' }] }) },
    ]);
    const packet = Uint8Array.from([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0x88, 0xb5, 1, 2, 3, 4]);
    connection.send({
      type: 'packet_out',
      match: Match.of([field('in_port_oxm'), 0xfffffffe]),
      actions: [{ type: 'output', port: 0xfffffff9 }],
      packet,
    });
    await until(() => packetIns.length === 1);
    const paused = packetIns[0]!;
    expect(paused).toMatchObject({ reason: 'action', table: 0, userdata: Uint8Array.of(1, 2, 3), packet });
    expect(paused.metadata.get(field('in_port_oxm'))?.value).toBe(0xfffffffe);
    await connection.batch([{ type: 'resume', packetIn: paused }]);
    await until(() => packetIns.length === 2);
    expect(packetIns[1]).toMatchObject({ table: 9, cookie: 0x1234n, packet });
    expect(packetIns[1]?.metadata.get(reg1)?.value).toBe(7);
    connection.close();
  });

  it('maps the Geneve option of OVN once', async () => {
    const { connection } = await open();
    const mapping = { optionClass: 0x102, optionType: 0x80, length: 4, index: 0 };
    expect(await connection.ensureTlvMapping(mapping)).toBe(0);
    expect(await connection.ensureTlvMapping({ ...mapping, index: 5 })).toBe(0);
    expect((await connection.tlvTable()).mappings).toEqual([mapping]);
    connection.close();
  });

  it('sees ports come and go', async () => {
    const { connection, portStatuses, until } = await open();
    expect((await connection.dumpPorts()).map((port) => port.name)).toEqual(['br-int']);
    sw.vsctl('add-port', 'br-int', 'p1', '--', 'set', 'interface', 'p1', 'type=dummy', 'ofport_request=41');
    await until(() => portStatuses.some((m) => m.reason === 'add' && m.port.name === 'p1' && m.port.portNo === 41));
    sw.vsctl('del-port', 'p1');
    await until(() => portStatuses.some((m) => m.reason === 'delete' && m.port.portNo === 41));
    connection.close();
  });

  it('reports a refused request by name', async () => {
    const { connection } = await open();
    const refused = connection.request({ type: 'bundle_control', bundle: 77, control: 'commit_request', flags: [] });
    await expect(refused).rejects.toMatchObject({ code: 'OFPBFC_BAD_ID' });
    await expect(refused).rejects.toBeInstanceOf(OpenFlowError);
    connection.close();
    await expect(connection.barrier()).rejects.toBeInstanceOf(DisconnectedError);
  });
});

describe('reconnection', () => {
  it('tries again until the socket is there', async () => {
    const waits: number[] = [];
    let disconnected = 0;
    await new Promise<void>((resolve) => {
      const connection = new Connection(
        {
          remote: 'unix:/nonexistent/of.sock',
          minBackoff: 100,
          maxBackoff: 300,
          timer: (ms, callback) => {
            waits.push(ms);
            const cancel = setTimeout(callback, 0);
            return () => clearTimeout(cancel);
          },
          probeInterval: 0,
        },
        {
          disconnected: () => {
            disconnected++;
            if (disconnected === 4) {
              connection.close();
              resolve();
            }
          },
        },
      );
      connection.start();
    });
    expect(waits).toEqual([100, 200, 300]);
  });
});
