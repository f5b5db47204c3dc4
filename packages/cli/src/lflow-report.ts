/** What `weft lflow` says of a text, for people and for programs. */
import {
  type CompileError,
  Compiler,
  type Cost,
  type GroupSpec,
  type MatchContext,
  type MatchFlow,
  type MeterSpec,
} from '@weft/lflow/compile';
import { withConjunctionId } from '@weft/lflow/flows';
import { printActions } from '@weft/lflow/print-actions';
import { printMatch } from '@weft/lflow/print-match';
import { expandTemplate } from '@weft/lflow/template';
import { formatActions } from '@weft/openflow/text-actions';
import { formatMatch } from '@weft/openflow/text-match';
import type { Network } from './lflow-network.ts';

export interface Report {
  readonly human: string;
  readonly json: {
    readonly input: string;
    readonly ok: boolean;
    readonly error?: string;
    /** Where in the input, counted from 0. */
    readonly offset?: number;
    readonly canonical?: string;
    readonly flows?: readonly FlowText[];
    readonly actions?: string;
    readonly prerequisites?: string;
    readonly groups?: readonly string[];
    readonly meters?: readonly string[];
  };
}

interface FlowText {
  /** In ovs-ofctl syntax. */
  readonly match: string;
  /** `conjunction(ID, K/N)` actions that the flow has instead of the logical flow's. */
  readonly conjunctions?: readonly string[];
}

const compiler = new Compiler();

function failed(input: string, { error, offset }: CompileError): Report {
  const before = input.slice(0, offset);
  // Under the character, whatever the columns before it hold.
  const pointer = `${before.replace(/[^\t]/g, ' ')}^`;
  return { human: `${input}\n${pointer}\nerror: ${error}`, json: { input, ok: false, error, offset } };
}

function portLookup({ ports }: Network): (name: string) => number | undefined {
  if (ports !== undefined) return (name) => ports.get(name);
  const numbered = new Map<string, number>();
  return (name) => {
    const key = numbered.get(name) ?? numbered.size + 1;
    numbered.set(name, key);
    return key;
  };
}

/** Reports on a match. Ids of conjunctions count from 1. */
export function matchReport(input: string, network: Network): Report {
  const lookupTemplate = (name: string): string | undefined => network.templates.get(name);
  const context: MatchContext = {
    lookupPort: portLookup(network),
    lookupAddressSet: (name) => network.addressSets.get(name),
    lookupPortGroup: (name) => network.portGroups.get(name),
    isChassisResident: (port) => network.residents.has(port),
    lookupTemplate,
  };
  const compiled = compiler.compileMatch(input, context);
  if ('error' in compiled) return failed(input, compiled);
  const parsed = compiler.parseMatch(expandTemplate(input, lookupTemplate));
  if ('error' in parsed) return failed(input, parsed);
  const explained = compiler.explainMatch(input, context);
  const canonical = printMatch(parsed);
  const flows = compiled.flows.map(flowText);
  const lines = [
    `canonical: ${canonical}`,
    `flows: ${flows.length}${explain('error' in explained ? [] : explained, flows.length)}`,
  ];
  for (const { match, conjunctions } of flows) {
    lines.push(
      `  ${match === '' ? '(every packet)' : match}${conjunctions === undefined ? '' : `  ->  ${conjunctions.join(', ')}`}`,
    );
  }
  return { human: lines.join('\n'), json: { input, ok: true, canonical, flows } };
}

function flowText(flow: MatchFlow): FlowText {
  const match = formatMatch(
    flow.conjunction === undefined ? flow.match : withConjunctionId(flow.match, flow.conjunction + 1),
  );
  if (flow.parts.length === 0) return { match };
  return {
    match,
    conjunctions: flow.parts.map(({ id, clause, count }) => `conjunction(${id + 1},${clause}/${count})`),
  };
}

/** Why there are so many flows: one line for each alternative that costs more than one. */
function explain(costs: readonly Cost[], total: number): string {
  if (total === 0) return ': the match is never true';
  const lines = costs
    .filter((cost) => cost.flows > 1)
    .map(({ multiplied, dimensions, flows, product }) => {
      const factors = multiplied.map(({ field, terms }) => `${terms} ${field}`);
      if (dimensions.length > 0) {
        const sum = dimensions.map(({ field, terms }) => `${terms} ${field}`).join(' + ');
        factors.push(`(1 + ${sum})`);
      }
      const saved = product > flows ? `, instead of ${product} without conjunctions` : '';
      return `\n  ${flows} = ${factors.join(' × ')}${saved}`;
    });
  return lines.join('');
}

export interface Place {
  readonly pipeline: 'ingress' | 'egress';
  readonly table: number;
  readonly datapath: 'switch' | 'router';
}

/** Reports on actions. Groups and meters count from 1. */
export function actionsReport(input: string, network: Network, place: Place): Report {
  const lookupTemplate = (name: string): string | undefined => network.templates.get(name);
  const parsed = compiler.parseActions(expandTemplate(input, lookupTemplate));
  const groups: GroupSpec[] = [];
  const meters: MeterSpec[] = [];
  const compiled = compiler.compileActions(input, {
    pipeline: place.pipeline,
    table: place.table,
    datapath: { type: place.datapath, tunnelKey: 1 },
    cookie: 0,
    lookupPort: portLookup(network),
    lookupTunnel: () => undefined,
    allocateGroup: (group) => groups.push(group),
    allocateMeter: (meter) => meters.push(meter),
    lookupDhcpv4Option: (name) => network.dhcpv4Options.get(name),
    lookupDhcpv6Option: (name) => network.dhcpv6Options.get(name),
    hasCollectorSet: () => true,
    lookupTemplate,
  });
  if ('error' in compiled) return failed(input, compiled);
  if ('error' in parsed) return failed(input, parsed);
  const canonical = printActions(parsed.actions, place);
  const actions = formatActions(compiled.actions);
  const groupTexts = groups.map(groupText);
  const meterTexts = meters.map(meterText);
  const lines = [
    `canonical: ${canonical}`,
    ...(parsed.prerequisites === '' ? [] : [`prerequisites: ${parsed.prerequisites}`]),
    `actions=${actions}`,
    ...groupTexts.map((text, i) => `group ${i + 1}: ${text}`),
    ...meterTexts.map((text, i) => `meter ${i + 1}: ${text}`),
  ];
  return {
    human: lines.join('\n'),
    json: {
      input,
      ok: true,
      canonical,
      actions,
      prerequisites: parsed.prerequisites,
      ...(groupTexts.length > 0 ? { groups: groupTexts } : {}),
      ...(meterTexts.length > 0 ? { meters: meterTexts } : {}),
    },
  };
}

function groupText({ selection, buckets }: GroupSpec): string {
  const fields = selection.fields.length === 0 ? '' : `,fields(${selection.fields.join(',')})`;
  const parts = buckets.map(
    ({ weight, actions }) =>
      `bucket=${weight === undefined ? '' : `weight:${weight},`}actions=${formatActions(actions)}`,
  );
  return [`type=select,selection_method=${selection.method}${fields}`, ...parts].join(',');
}

function meterText(meter: MeterSpec): string {
  if (meter.kind === 'name') return `"${meter.name}"`;
  return `${meter.rate} kbps${meter.burst === undefined ? '' : `, burst ${meter.burst} kb`}`;
}
