/** Flows, groups and meters in `ovs-ofctl` syntax (ovs-ofctl(8), "Flow Syntax", "Group Syntax", "Meter Syntax"). */
import type { Action } from './actions.ts';
import { fieldByName } from './fields.ts';
import type { Bucket, Flow, FlowFlag, FlowMod, Group, GroupSelection, Meter, MeterBand, MeterFlag } from './flow.ts';
import { Match } from './match.ts';
import { formatActions } from './text-actions.ts';
import { actionsAt } from './text-actions-parse.ts';
import { formatMatch, matchFromItems } from './text-match.ts';
import { type Item, items, type Parsed, parseBig, parseInteger, parsing, TextParseError } from './text-scan.ts';
import { formatPort, formatValue, type PortNames, parsePort, parseValue } from './text-value.ts';
import { FLOW_FLAGS, GROUP_TYPES, METER_FLAGS } from './wire.ts';

const U16 = 0xffff;
const U32 = 0xffffffff;

/** What `dump-flows` prints of a flow beside the flow: ignored by the parser. */
const STATISTICS: ReadonlySet<string> = new Set([
  'duration',
  'n_packets',
  'n_bytes',
  'idle_age',
  'hard_age',
  'reset_counts_since',
]);

/** A flow, as `ovs-ofctl add-flow` takes it. */
export function formatFlow(flow: Flow): string {
  const parts: string[] = [];
  if (flow.cookie !== 0n) parts.push(`cookie=0x${flow.cookie.toString(16)}`);
  parts.push(`table=${flow.table}`);
  if ((flow.idleTimeout ?? 0) !== 0) parts.push(`idle_timeout=${flow.idleTimeout}`);
  if ((flow.hardTimeout ?? 0) !== 0) parts.push(`hard_timeout=${flow.hardTimeout}`);
  if ((flow.importance ?? 0) !== 0) parts.push(`importance=${flow.importance}`);
  for (const flag of flow.flags ?? []) parts.push(flag);
  if (flow.priority !== 32768) parts.push(`priority=${flow.priority}`);
  const match = formatMatch(flow.match);
  if (match !== '') parts.push(match);
  return `${parts.join(',')} actions=${formatActions(flow.actions)}`;
}

function integer(item: Item, max: number): number {
  return parseInteger(item.value ?? '', max, item.valueOffset);
}

function parseFlowAt(text: string, names: PortNames | undefined): FlowMod {
  const at = text.search(/\bactions?=/);
  const head = at < 0 ? text : text.slice(0, at);
  const actionsStart = at < 0 ? text.length : text.indexOf('=', at) + 1;
  let mod: FlowMod = { command: 'add', table: 0, priority: 32768, cookie: 0n, match: Match.any, actions: [] };
  const flags: FlowFlag[] = [];
  const match: Item[] = [];
  for (const item of items(head)) {
    if (STATISTICS.has(item.key)) continue;
    const flag = FLOW_FLAGS.find((name) => name === item.key);
    if (flag !== undefined) flags.push(flag);
    else if (item.key === 'table') mod = { ...mod, table: integer(item, 255) };
    else if (item.key === 'priority') mod = { ...mod, priority: integer(item, U16) };
    else if (item.key === 'idle_timeout') mod = { ...mod, idleTimeout: integer(item, U16) };
    else if (item.key === 'hard_timeout') mod = { ...mod, hardTimeout: integer(item, U16) };
    else if (item.key === 'importance') mod = { ...mod, importance: integer(item, U16) };
    else if (item.key === 'out_port') mod = { ...mod, outPort: parsePort(item.value ?? '', item.valueOffset, names) };
    else if (item.key === 'out_group') mod = { ...mod, outGroup: integer(item, U32) };
    else if (item.key === 'cookie') {
      const [value = '', mask] = (item.value ?? '').split('/');
      const all = mask === '-1' || mask === undefined ? 0xffffffffffffffffn : parseBig(mask, 64, item.valueOffset);
      mod = {
        ...mod,
        cookie: parseBig(value, 64, item.valueOffset),
        ...(mask === undefined ? {} : { cookieMask: all }),
      };
    } else match.push(item);
  }
  const actions: Action[] = at < 0 ? [] : actionsAt(text.slice(actionsStart), actionsStart, names);
  return {
    ...mod,
    match: matchFromItems(match, names),
    actions,
    ...(flags.length === 0 ? {} : { flags: FLOW_FLAGS.filter((flag) => flags.includes(flag)) }),
  };
}

/** Parses a flow as `ovs-ofctl add-flow` takes it and `dump-flows` prints it (statistics are ignored). */
export function parseFlow(text: string, names?: PortNames): Parsed<FlowMod> {
  return parsing(() => parseFlowAt(text, names));
}

function formatSelection(selection: GroupSelection): string {
  let out = '';
  if (selection.method !== '') out += `,selection_method=${selection.method}`;
  if (selection.param !== 0n) out += `,selection_method_param=${selection.param}`;
  if (selection.fields.length > 0) {
    const fields = selection.fields.map(({ field, mask }) =>
      mask === undefined ? field.name : `${field.name}=${formatValue(field, mask, undefined)}`,
    );
    out +=
      selection.fields.length === 1 && !fields[0]?.includes('=')
        ? `,fields=${fields[0]}`
        : `,fields(${fields.join(',')})`;
  }
  return out;
}

/** A group, as `ovs-ofctl add-group` takes it. */
export function formatGroup(group: Group): string {
  let out = `group_id=${group.id},type=${group.type}`;
  if (group.selection !== undefined) out += formatSelection(group.selection);
  for (const bucket of group.buckets) {
    out += `,bucket=bucket_id:${bucket.id}`;
    if (bucket.weight !== undefined) out += `,weight:${bucket.weight}`;
    if (bucket.watchPort !== undefined) out += `,watch_port:${formatPort(bucket.watchPort)}`;
    if (bucket.watchGroup !== undefined) out += `,watch_group:${bucket.watchGroup}`;
    out += `,actions=${formatActions(bucket.actions)}`;
  }
  return out;
}

function parseBucket(text: string, offset: number, index: number, select: boolean, names?: PortNames): Bucket {
  const at = text.search(/\bactions[=:]/);
  const head = at < 0 ? text : text.slice(0, at);
  let id = index;
  let weight: number | undefined = select ? 1 : undefined;
  let watchPort: number | undefined;
  let watchGroup: number | undefined;
  const loose: string[] = [];
  for (const item of items(head, offset)) {
    if (item.key === 'bucket_id') id = integer(item, U32);
    else if (item.key === 'weight') weight = integer(item, U16);
    else if (item.key === 'watch_port') watchPort = parsePort(item.value ?? '', item.valueOffset, names);
    else if (item.key === 'watch_group') watchGroup = integer(item, U32);
    else loose.push(item.value === undefined ? item.key : `${item.key}:${item.value}`);
  }
  if (at < 0 && loose.length > 0) throw new TextParseError(`unknown part of a bucket: ${loose[0]}`, offset);
  const start = at + 'actions='.length;
  const actions = at < 0 ? [] : actionsAt(text.slice(start).replace(/,\s*$/, ''), offset + start, names);
  return {
    id,
    ...(weight === undefined ? {} : { weight }),
    ...(watchPort === undefined ? {} : { watchPort }),
    ...(watchGroup === undefined ? {} : { watchGroup }),
    actions,
  };
}

/** Parses a group as `ovs-ofctl add-group` takes it and `dump-groups` prints it. */
export function parseGroup(text: string, names?: PortNames): Parsed<Group> {
  return parsing(() => {
    const starts = [...text.matchAll(/(?:^|[,\s])buckets?=/g)].map((m) => m.index + m[0].length);
    const first = text.search(/(?:^|[,\s])buckets?=/);
    let id: number | undefined;
    let type: Group['type'] | undefined;
    let method = '';
    let param = 0n;
    const fields: GroupSelection['fields'][number][] = [];
    for (const item of items(first < 0 ? text : text.slice(0, first))) {
      if (item.key === 'group_id') id = integer(item, U32);
      else if (item.key === 'type') {
        type = GROUP_TYPES.find((name) => name === item.value || (name === 'ff' && item.value === 'fast_failover'));
        if (type === undefined) throw new TextParseError(`no type of group is named ${item.value}`, item.valueOffset);
      } else if (item.key === 'selection_method') method = item.value ?? '';
      else if (item.key === 'selection_method_param') param = parseBig(item.value ?? '', 64, item.valueOffset);
      else if (item.key === 'fields') {
        for (const part of items(item.value ?? '', item.valueOffset)) {
          const f = fieldByName(part.key);
          if (f === undefined) throw new TextParseError(`${part.key} names no field`, part.offset);
          if (part.value === undefined) fields.push({ field: f });
          else {
            const { value } = parseValue(f, part.value, part.valueOffset);
            fields.push(value === f.ones ? { field: f } : { field: f, mask: value });
          }
        }
      } else throw new TextParseError(`a group has no ${item.key}`, item.offset);
    }
    if (id === undefined) throw new TextParseError('a group needs group_id=N', 0);
    if (type === undefined) throw new TextParseError('a group needs type=TYPE', 0);
    const groupType = type;
    const buckets = starts.map((start, i) => {
      const next = starts[i + 1];
      const end = next === undefined ? text.length : text.lastIndexOf('bucket', next - 1);
      return parseBucket(text.slice(start, end).replace(/[,\s]+$/, ''), start, i, groupType === 'select', names);
    });
    const selected = method !== '' || param !== 0n || fields.length > 0;
    return { id, type: groupType, buckets, ...(selected ? { selection: { method, param, fields } } : {}) };
  });
}

/** A meter, as `ovs-ofctl add-meter` takes it. */
export function formatMeter(meter: Meter): string {
  const bands = meter.bands.map((band) => {
    let out = `type=${band.type} rate=${band.rate}`;
    if (meter.flags.includes('burst')) out += ` burst_size=${band.burstSize}`;
    if (band.type === 'dscp_remark') out += ` prec_level=${band.precLevel ?? 0}`;
    return out;
  });
  return `meter=${meter.id} ${meter.flags.join(' ')} bands=${bands.join(' ')}`;
}

/** Parses a meter as `ovs-ofctl add-meter` takes it and `dump-meters` prints it. */
export function parseMeter(text: string): Parsed<Meter> {
  return parsing(() => {
    const at = text.search(/\bbands?=/);
    const head = at < 0 ? text : text.slice(0, at);
    let id: number | undefined;
    const flags: MeterFlag[] = [];
    for (const item of items(head)) {
      const flag = METER_FLAGS.find((name) => name === item.key);
      if (flag !== undefined) flags.push(flag);
      else if (item.key === 'meter') id = integer(item, U32);
      else throw new TextParseError(`a meter has no ${item.key}`, item.offset);
    }
    if (id === undefined) throw new TextParseError('a meter needs meter=N', 0);
    const bands: MeterBand[] = [];
    if (at >= 0) {
      const start = text.indexOf('=', at) + 1;
      for (const item of items(text.slice(start), start)) {
        if (item.key === 'type') {
          if (item.value !== 'drop' && item.value !== 'dscp_remark') {
            throw new TextParseError(`no band has the type ${item.value}`, item.valueOffset);
          }
          bands.push(
            item.value === 'drop'
              ? { type: 'drop', rate: 0, burstSize: 0 }
              : { type: 'dscp_remark', rate: 0, burstSize: 0, precLevel: 0 },
          );
          continue;
        }
        const band = bands.pop();
        if (band === undefined) throw new TextParseError('a band begins with its type', item.offset);
        if (item.key === 'rate') bands.push({ ...band, rate: integer(item, U32) });
        else if (item.key === 'burst_size') bands.push({ ...band, burstSize: integer(item, U32) });
        else if (item.key === 'prec_level') bands.push({ ...band, precLevel: integer(item, 255) });
        else throw new TextParseError(`a band has no ${item.key}`, item.offset);
      }
    }
    return { id, flags: METER_FLAGS.filter((flag) => flags.includes(flag)), bands };
  });
}
