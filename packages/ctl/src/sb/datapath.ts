/** How datapaths are named in output. */
import type { SbRow } from '@weft/schemas/sb';

export type Datapath = Pick<SbRow<'Datapath_Binding'>, '_uuid' | 'external_ids' | 'tunnel_key'>;

/** `"name" aka "name2"`, of which either may be missing; an empty one is there. */
export function datapathName({ external_ids: ids }: Datapath): string {
  return ['name', 'name2'].flatMap((key) => (ids.has(key) ? [`"${ids.get(key)}"`] : [])).join(' aka ');
}

/** `"name" aka "name2" (uuid)`. */
export function datapathTitle(datapath: Datapath): string {
  return `${datapathName(datapath)} (${datapath._uuid})`;
}
