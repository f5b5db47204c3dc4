/** Reads flows from an OpenFlow switch: `lflow-list --ovs` (ovn-sbctl(8), ovs-ofctl(8) "dump-flows"). Loaded only when it is asked for. */
import type { TlsFiles } from '@weft/jsonrpc/tls';
import { Connection } from '@weft/openflow/connection';
import type { FlowStats } from '@weft/openflow/flow';
import { formatActions } from '@weft/openflow/text-actions';
import { formatMatch } from '@weft/openflow/text-match';
import type { Log } from '@weft/vlog/log';
import { dial, openFlowService } from './dial.ts';
import type { SwitchFlows } from './run.ts';

const allBits = 0xffffffffffffffffn;

export interface SwitchAddress {
  /** `unix:FILE`, `tcp:HOST[:PORT]` or `ssl:HOST[:PORT]`. */
  readonly remote: string;
  /** Where a socket without a path lies. */
  readonly rundir: string;
  readonly tls?: TlsFiles;
}

/** The flows with each of the cookies, in the switch's order. Throws a DialError, or what the connection throws. */
export async function readSwitch(
  { remote, ...options }: SwitchAddress,
  cookies: readonly number[],
  details: boolean,
  log: Pick<Log, 'write'>,
): Promise<SwitchFlows> {
  const stream = await dial(remote, openFlowService, options, log);
  let connection: Connection | undefined;
  try {
    await new Promise<void>((connected, disconnected) => {
      connection = new Connection({ remote, dial: () => stream }, { connected: () => connected(), disconnected });
      connection.start();
    });
    const open = connection!;
    const flows = new Map<number, readonly string[]>();
    // The requests go out together: the switch answers in their order.
    await Promise.all(
      cookies.map(async (cookie) => {
        const found = await open.dumpFlows({ cookie: BigInt(cookie), cookieMask: allBits });
        if (found.length > 0)
          flows.set(
            cookie,
            found.map((flow) => flowLine(flow, details)),
          );
      }),
    );
    return flows;
  } finally {
    connection?.close();
    stream.destroy();
  }
}

/** One flow as `ovs-ofctl dump-flows` prints it; without details, its table, match and actions alone. */
export function flowLine(flow: FlowStats, details: boolean): string {
  const match = formatMatch(flow.match);
  const actions = `actions=${formatActions(flow.actions)}`;
  if (!details) return `table=${flow.table} ${match === '' ? '' : `${match} `}${actions}`;
  const parts = [
    `cookie=0x${flow.cookie.toString(16)}`,
    `duration=${duration(flow)}s`,
    `table=${flow.table}`,
    `n_packets=${flow.packetCount}`,
    `n_bytes=${flow.byteCount}`,
  ];
  if ((flow.idleTimeout ?? 0) !== 0) parts.push(`idle_timeout=${flow.idleTimeout}`);
  if ((flow.hardTimeout ?? 0) !== 0) parts.push(`hard_timeout=${flow.hardTimeout}`);
  const flags = (flow.flags ?? []).map((flag) => `${flag} `).join('');
  const rest: string[] = [];
  if ((flow.importance ?? 0) !== 0) rest.push(`importance=${flow.importance}, `);
  if (flow.idleAge !== undefined) rest.push(`idle_age=${flow.idleAge}, `);
  const priority = flow.priority === 32768 ? [] : [`priority=${flow.priority}`];
  const head = [...priority, ...(match === '' ? [] : [match])].join(',');
  return `${parts.join(', ')}, ${flags}${rest.join('')}${head === '' ? '' : `${head} `}${actions}`;
}

/** Seconds, with as many thousands as there are. */
function duration({ durationSec, durationNsec }: FlowStats): string {
  const fraction = String(durationNsec)
    .padStart(9, '0')
    .replace(/(000){1,3}$/, '');
  return fraction === '' ? String(durationSec) : `${durationSec}.${fraction}`;
}
