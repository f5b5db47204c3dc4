/** What `Open_vSwitch.external_ids` says to a controller (ovn-controller(8), "Configuration"). */
import { hostname } from './host.ts';

export type EncapType = 'geneve' | 'vxlan' | 'stt';

export interface ControllerConfig {
  /** The chassis' name. */
  readonly systemId: string;
  readonly integrationBridge: string;
  readonly bridgeDatapathType: string | undefined;
  readonly sbRemote: string | undefined;
  readonly encapTypes: readonly EncapType[];
  readonly encapIps: readonly string[];
  readonly encapChecksum: boolean;
  /** Options for tunnel interfaces: `tos`, `df_default`. */
  readonly tunnelOptions: ReadonlyMap<string, string>;
  /** From physical network to bridge. */
  readonly bridgeMappings: ReadonlyMap<string, string>;
  /** This chassis' MAC for each physical network. */
  readonly macMappings: ReadonlyMap<string, string>;
  readonly monitorAll: boolean;
  /** Seconds. 0 turns probes off. */
  readonly openflowProbeInterval: number;
  /** Milliseconds. 0 turns probes off. */
  readonly remoteProbeInterval: number;
  readonly hostname: string;
  /** As `Chassis.other_config` carries them. */
  readonly raw: Readonly<Record<PublishedKey, string>>;
}

/** Keys whose text a chassis publishes in its `other_config`, as it stands. */
const publishedKeys = [
  'ovn-bridge-mappings',
  'ovn-chassis-mac-mappings',
  'ovn-cms-options',
  'ovn-limit-lflow-cache',
  'ovn-memlimit-lflow-cache-kb',
  'ovn-trim-limit-lflow-cache',
  'ovn-trim-wmark-perc-lflow-cache',
  'ovn-trim-timeout-ms',
] as const;
type PublishedKey = (typeof publishedKeys)[number];

const encapTypes: readonly string[] = ['geneve', 'vxlan', 'stt'];

/**
 * Reads the configuration. A key with `-CHASSIS` appended goes before the plain one, so that controllers of several chassis can share a database.
 * `name` is the chassis name from the command line, if there is one. Undefined if the machine has no `system-id`.
 */
export function readConfig(ids: ReadonlyMap<string, string>, name?: string): ControllerConfig | undefined {
  const systemId = name ?? ids.get('system-id');
  if (systemId === undefined || systemId === '') return undefined;
  const get = (key: string) => ids.get(`${key}-${systemId}`) ?? ids.get(key);
  const list = (key: string) =>
    (get(key) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  const tunnelOptions = new Map<string, string>();
  for (const option of ['df_default', 'tos']) setIfPresent(tunnelOptions, option, get(`ovn-encap-${option}`));
  return {
    systemId,
    integrationBridge: get('ovn-bridge') ?? 'br-int',
    bridgeDatapathType: get('ovn-bridge-datapath-type'),
    sbRemote: get('ovn-remote'),
    encapTypes: list('ovn-encap-type').filter((type): type is EncapType => encapTypes.includes(type)),
    encapIps: list('ovn-encap-ip'),
    encapChecksum: get('ovn-encap-csum') !== 'false',
    tunnelOptions,
    bridgeMappings: parsePairs(get('ovn-bridge-mappings')),
    macMappings: parsePairs(get('ovn-chassis-mac-mappings')),
    monitorAll: get('ovn-monitor-all') === 'true',
    openflowProbeInterval: toNumber(get('ovn-openflow-probe-interval'), 5),
    remoteProbeInterval: toNumber(get('ovn-remote-probe-interval'), 5000),
    hostname: get('hostname') ?? hostname(),
    raw: Object.fromEntries(publishedKeys.map((key) => [key, get(key) ?? ''])) as Record<PublishedKey, string>,
  };
}

function setIfPresent(map: Map<string, string>, key: string, value: string | undefined): void {
  if (value !== undefined) map.set(key, value);
}

/** `a:b,c:d` as a map. The value may contain colons: a MAC does. Pairs without a colon are left out. */
export function parsePairs(text: string | undefined): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const item of (text ?? '').split(',')) {
    const colon = item.indexOf(':');
    if (colon > 0) pairs.set(item.slice(0, colon).trim(), item.slice(colon + 1).trim());
  }
  return pairs;
}

function toNumber(text: string | undefined, fallback: number): number {
  const value = text === undefined || text === '' ? Number.NaN : Number(text);
  return Number.isInteger(value) && value >= 0 ? value : fallback;
}
