/** What `Open_vSwitch.external_ids` says to a controller (ovn-controller(8), "Configuration"). */
import * as z from 'zod';
import { hostname } from './host.ts';

const encapTypes = ['geneve', 'stt', 'vxlan'] as const;
export type EncapType = (typeof encapTypes)[number];

const text = z.string().min(1).optional();
const flag = (byDefault: boolean) => z.stringbool({ truthy: ['true'], falsy: ['false'] }).default(byDefault);
/** Of a probe; 0 turns probes off. */
const interval = (byDefault: number, least: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'expected a whole number')
    .transform((digits) => (Number(digits) === 0 ? 0 : Math.max(Number(digits), least)))
    .default(byDefault);
/** From physical network to what it is given. A MAC has colons too. */
const mappings = (value: RegExp, expected: string) =>
  z
    .array(
      z
        .string()
        .trim()
        .regex(new RegExp(`^[^:]+:${value.source}$`), `expected NETWORK:${expected}`)
        .transform((pair) => [pair.slice(0, pair.indexOf(':')), pair.slice(pair.indexOf(':') + 1)] as const),
    )
    .transform((pairs): ReadonlyMap<string, string> => new Map(pairs))
    .default(new Map());

const settings = z.object({
  hostname: z.string().optional(),
  'ovn-bridge': text.default('br-int'),
  'ovn-bridge-datapath-type': text,
  'ovn-remote': text,
  'ovn-monitor-all': flag(false),
  /** Milliseconds. */
  'ovn-remote-probe-interval': interval(5000, 1000),
  /** Seconds. */
  'ovn-openflow-probe-interval': interval(5, 5),
  'ovn-encap-type': z.array(z.string().trim().pipe(z.enum(encapTypes))).default([]),
  'ovn-encap-ip': z.array(z.string().trim()).default([]),
  'ovn-encap-csum': flag(true),
  'ovn-encap-df_default': text,
  'ovn-encap-tos': text,
  'ovn-set-local-ip': flag(false),
  'ovn-bridge-mappings': mappings(/.+/, 'BRIDGE'),
  'ovn-chassis-mac-mappings': mappings(/[\da-fA-F]{1,2}(?::[\da-fA-F]{1,2}){5}/, 'MAC'),
  'ovn-transport-zones': z.array(z.string()).default([]),
  'ovn-is-interconn': flag(false),
  'ovn-match-northd-version': flag(false),
  'ovn-enable-lflow-cache': flag(true),
});
type Key = keyof z.infer<typeof settings>;

const lists: ReadonlySet<string> = new Set<Key>([
  'ovn-encap-type',
  'ovn-encap-ip',
  'ovn-bridge-mappings',
  'ovn-chassis-mac-mappings',
  'ovn-transport-zones',
]);

/** Keys whose text a chassis publishes in its `other_config` as it stands, and what it publishes if there is none. */
const published = {
  'ovn-bridge-mappings': '',
  'ovn-chassis-mac-mappings': '',
  'ovn-cms-options': '',
  'ovn-enable-lflow-cache': 'true',
  'ovn-limit-lflow-cache': '',
  'ovn-memlimit-lflow-cache-kb': '',
  'ovn-monitor-all': 'false',
  'ovn-trim-limit-lflow-cache': '',
  'ovn-trim-timeout-ms': '',
  'ovn-trim-wmark-perc-lflow-cache': '',
} as const;

export interface ControllerConfig {
  /** The chassis' name. */
  readonly systemId: string;
  readonly hostname: string;
  readonly integrationBridge: string;
  readonly bridgeDatapathType: string | undefined;
  readonly sbRemote: string | undefined;
  readonly encapTypes: readonly EncapType[];
  readonly encapIps: readonly string[];
  /** As the chassis' encapsulations carry it. */
  readonly encapChecksum: string;
  /** Options for tunnel interfaces: `tos`, `df_default`, `local_ip`. */
  readonly tunnelOptions: ReadonlyMap<string, string>;
  /** From physical network to bridge. */
  readonly bridgeMappings: ReadonlyMap<string, string>;
  /** This chassis' MAC for each physical network. */
  readonly macMappings: ReadonlyMap<string, string>;
  readonly transportZones: readonly string[];
  readonly isInterconnection: boolean;
  readonly monitorAll: boolean;
  /** Nothing is to be done while northd is of another version. */
  readonly matchNorthdVersion: boolean;
  /** Seconds, at least 5. 0 turns probes off. */
  readonly openflowProbeInterval: number;
  /** Milliseconds, at least 1000. 0 turns probes off. */
  readonly remoteProbeInterval: number;
  /** As `Chassis.other_config` carries them. */
  readonly published: ReadonlyMap<string, string>;
  /** What is wrong with the configuration, for people. What is wrong is not in the rest. */
  readonly problems: readonly string[];
}

/**
 * Reads the configuration. A key with `-CHASSIS` appended goes before the plain one, so that controllers of several chassis can share a database.
 * `name` is the chassis name from the command line or from `system-id-override`, if there is one. Undefined if the chassis has no name.
 */
export function readConfig(ids: ReadonlyMap<string, string>, name?: string): ControllerConfig | undefined {
  const systemId = name ?? ids.get('system-id');
  if (systemId === undefined || systemId === '') return undefined;
  const keyOf = (key: string): string => (ids.has(`${key}-${systemId}`) ? `${key}-${systemId}` : key);
  const get = (key: string): string | undefined => ids.get(keyOf(key));

  const { values, wrong } = parse(get);
  const problems = wrong.map(
    ({ key, value, message }) => `external_ids:${keyOf(key)}: '${value}' is left out: ${message}`,
  );
  const encapIps = values['ovn-encap-ip'];
  if (values['ovn-set-local-ip'] && encapIps.length > 1)
    problems.push(`external_ids:${keyOf('ovn-encap-ip')}: of several addresses, the tunnels' local_ip is the first`);

  const tunnelOptions = new Map<string, string>();
  const tunnelOption = (option: string, value: string | undefined): void => {
    if (value !== undefined) tunnelOptions.set(option, value);
  };
  tunnelOption('df_default', values['ovn-encap-df_default']);
  tunnelOption('tos', values['ovn-encap-tos']);
  if (values['ovn-set-local-ip']) tunnelOption('local_ip', encapIps[0]);

  return {
    systemId,
    hostname: values.hostname || hostname(),
    integrationBridge: values['ovn-bridge'],
    bridgeDatapathType: values['ovn-bridge-datapath-type'],
    sbRemote: values['ovn-remote'],
    encapTypes: values['ovn-encap-type'],
    encapIps,
    encapChecksum: String(values['ovn-encap-csum']),
    tunnelOptions,
    bridgeMappings: values['ovn-bridge-mappings'],
    macMappings: values['ovn-chassis-mac-mappings'],
    transportZones: values['ovn-transport-zones'],
    isInterconnection: values['ovn-is-interconn'],
    monitorAll: values['ovn-monitor-all'],
    matchNorthdVersion: values['ovn-match-northd-version'],
    openflowProbeInterval: values['ovn-openflow-probe-interval'],
    remoteProbeInterval: values['ovn-remote-probe-interval'],
    published: new Map(Object.entries(published).map(([key, byDefault]) => [key, get(key) ?? byDefault])),
    problems,
  };
}

interface Wrong {
  readonly key: string;
  /** The text of the key, or of the item of its list. */
  readonly value: string;
  readonly message: string;
}

/** The settings that hold, and those that do not. Of a list only the items that are wrong are left out. */
function parse(get: (key: string) => string | undefined): {
  values: z.infer<typeof settings>;
  wrong: readonly Wrong[];
} {
  const given = new Map<string, string | readonly string[]>();
  for (const key of Object.keys(settings.shape)) {
    const value = get(key);
    if (value !== undefined) given.set(key, lists.has(key) ? value.split(',').filter((item) => item !== '') : value);
  }
  const result = settings.safeParse(Object.fromEntries(given));
  if (result.success) return { values: result.data, wrong: [] };

  const wrong = result.error.issues.map(({ path, message }): Wrong => {
    const [key, index] = path as [string, number?];
    const value = given.get(key) ?? '';
    return { key, value: typeof value === 'string' ? value : (value[index ?? 0] ?? ''), message };
  });
  for (const { key, value } of wrong) {
    const all = given.get(key);
    if (Array.isArray(all))
      given.set(
        key,
        all.filter((item) => item !== value),
      );
    else given.delete(key);
  }
  return { values: settings.parse(Object.fromEntries(given)), wrong };
}

/** The pairs of a mapping that another chassis publishes. */
export function parsePairs(text: string | undefined): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const item of (text ?? '').split(',')) {
    const colon = item.indexOf(':');
    if (colon > 0) pairs.set(item.slice(0, colon).trim(), item.slice(colon + 1).trim());
  }
  return pairs;
}
