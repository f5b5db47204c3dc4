/** A table's rows in the wire format of RFC 7047, section 5.1. */
export interface RawTable {
  readonly name: string;
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

/** Lines by table name: each line is one row (one row and datapath, for logical flows), sorted. */
export type Normalised = ReadonlyMap<string, readonly string[]>;

const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** Columns whose value may be any, as long as both sides have one: allocations and clocks. */
const anyValue = new Set([
  'Datapath_Binding.tunnel_key',
  'Port_Binding.tunnel_key',
  'NB_Global.nb_cfg_timestamp',
  'NB_Global.sb_cfg_timestamp',
  'NB_Global.hv_cfg_timestamp',
]);

/** Rows of these tables have no meaning of their own: they are told by what refers to them. */
const folded = new Set(['Logical_DP_Group']);

export interface NormaliseOptions {
  /**
   * Whether `stage-hint` counts. Where several rows of NB want one and the same flow, it names any of them.
   */
  readonly hints?: boolean;
}

/**
 * Puts the rows of a northbound and a southbound database in a form that does not depend on uuids, allocated tunnel keys, the grouping of
 * datapaths, and where in its source northd made a flow (`external_ids:source`).
 */
export function normalise(
  nb: readonly RawTable[],
  sb: readonly RawTable[],
  options: NormaliseOptions = {},
): Normalised {
  const names = new Map<string, string>();
  const hints = new Map<string, string>();
  for (const table of nb) {
    for (const row of table.rows) {
      const name = `${table.name}(${rowName(table.name, row)})`;
      names.set(uuidOf(row), name);
      hints.set(uuidOf(row).slice(0, 8), name);
    }
  }
  for (const table of sb) {
    for (const row of table.rows) {
      names.set(uuidOf(row), `${table.name}(${rowName(table.name, row)})`);
      // Some hints point at rows that northd itself made (multicast groups, load balancers).
      hints.set(uuidOf(row).slice(0, 8), `${table.name}(${rowName(table.name, row)})`);
    }
  }
  // Sets are sorted by these names, so no uuid may be left in them.
  for (const [uuid, name] of names) names.set(uuid, resolveNames(name, names));
  const datapathByKey = new Map(
    tableOf(sb, 'Datapath_Binding').map((row) => [String(row.tunnel_key), mapOf(row.external_ids).get('name')]),
  );
  const out = new Map<string, string[]>();
  for (const table of [...nb, ...sb]) {
    if (folded.has(table.name) || table.name === 'Logical_Flow') continue;
    const side = nb.includes(table) ? 'NB' : 'SB';
    const lines = table.rows.map((row) =>
      Object.keys(row)
        .filter((column) => !column.startsWith('_'))
        .sort()
        .map((column) => `${column}=${canonicalColumn(table.name, column, row[column], names)}`)
        .join(' '),
    );
    const named = lines.map((line) => {
      // The addresses that a gateway announces together are in no order.
      if (side === 'SB' && table.name === 'Port_Binding') return sortAnnounced(line);
      // A southbound port group is named by the tunnel key of its datapath.
      if (side === 'SB' && table.name === 'Port_Group') {
        return line.replace(/name="(\d+)_/, (_, key: string) => `name="<${datapathByKey.get(key) ?? key}>_`);
      }
      return line;
    });
    out.set(`${side} ${table.name}`, named.map((line) => resolveNames(line, names)).sort());
  }
  out.set('SB Logical_Flow', flows(sb, names, options.hints === false ? undefined : hints));
  return out;
}

function flows(
  sb: readonly RawTable[],
  names: ReadonlyMap<string, string>,
  hints: ReadonlyMap<string, string> | undefined,
): string[] {
  const groups = new Map<string, readonly string[]>();
  for (const row of tableOf(sb, 'Logical_DP_Group')) groups.set(uuidOf(row), refs(row.datapaths));
  const lines: string[] = [];
  const numbers = new Numbers();
  for (const row of tableOf(sb, 'Logical_Flow')) {
    for (const datapath of datapathsOf(row, groups))
      numbers.learn(datapath, stageOf(row), String(row.match), String(row.actions));
  }
  for (const row of tableOf(sb, 'Logical_Flow')) {
    const ids = mapOf(row.external_ids);
    const stage = stageOf(row);
    const hint = ids.get('stage-hint');
    const others = [...ids].filter(([key]) => key !== 'stage-name' && key !== 'stage-hint' && key !== 'source');
    const match = String(row.match).replace(
      /eth\.src == \{([^}]*)\}/,
      (_, macs: string) => `eth.src == {${macs.split(', ').sort().join(', ')}}`,
    );
    const flow = [
      row.pipeline,
      `table=${String(row.table_id)}(${stage})`,
      `priority=${String(row.priority)}`,
      `match=(${match})`,
      `action=(${String(row.actions)})`,
      hint === undefined || hints === undefined ? '' : `hint=${hints.get(hint) ?? `unknown ${hint}`}`,
      canonical(row.controller_meter, names) === '{}' ? '' : `meter=${canonical(row.controller_meter, names)}`,
      canonical(row.tags, names) === '{}' ? '' : `tags=${canonical(row.tags, names)}`,
      row.hash === undefined || row.hash === 0 ? '' : `hash=${String(row.hash)}`,
      others.length === 0 ? '' : `ids=${JSON.stringify(others)}`,
    ]
      .filter((part) => part !== '')
      .join(' ');
    for (const datapath of datapathsOf(row, groups)) {
      // A group may name a datapath that was deleted a moment ago: C leaves those, and no chassis sees them.
      if (!names.has(datapath)) continue;
      lines.push(resolveNames(`${names.get(datapath) ?? datapath} ${numbers.replace(datapath, stage, flow)}`, names));
    }
  }
  return lines.sort();
}

function sortAnnounced(line: string): string {
  return line.replace(/nat_addresses=.*? options=/, (column) =>
    column.replace(/(?<=[0-9a-f]{2} )[0-9.]+( [0-9.]+)+/g, (ips) => ips.split(' ').sort().join(' ')),
  );
}

function stageOf(row: Readonly<Record<string, unknown>>): string {
  return mapOf(row.external_ids).get('stage-name') ?? '?';
}

function datapathsOf(row: Readonly<Record<string, unknown>>, groups: ReadonlyMap<string, readonly string[]>): string[] {
  return [...refs(row.logical_datapath), ...refs(row.logical_dp_group).flatMap((group) => groups.get(group) ?? ['?'])];
}

/**
 * Numbers within flows that northd allocates per router: ECMP groups (told by the match of the route or policy), their members (told by the flow's
 * actions), and route tables (told by the ports that use them).
 */
class Numbers {
  readonly #groups = new Map<string, string>();
  readonly #tables = new Map<string, string[]>();

  learn(datapath: string, stage: string, match: string, actions: string): void {
    const group = /reg8\[0\.\.15\] = (\d+); reg8\[16\.\.31\] = select\(/.exec(actions);
    if (group !== null) this.#groups.set(groupKey(datapath, stage, group[1] ?? ''), match);
    const table = /^reg7 = ([1-9]\d*);/.exec(actions);
    if (table !== null) {
      const key = `${datapath} ${table[1]}`;
      this.#tables.set(key, [...(this.#tables.get(key) ?? []), match].sort());
    }
  }

  replace(datapath: string, stage: string, flow: string): string {
    const table = (id: string) =>
      id === '0' ? id : `<${this.#tables.get(`${datapath} ${id}`)?.join(' ') ?? 'unused'}>`;
    const group = (id: string) => {
      const match = this.#groups.get(groupKey(datapath, stage, id)) ?? '?';
      return `<${match.replace(/reg7 == (\d+)/g, (_, t: string) => `reg7 == ${table(t)}`)}>`;
    };
    return flow
      .replace(/reg8\[0\.\.15\] == (\d+) && reg8\[16\.\.31\] == \d+/g, (_, id: string) => `group ${group(id)} member`)
      .replace(
        /reg8\[0\.\.15\] = (\d+); (reg8\[16\.\.31\] = select\()/g,
        (_, id: string, select: string) => `reg8[0..15] = ${group(id)}; ${select}`,
      )
      .replace(/reg7 (==?) (\d+)/g, (_, op: string, id: string) => `reg7 ${op} ${table(id)}`);
  }
}

/** Routes and policies number their groups apart. */
const groupKey = (datapath: string, stage: string, id: string): string =>
  `${datapath} ${stage.includes('policy') ? 'policy' : 'route'} ${id}`;

/** What a person would call the row: the first of its naming columns, or all of it. */
function rowName(table: string, row: Readonly<Record<string, unknown>>): string {
  if (table === 'Datapath_Binding') return mapOf(row.external_ids).get('name') ?? '?';
  if (table === 'Multicast_Group') return `${String(row.name)} of ${canonical(row.datapath, new Map())}`;
  for (const column of ['name', 'logical_port', 'target', 'chassis_name', 'table']) {
    const value = row[column];
    if (typeof value === 'string' && value !== '') return value;
  }
  return Object.keys(row)
    .filter((column) => !column.startsWith('_'))
    .sort()
    .map((column) => `${column}=${canonical(row[column], new Map())}`)
    .join(' ');
}

function canonicalColumn(table: string, column: string, value: unknown, names: ReadonlyMap<string, string>): string {
  if (anyValue.has(`${table}.${column}`)) return value === 0 ? '0' : '*';
  return canonical(value, names);
}

function canonical(value: unknown, names: ReadonlyMap<string, string>): string {
  if (!Array.isArray(value)) return JSON.stringify(value);
  const [tag, body] = value as [string, unknown];
  if (tag === 'uuid') return names.get(String(body)) ?? String(body);
  const items = body as readonly unknown[];
  if (tag === 'set')
    return `{${items
      .map((item) => canonical(item, names))
      .sort()
      .join(', ')}}`;
  const pairs = items as readonly (readonly [unknown, unknown])[];
  return `{${pairs
    .map(([k, v]) => `${canonical(k, names)}: ${canonical(v, names)}`)
    .sort()
    .join(', ')}}`;
}

/** Names may hold uuids in turn (a multicast group is named by its datapath), so this repeats until nothing is left to name. */
function resolveNames(line: string, names: ReadonlyMap<string, string>): string {
  for (let depth = 0; depth < 4; depth++) {
    const next = line.replace(uuidPattern, (uuid) => names.get(uuid) ?? uuid);
    if (next === line) return line;
    line = next;
  }
  return line;
}

function tableOf(tables: readonly RawTable[], name: string): RawTable['rows'] {
  return tables.find((table) => table.name === name)?.rows ?? [];
}

function uuidOf(row: Readonly<Record<string, unknown>>): string {
  return refs(row._uuid)[0] ?? '';
}

function refs(value: unknown): string[] {
  if (!Array.isArray(value)) return [];
  const [tag, body] = value as [string, unknown];
  return tag === 'uuid' ? [String(body)] : (body as unknown[]).flatMap(refs);
}

function mapOf(value: unknown): Map<string, string> {
  if (!Array.isArray(value)) return new Map();
  return new Map((value as [string, [string, string][]])[1]);
}
