/** Samples of the packets that physical flows drop (ovn-sb(5), SB_Global options:debug_drop_collector_set and debug_drop_domain_id). */
import type { Action } from '@weft/openflow/actions';
import type { Flow } from '@weft/openflow/flow';
import type { Model } from '../model/model.ts';

/** Of all packets. */
const always = 65535;

/**
 * Gives flows that drop an action that takes a sample instead, if the southbound database asks for it and the switch has the set of collectors. What is no
 * decimal number is read as 0, as ovn-controller does.
 */
export function dropSampler(model: Model): (flows: readonly Flow[]) => readonly Flow[] {
  const option = (name: string): number => {
    for (const { options } of model.tables.sb.SB_Global.rows()) {
      const text = options.get(name) ?? '';
      return /^\d+$/.test(text) ? Number(text) : 0;
    }
    return 0;
  };
  const wanted = model.runtime.memo('set of collectors for what is dropped', (_: 0) => {
    const id = option('debug_drop_collector_set');
    return id > 0 && id <= 0xffffffff && model.hasCollectorSet(id) ? id : undefined;
  });
  const domain = model.runtime.memo(
    'domain of what is dropped',
    (_: 0) => (option('debug_drop_domain_id') << 24) >>> 0,
  );
  return (flows) => {
    if (flows.every((flow) => flow.actions.length > 0)) return flows;
    const collectorSetId = wanted(0);
    if (collectorSetId === undefined) return flows;
    const obsDomainId = domain(0);
    const sample = (table: number): readonly Action[] => [
      { type: 'sample', probability: always, collectorSetId, obsDomainId, obsPointId: table },
    ];
    return flows.map((flow) => (flow.actions.length > 0 ? flow : { ...flow, actions: sample(flow.table) }));
  };
}
