/**
 * Access control lists: ls_*_acl_hint, ls_*_acl and ls_in_acl_after_lb (ovn-northd(8), Ingress Tables 7, 8 and 17, Egress Tables 3 and 4; ovn-nb(5),
 * ACL). What sends packets to conntrack for them is in `pre-conntrack.ts`, what commits connections in `stateful.ts`.
 */
import { isOn } from '../boolean-option.ts';
import type { Feature } from '../feature.ts';
import { type Emit, quote } from '../flow.ts';
import type { Acl, Switch } from '../model.ts';
import { lsIn, lsOut, type Stage, switchRegister } from '../pipeline.ts';

const { aclHintAllowNew, aclHintAllow, aclHintDrop, aclHintBlock, aclAllowAll, aclLabel, aclStateless } =
  switchRegister;
const { conntrackCommit, label: labelRegister } = switchRegister;

/** Packets that no ACL may stop. */
const discovery = 'nd || nd_ra || nd_rs || mldv1 || mldv2';

/** ACL priorities are from 0 to 32767; ours lie below and above. */
const priorityOffset = 1000;

/** The bit of a connection's mark that says that an ACL no longer allows it. */
const blockedBit = (ls: Switch): string => (ls.model.usesCtMark ? 'ct_mark.blocked' : 'ct_label.blocked');

export const acl: Feature = {
  name: 'acl',

  perSwitch(ls, emit) {
    const { acls } = ls.model;
    const hasAny = acls.hasAny(ls.uuid);
    const hasStateful = acls.hasStateful(ls.uuid);
    const dropsByDefault = hasAny && ls.model.booleanOption('default_acl_drop', false);
    const byDefault = dropsByDefault ? 'drop;' : 'next;';
    for (const pipeline of [lsIn, lsOut]) {
      emit(pipeline.acl, 65532, discovery, 'next;');
      if (!hasAny) {
        emit(pipeline.acl_hint, 65535, '1', 'next;');
        emit(pipeline.acl, 65535, '1', 'next;');
        continue;
      }
      emit(pipeline.acl_hint, 0, '1', 'next;');
      emit(pipeline.acl, 0, '1', byDefault);
      emit(pipeline.acl, 34000, `${pipeline === lsIn ? 'eth.dst' : 'eth.src'} == $svc_monitor_mac`, 'next;');
      if (!hasStateful) continue;
      hints(pipeline.acl_hint, blockedBit(ls), emit);
      connections(pipeline.acl, blockedBit(ls), dropsByDefault, emit);
    }
    emit(lsIn.acl_after_lb, 65532, discovery, 'next;');
    if (hasStateful) emit(lsIn.acl_after_lb, 65532, `${aclAllowAll} == 1`, 'next;');
    emit(lsIn.acl_after_lb, 0, '1', byDefault);
  },

  perAcl(acl, emit) {
    const { row, ls, model } = acl;
    const ingress = row.direction === 'from-lport';
    const stateful = model.acls.hasStateful(ls.uuid);
    const afterLb = ingress && isOn(row.options, 'apply-after-lb');
    const stage = afterLb ? lsIn.acl_after_lb : ingress ? lsIn.acl : lsOut.acl;
    const priority = row.priority + priorityOffset;
    const hint = { hint: row._uuid };
    switch (row.action) {
      case 'allow-stateless':
        if (stateful) {
          const bypass = `${aclStateless} = 1; next;`;
          emit(ingress ? lsIn.pre_acl : lsOut.pre_acl, priority, row.match, bypass, hint);
        }
        emit(stage, priority, row.match, `${log(acl, 'allow')}next;`, hint);
        return;
      case 'allow':
      case 'allow-related':
        allow(acl, stage, stateful, emit);
        if (stateful) logRelated(acl, ingress ? lsOut.acl : lsIn.acl, emit);
        return;
      case 'reject': {
        const next = ingress ? rejectTo('egress', lsOut.qos_mark) : rejectTo('ingress', lsIn.l2_lkup);
        refuse(acl, stage, stateful, { verdict: 'reject', actions: next, separator: ' ' }, emit);
        return;
      }
      case 'drop':
        refuse(acl, stage, stateful, { verdict: 'drop', actions: '/* drop */', separator: '' }, emit);
        return;
      default:
        model.problem(`ACL ${row._uuid} is skipped: there is no action "${row.action}"`);
    }
  },
};

/** What conntrack knows of a packet, as bits that the ACLs' matches begin with. */
function hints(stage: Stage, blocked: string, emit: Emit): void {
  const set = (...bits: readonly string[]): string => `${bits.map((bit) => `${bit} = 1; `).join('')}next;`;
  const request = '!ct.new && ct.est && !ct.rpl';
  emit(stage, 7, 'ct.new && !ct.est', set(aclHintAllowNew, aclHintDrop));
  emit(stage, 6, `${request} && ${blocked} == 1`, set(aclHintAllowNew, aclHintDrop));
  emit(stage, 5, '!ct.trk', set(aclHintAllow, aclHintDrop));
  emit(stage, 4, `${request} && ${blocked} == 0`, set(aclHintAllow, aclHintBlock));
  emit(stage, 3, '!ct.est', set(aclHintDrop));
  emit(stage, 2, `ct.est && ${blocked} == 1`, set(aclHintDrop));
  emit(stage, 1, `ct.est && ${blocked} == 0`, set(aclHintBlock));
}

const reply = (blocked: string): string => `ct.est && !ct.rel && !ct.new && !ct.inv && ct.rpl && ${blocked} == 0`;
const related = (blocked: string): string => `!ct.est && ct.rel && !ct.new && !ct.inv && ${blocked} == 0`;

/** Replies and related packets of allowed connections pass; what belongs to none, or to one that is allowed no longer, does not. */
function connections(stage: Stage, blocked: string, dropsByDefault: boolean, emit: Emit): void {
  const ingress = stage === lsIn.acl;
  emit(stage, 65532, `ct.inv || (ct.est && ct.rpl && ${blocked} == 1)`, 'drop;');
  const allowReply = ingress ? `${aclHintDrop} = 0; ${aclHintBlock} = 0; ${aclAllowAll} = 1; next;` : 'next;';
  emit(stage, 65532, reply(blocked), allowReply);
  emit(stage, 65532, related(blocked), ingress ? `${aclAllowAll} = 1; ct_commit_nat;` : 'ct_commit_nat;');
  const commit = `${conntrackCommit} = 1; next;`;
  emit(stage, 1, 'ip && !ct.est', dropsByDefault ? 'drop;' : commit);
  emit(stage, 1, `ip && ct.est && ${blocked} == 1`, commit);
}

function allow(acl: Acl, stage: Stage, stateful: boolean, emit: Emit): void {
  const { row } = acl;
  const priority = row.priority + priorityOffset;
  const hint = { hint: row._uuid };
  const pass = `${log(acl, 'allow')}next;`;
  if (!stateful) {
    emit(stage, priority, row.match, pass, hint);
    return;
  }
  const label = row.label === 0 ? '' : `${aclLabel} = 1; ${labelRegister} = ${row.label}; `;
  const commit = `${conntrackCommit} = 1; ${label}`;
  emit(stage, priority, `${aclHintAllowNew} == 1 && (${row.match})`, `${commit}${pass}`, hint);
  // A known connection is committed again only if it has to get the label.
  emit(stage, priority, `${aclHintAllow} == 1 && (${row.match})`, `${label === '' ? '' : commit}${pass}`, hint);
}

/** `options:log-related` of an ACL that has a label: the connection's replies and related packets are logged, too. */
function logRelated(acl: Acl, stage: Stage, emit: Emit): void {
  const { row, ls } = acl;
  if (!row.log || row.label === 0 || !isOn(row.options, 'log-related')) return;
  const blocked = blockedBit(ls);
  const labelled = `ct_label.label == ${row.label}`;
  for (const packets of [reply(blocked), related(blocked)]) {
    emit(stage, 65533, `${packets} && ${labelled}`, `${log(acl, 'allow')}next;`, { hint: row._uuid });
  }
}

interface Refusal {
  readonly verdict: 'drop' | 'reject';
  readonly actions: string;
  /** What stands between committing the block and the actions. */
  readonly separator: string;
}

function refuse(acl: Acl, stage: Stage, stateful: boolean, refusal: Refusal, emit: Emit): void {
  const { row, ls } = acl;
  const { verdict, actions, separator } = refusal;
  const priority = row.priority + priorityOffset;
  const hint = { hint: row._uuid };
  const logged = log(acl, verdict);
  if (!stateful) {
    emit(stage, priority, row.match, `${logged}${actions}`, hint);
    return;
  }
  const block = `ct_commit { ${blockedBit(ls)} = 1; };`;
  if (verdict === 'drop') {
    emit(stage, priority, `${aclHintDrop} == 1 && (${row.match})`, `${logged}${actions}`, hint);
    emit(stage, priority, `${aclHintBlock} == 1 && (${row.match})`, `${block} ${logged}${actions}`, hint);
    return;
  }
  // C joins the match without parentheses; where that would not parse, we are right instead of equal.
  const match = row.match.includes('||') ? `(${row.match})` : row.match;
  emit(stage, priority, `(${aclHintDrop} == 1) && ${match}`, `${logged}${actions}`, hint);
  emit(stage, priority, `(${aclHintBlock} == 1) && ${match}`, `${logged}${block} ${separator}${actions}`, hint);
}

const rejectTo = (pipeline: 'ingress' | 'egress', stage: Stage): string =>
  'reg0 = 0; reject { /* eth.dst <-> eth.src; ip.dst <-> ip.src; is implicit. */ ' +
  `outport <-> inport; next(pipeline=${pipeline},table=${stage.table}); };`;

/** The log action of an ACL that is logged, followed by a blank; else nothing. */
function log({ row, model }: Acl, verdict: 'allow' | 'drop' | 'reject'): string {
  if (!row.log) return '';
  const args: string[] = [];
  if (row.name !== undefined) args.push(`name=${quote(row.name)}`);
  args.push(`severity=${row.severity ?? 'info'}`, `verdict=${verdict}`);
  if (row.meter !== undefined) args.push(`meter=${quote(model.aclMeter(row.meter, row._uuid))}`);
  return `log(${args.join(', ')}); `;
}
