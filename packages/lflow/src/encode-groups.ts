/** The groups that actions choose buckets of. */
import { putActions } from '@weft/openflow/action-encode';
import { type Action, type CtAction, load, type NatAction } from '@weft/openflow/actions';
import { Writer } from '@weft/openflow/buffer';
import { field, type Subfield, subfield } from '@weft/openflow/fields';
import type { Endpoint, LflowAction } from './action-ast.ts';
import type { ActionContext, GroupSpec } from './action-context.ts';
import { LflowError } from './lexer.ts';
import { fieldNames } from './parse-balancing.ts';
import { LogicalField } from './pipeline.ts';
import { toSubfield } from './symbols.ts';

type ActionOfKind<K extends LflowAction['kind']> = LflowAction & { readonly kind: K };
type Bucket = GroupSpec['buckets'][number];

/** Bits of the NAT flags that load balancing leaves in ct_mark or ct_label. */
const NATTED = 2n;
const natFlags = { skip_snat: 4n, force_snat: 8n } as const;

/** `ct_lb` and `ct_lb_mark`: each bucket translates to one backend in `zone`, and goes on in `table`. */
export function balancingGroup(action: ActionOfKind<'ct_lb' | 'ct_lb_mark'>, zone: Subfield, table: number): GroupSpec {
  const store = field(action.kind === 'ct_lb' ? 'ct_label' : 'ct_mark');
  const marks = [NATTED, ...(action.flag === undefined ? [] : [natFlags[action.flag]])].map((bit): Action => {
    const value = store.wide ? bit : Number(bit);
    return { type: 'set_field', field: store, value, mask: value };
  });
  const buckets = action.backends.map((backend): Bucket => {
    const ct: CtAction = { type: 'ct', commit: true, zone, table, actions: [natTo(backend), ...marks] };
    return { weight: 100, watchPort: undefined, actions: [ct] };
  });
  const { hashFields } = action;
  return groupOf(
    buckets,
    hashFields === undefined
      ? { method: 'dp_hash', param: 0n, fields: [] }
      : { method: 'hash', param: 0n, fields: fieldNames(hashFields) },
  );
}

/** `select`: each bucket leaves a member's number, and goes on in `table`. */
export function selectionGroup(action: ActionOfKind<'select'>, table: number): GroupSpec {
  const next: Action = { type: 'resubmit', table };
  const dst = toSubfield(action.dst);
  const buckets = action.members.map(
    ({ id, weight }): Bucket => ({ weight, watchPort: undefined, actions: [load(dst, id), next] }),
  );
  // The parameter's upper half names the hash: 1 is the symmetric one over L4.
  return groupOf(buckets, { method: 'dp_hash', param: 1n << 32n, fields: [] });
}

/** `fwd_group`: each bucket outputs to one port by `table`. None if a port is not known, or its liveness cannot be watched. */
export function forwardingGroup(
  action: ActionOfKind<'fwd_group'>,
  table: number,
  context: Pick<ActionContext, 'lookupPort' | 'lookupTunnel'>,
): GroupSpec | undefined {
  const output: Action = { type: 'resubmit', table };
  const dst = subfield(LogicalField.outport.field, 0, 16);
  const buckets: Bucket[] = [];
  for (const port of action.childPorts) {
    const key = context.lookupPort(port);
    if (key === undefined) return undefined;
    const watchPort = action.liveness ? context.lookupTunnel(port) : undefined;
    if (action.liveness && watchPort === undefined) return undefined;
    buckets.push({ weight: undefined, watchPort, actions: [load(dst, key), output] });
  }
  return groupOf(buckets, { method: 'dp_hash', param: 0n, fields: [] });
}

/** What the buckets of a group may take: 64 kB hold them, and around them a group, how it selects, and a message in a bundle. */
const bucketBytes = 0xffff - 256;

/** Throws LflowError for a group that no message holds. ovn-controller has none in the switch either, but the flow that refers to it. */
function groupOf(buckets: GroupSpec['buckets'], selection: GroupSpec['selection']): GroupSpec {
  const writer = new Writer();
  // Beside its actions, a bucket has a header, a weight, and perhaps a port to watch.
  let size = 0;
  for (const { actions, watchPort } of buckets) {
    putActions(writer, actions);
    size += watchPort === undefined ? 16 : 24;
  }
  if (size + writer.pos > bucketBytes)
    throw new LflowError(`A group of ${buckets.length} members is larger than an OpenFlow message.`, 0);
  const weights = buckets
    .map((bucket) => `${bucket.weight ?? ''}@${bucket.watchPort ?? ''}#${bucket.actions.length}`)
    .join(',');
  const bytes = Buffer.from(writer.copy()).toString('base64');
  const key = `${selection.method}/${selection.param}/${selection.fields.join(',')}/${weights}/${bytes}`;
  return { key, buckets, selection };
}

function natTo(backend: Endpoint): NatAction {
  return {
    type: 'nat',
    direction: 'dst',
    ip: { min: backend.family === 'ipv6' ? BigInt(backend.address) : backend.address },
    ...(backend.port === undefined || backend.port === 0 ? {} : { port: { min: backend.port } }),
  };
}
