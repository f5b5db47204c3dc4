/** Logical flows, listed and counted. */
import { compareStrings } from '@weft/ovsdb/atom';
import type { SbRow } from '@weft/schemas/sb';
import type { Context } from '../framework/command.ts';
import { CtlError } from '../framework/ctl-error.ts';
import type { Transaction } from '../framework/transaction.ts';
import { findRecord, isUuidBeginning } from '../generic/record.ts';
import { type Datapath, datapathTitle } from './datapath.ts';
import { switchFlowPrinter } from './switch-flows.ts';
import type { Sb, SbCommand, SbContext } from './types.ts';
import { printVflows, vflowReads } from './vflow.ts';

type Flow = SbRow<'Logical_Flow'>;

/** One logical flow on one of its datapaths. */
interface FlowOnDatapath {
  readonly flow: Flow;
  readonly datapath: Datapath;
}

const flowReads = {
  Datapath_Binding: ['external_ids', 'tunnel_key'],
  Logical_DP_Group: ['datapaths'],
  Logical_Flow: [
    'logical_datapath',
    'logical_dp_group',
    'pipeline',
    'table_id',
    'priority',
    'match',
    'actions',
    'external_ids',
  ],
} as const;

/** The datapath that the first argument names, if it names one. */
function givenDatapath({ tx, args, program }: SbContext): Datapath | undefined {
  const [text] = args;
  if (text === undefined) return undefined;
  const row = findRecord(tx as unknown as Transaction, program, 'Datapath_Binding', text);
  return row as unknown as Datapath | undefined;
}

/** Every flow of the datapath, or of all, in the order of the pipeline. */
function flowsInOrder(tx: Context<Sb>['tx'], only: Datapath | undefined): FlowOnDatapath[] {
  const flows: FlowOnDatapath[] = [];
  const add = (flow: Flow, datapath: Datapath | undefined) => {
    if (datapath !== undefined) flows.push({ flow, datapath });
  };
  if (only === undefined) {
    tx.prefetch([
      { kind: 'all', table: 'Logical_Flow' },
      { kind: 'rows', table: 'Logical_DP_Group' },
      { kind: 'rows', table: 'Datapath_Binding' },
    ]);
    for (const flow of tx.all('Logical_Flow')) {
      if (flow.logical_datapath !== undefined) add(flow, tx.get('Datapath_Binding', flow.logical_datapath));
      for (const uuid of tx.get('Logical_DP_Group', flow.logical_dp_group)?.datapaths ?? []) {
        add(flow, tx.get('Datapath_Binding', uuid));
      }
    }
  } else {
    const here = new Map<string, Flow>();
    for (const flow of tx.holding('Logical_Flow', 'logical_datapath', only._uuid)) here.set(flow._uuid, flow);
    const groups = tx.holding('Logical_DP_Group', 'datapaths', only._uuid);
    tx.prefetch(
      groups.map((group) => ({ kind: 'holds', table: 'Logical_Flow', column: 'logical_dp_group', atom: group._uuid })),
    );
    for (const group of groups) {
      for (const flow of tx.holding('Logical_Flow', 'logical_dp_group', group._uuid)) here.set(flow._uuid, flow);
    }
    for (const flow of here.values()) add(flow, only);
  }
  return flows.sort(inOrder);
}

function inOrder(a: FlowOnDatapath, b: FlowOnDatapath): number {
  const name = ({ datapath }: FlowOnDatapath) => datapath.external_ids.get('name') ?? '';
  return (
    compareStrings(name(a), name(b)) ||
    compareStrings(a.datapath._uuid, b.datapath._uuid) ||
    // Ingress comes first.
    compareStrings(b.flow.pipeline, a.flow.pipeline) ||
    a.flow.table_id - b.flow.table_id ||
    b.flow.priority - a.flow.priority ||
    compareStrings(a.flow.match, b.flow.match) ||
    compareStrings(a.flow.actions, b.flow.actions)
  );
}

function stage(flow: Flow): string {
  return flow.external_ids.get('stage-name') ?? '';
}

/** The beginning of a uuid, in the form that OpenFlow cookies have too: `0x`, without leading zeros. */
function parseUuidBeginning(text: string): string {
  const digits = text.replace(/^0[xX]/, '');
  if (digits === '' || !isUuidBeginning(digits)) {
    throw new CtlError(`${text} is not a UUID or the beginning of a UUID`);
  }
  return withoutZeros(digits);
}

/** Leading zeros do not matter: cookies are printed without. */
function withoutZeros(digits: string): string {
  return digits.replace(/^0+/, '');
}

const lflowList: SbCommand = {
  name: 'lflow-list',
  args: '[DATAPATH] [LFLOW]...',
  options: ['--uuid', '--ovs?', '--stats', '--vflows?'],
  reads: ({ options }) => (options.has('--vflows') ? { ...flowReads, ...vflowReads } : flowReads),
  summary: 'prints logical flows, of a datapath or of all, in the order of the pipeline',
  examples: ['lflow-list sw0', '--uuid lflow-list', 'lflow-list 0x12ab34cd'],
  run: (context) => {
    const { tx, args, options, print } = context;
    const only = givenDatapath(context);
    const beginnings = args.slice(only === undefined ? 0 : 1).map(parseUuidBeginning);
    const printSwitchFlows = switchFlowPrinter(context);
    let previous: FlowOnDatapath | undefined;
    for (const entry of flowsInOrder(tx, only)) {
      const { flow, datapath } = entry;
      if (beginnings.length > 0 && !beginnings.some((beginning) => withoutZeros(flow._uuid).startsWith(beginning)))
        continue;
      if (previous?.datapath._uuid !== datapath._uuid || previous.flow.pipeline !== flow.pipeline) {
        print(`Datapath: ${datapathTitle(datapath)}  Pipeline: ${flow.pipeline}`);
      }
      previous = entry;
      const uuid = options.has('--uuid') ? `uuid=0x${flow._uuid.slice(0, 8)}, ` : '';
      print(
        `  ${uuid}table=${String(flow.table_id).padEnd(2)}(${stage(flow).padEnd(19)}), priority=${String(flow.priority).padEnd(5)}, match=(${flow.match}), action=(${flow.actions})`,
      );
      printSwitchFlows(flow);
    }
    if (options.has('--vflows')) printVflows(context, only, printSwitchFlows);
  },
};

const countFlows: SbCommand = {
  name: 'count-flows',
  args: '[DATAPATH]',
  reads: flowReads,
  summary: 'counts logical flows by datapath and table',
  examples: ['count-flows', 'count-flows sw0'],
  run: (context) => {
    const { tx, args, print } = context;
    const only = givenDatapath(context);
    // A name that no datapath has counts nothing.
    const flows = args.length > 0 && only === undefined ? [] : flowsInOrder(tx, only);
    for (let i = 0; i < flows.length; ) {
      const { datapath, flow } = flows[i]!;
      const title = datapathTitle(datapath);
      print(`Datapath: ${title}  Pipeline: ${flow.pipeline}`);
      let total = 0;
      while (i < flows.length && inSamePipeline(flows[i]!, { datapath, flow })) {
        const first = flows[i]!.flow;
        let count = 0;
        let last = first;
        while (
          i < flows.length &&
          inSamePipeline(flows[i]!, { datapath, flow }) &&
          flows[i]!.flow.table_id === first.table_id
        ) {
          last = flows[i]!.flow;
          count++;
          i++;
        }
        print(`  table=${String(first.table_id).padEnd(2)}(${stage(last).padEnd(19)}) lflows=${count}`);
        total += count;
      }
      print(`Total number of logical flows in the datapath ${title} Pipeline: ${flow.pipeline} = ${total}`);
      print('');
    }
    print(`Total number of logical flows = ${flows.length}`);
  },
};

function inSamePipeline(a: FlowOnDatapath, b: FlowOnDatapath): boolean {
  return a.datapath._uuid === b.datapath._uuid && a.flow.pipeline === b.flow.pipeline;
}

export const flowCommands: readonly SbCommand[] = [
  lflowList,
  { ...lflowList, name: 'dump-flows', summary: 'the same as lflow-list', examples: ['dump-flows sw0'] },
  countFlows,
];
