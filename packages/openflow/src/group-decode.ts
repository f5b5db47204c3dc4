/** Bytes to groups and meters (OpenFlow 1.5.1 sections 7.3.4.3, 7.3.4.4, 7.3.5.10 and 7.3.5.13). */
import { readActions } from './action-decode.ts';
import type { Reader } from './buffer.ts';
import { pick, readProperties, text } from './decode-helpers.ts';
import type { Field, FieldValue } from './fields.ts';
import type { Bucket, Group, GroupSelection, Meter, MeterBand } from './flow.ts';
import type { Message } from './messages.ts';
import { readOxm } from './oxm.ts';
import {
  BUCKET_WATCH_GROUP,
  BUCKET_WATCH_PORT,
  BUCKET_WEIGHT,
  flagNames,
  GROUP_ADD_OR_MOD,
  GROUP_COMMANDS,
  GROUP_TYPES,
  METER_COMMANDS,
  METER_FLAGS,
  NTR_VENDOR,
} from './wire.ts';

function readBucket(r: Reader): Bucket {
  const start = r.pos;
  const length = r.u16();
  const actionsLength = r.u16();
  const id = r.u32();
  if (r.ok && length < 8) r.fail(`a bucket cannot be ${length} bytes long`, start);
  const outer = r.enter(start, length);
  const inner = r.enter(r.pos, actionsLength);
  const actions = readActions(r);
  r.leave(inner);
  let weight: number | undefined;
  let watchPort: number | undefined;
  let watchGroup: number | undefined;
  readProperties(r, 'a bucket', (type) => {
    if (type === BUCKET_WEIGHT) weight = r.u16();
    else if (type === BUCKET_WATCH_PORT) watchPort = r.u32();
    else if (type === BUCKET_WATCH_GROUP) watchGroup = r.u32();
    else return false;
  });
  r.leave(outer);
  return {
    id,
    ...(weight === undefined ? {} : { weight }),
    ...(watchPort === undefined || watchPort === 0xffffffff ? {} : { watchPort }),
    ...(watchGroup === undefined || watchGroup === 0xffffffff ? {} : { watchGroup }),
    actions,
  };
}

function readBuckets(r: Reader, length: number): Bucket[] {
  const buckets: Bucket[] = [];
  const outer = r.enter(r.pos, length);
  while (r.ok && r.remaining > 0) buckets.push(readBucket(r));
  r.leave(outer);
  return buckets;
}

/** Reads a group's properties, of which the selection method is the only one. */
function readSelection(r: Reader): GroupSelection | undefined {
  let selection: GroupSelection | undefined;
  readProperties(r, 'a group', (type) => {
    const vendor = r.u32();
    const kind = r.u32();
    r.skip(4);
    if (type !== 0xffff || vendor !== NTR_VENDOR || kind !== 1) return false;
    const method = text(r.take(16));
    const param = r.u64();
    const fields: { field: Field; mask?: FieldValue }[] = [];
    while (r.ok && r.remaining > 0) {
      const term = readOxm(r);
      if (term === undefined) break;
      const { field, value } = term;
      fields.push(value === field.ones ? { field } : { field, mask: value });
    }
    selection = { method, param, fields };
  });
  return selection;
}

/** Body of an OFPT_GROUP_MOD (OpenFlow 1.5.1 section 7.3.4.3). Errors stay in the reader. */
export function readGroupMod(r: Reader): Message {
  const code = r.u16();
  const command = code === GROUP_ADD_OR_MOD ? 'add_or_mod' : pick(r, GROUP_COMMANDS, code, 'group command');
  const type = pick(r, GROUP_TYPES, r.u8(), 'group type');
  r.skip(1);
  const id = r.u32();
  const length = r.u16();
  r.skip(2);
  const commandBucket = r.u32();
  const buckets = readBuckets(r, length);
  const selection = readSelection(r);
  return {
    type: 'group_mod',
    mod: {
      command,
      id,
      type,
      buckets,
      ...(commandBucket === 0xffffffff ? {} : { commandBucket }),
      ...(selection === undefined ? {} : { selection }),
    },
  };
}

/** One entry of a group description reply (OpenFlow 1.5.1 section 7.3.5.10). Errors stay in the reader. */
export function readGroupDesc(r: Reader): Group {
  const start = r.pos;
  const length = r.u16();
  const type = pick(r, GROUP_TYPES, r.u8(), 'group type');
  r.skip(1);
  const id = r.u32();
  const bucketsLength = r.u16();
  r.skip(6);
  const outer = r.enter(start, length);
  const buckets = readBuckets(r, bucketsLength);
  const selection = readSelection(r);
  r.leave(outer);
  return { id, type, buckets, ...(selection === undefined ? {} : { selection }) };
}

function readBands(r: Reader): MeterBand[] {
  const bands: MeterBand[] = [];
  while (r.ok && r.remaining > 0) {
    const start = r.pos;
    const type = r.u16();
    const length = r.u16();
    if (r.ok && length < 4) r.fail(`a meter band cannot be ${length} bytes long`, start);
    if (r.ok && type !== 1 && type !== 2) r.fail(`unknown meter band ${type}`, start);
    const outer = r.enter(start, length);
    const rate = r.u32();
    const burstSize = r.u32();
    const precLevel = r.u8();
    r.leave(outer);
    bands.push(type === 1 ? { type: 'drop', rate, burstSize } : { type: 'dscp_remark', rate, burstSize, precLevel });
  }
  return bands;
}

/** Body of an OFPT_METER_MOD (OpenFlow 1.5.1 section 7.3.4.5). Errors stay in the reader. */
export function readMeterMod(r: Reader): Message {
  const command = pick(r, METER_COMMANDS, r.u16(), 'meter command');
  const flags = flagNames(METER_FLAGS, r.u16());
  const id = r.u32();
  return { type: 'meter_mod', mod: { command, id, flags, bands: readBands(r) } };
}

/** One entry of a meter description reply (OpenFlow 1.5.1 section 7.3.5.14). Errors stay in the reader. */
export function readMeterConfig(r: Reader): Meter {
  const start = r.pos;
  const length = r.u16();
  const flags = flagNames(METER_FLAGS, r.u16());
  const id = r.u32();
  const outer = r.enter(start, length);
  const bands = readBands(r);
  r.leave(outer);
  return { id, flags, bands };
}
