/**
 * Normal forms to OpenFlow matches. Where at least two fields have several values each, a conjunctive match (ovs-fields(7), "Conjunctive Match Fields")
 * costs the sum of their counts instead of the product.
 */
import type { Writer } from '@weft/openflow/buffer';
import { type Field, type FieldValue, field } from '@weft/openflow/fields';
import { Match, MatchBuilder } from '@weft/openflow/match';
import { putOxm } from '@weft/openflow/oxm';
import type { Clause, Conjunct, NormalForm } from './normal-form.ts';
import { LogicalField } from './pipeline.ts';
import { MatchTooLarge, type Ternary } from './terms.ts';

/** A flow is part `clause` (counted from 1) of the `count` dimensions of conjunction `id` (counted from 0 within the logical flow). */
export interface ConjunctionPart {
  readonly id: number;
  readonly clause: number;
  readonly count: number;
}

/** One OpenFlow flow that a match becomes. */
export interface MatchFlow {
  readonly match: Match;
  /**
   * Not empty: the flow's actions are `conjunction(base + id, clause/count)` for each part, instead of the logical flow's. Flows of several logical
   * flows with the same table, priority and match must be made one, with all of their parts.
   */
  readonly parts: readonly ConjunctionPart[];
  /** The flow matches `conj_id = base + conjunction`, which the match does not say yet; `withConjunctionId` adds it. */
  readonly conjunction: number | undefined;
}

export interface MatchFlows {
  readonly flows: readonly MatchFlow[];
  /** Ids that the caller must allocate: ids 0 to `conjunctions - 1`, added to a base of its choice. */
  readonly conjunctions: number;
}

const CONJ_ID = field('conj_id');

/** The match of a flow for a conjunction, with its id. */
export function withConjunctionId(match: Match, id: number): Match {
  return match.with(CONJ_ID, id);
}

/** For a match that is never true. */
export const noFlows: MatchFlows = { flows: [], conjunctions: 0 };

const METADATA = LogicalField.datapath;

/** Writes the last of the TLVs of a match in a datapath: no field that a logical flow is about comes after it in a match. */
export function putDatapath(w: Writer, tunnelKey: number): void {
  putOxm(w, METADATA, tunnelKey, undefined);
}

const noParts: readonly ConjunctionPart[] = [];

/** Flows for a normal form, for one datapath if its tunnel key is given. A match that is never true has none. */
export function toFlows(form: NormalForm, datapath?: number): MatchFlows {
  const start = datapath === undefined ? Match.any : Match.of([METADATA, datapath]);
  const [only] = form;
  if (form.length === 1 && only !== undefined && only.every((clause) => clause.terms.length === 1)) {
    return { flows: [{ match: build(start, only, []), parts: noParts, conjunction: undefined }], conjunctions: 0 };
  }
  // Before any is made: a million of them takes seconds.
  const plans = form.map(plan);
  const total = plans.reduce((count, chosen) => count + cost(chosen), 0);
  if (total > flowLimit) throw new MatchTooLarge(`The match takes more than ${flowLimit} flows.`);
  const flows = new FlowSet();
  for (const chosen of plans) planFlows(chosen, flows, start);
  return { flows: flows.list(), conjunctions: flows.conjunctions };
}

/** A match that takes more flows, those that its alternatives share counted for each, is refused. */
const flowLimit = 1_000_000;

/** Flows by match, so that the same match appears once. */
class FlowSet {
  readonly #byKey = new Map<string, { match: Match; parts: ConjunctionPart[] }>();
  readonly #heads: MatchFlow[] = [];
  conjunctions = 0;

  add(match: Match): void {
    const found = this.#byKey.get(match.key);
    // A flow with the actions themselves beats parts of conjunctions with the same match: the packet is selected either way.
    if (found === undefined) this.#byKey.set(match.key, { match, parts: [] });
    else found.parts.length = 0;
  }

  addPart(match: Match, part: ConjunctionPart): void {
    const found = this.#byKey.get(match.key);
    if (found === undefined) this.#byKey.set(match.key, { match, parts: [part] });
    else if (found.parts.length > 0) found.parts.push(part);
  }

  addHead(match: Match): number {
    const id = this.conjunctions++;
    this.#heads.push({ match, parts: noParts, conjunction: id });
    return id;
  }

  list(): readonly MatchFlow[] {
    const out = [...this.#heads];
    for (const { match, parts } of this.#byKey.values()) out.push({ match, parts, conjunction: undefined });
    return out;
  }
}

/** How a conjunct becomes flows. */
export interface Plan {
  /** Fields with one term each. */
  readonly fixed: readonly Clause[];
  /** Fields whose terms are combined, each with each. */
  readonly multiplied: readonly Clause[];
  /** Fields whose terms are the dimensions of a conjunctive match; none or at least two. */
  readonly dimensions: readonly Clause[];
}

/** Chooses the plan. It is ovn-controller's wherever that is not the larger: sets that stand alone are dimensions, alternatives of an `||` are multiplied. */
export function plan(conjunct: Conjunct): Plan {
  const fixed: Clause[] = [];
  const crossed: Clause[] = [];
  const several: Clause[] = [];
  for (const clause of conjunct) {
    if (clause.terms.length === 1) fixed.push(clause);
    else if (clause.base.crossProduct) crossed.push(clause);
    else several.push(clause);
  }
  if (several.length < 2) return { fixed, multiplied: [...crossed, ...several], dimensions: [] };
  const tight = several.filter((clause) => !clause.loose);
  const loose = several.filter((clause) => clause.loose);
  const expanded = times(loose) * (tight.length >= 2 ? sum(tight) : times(tight));
  if (loose.length === 0 || sum(several) < expanded) return { fixed, multiplied: crossed, dimensions: several };
  if (tight.length >= 2) return { fixed, multiplied: [...crossed, ...loose], dimensions: tight };
  return { fixed, multiplied: [...crossed, ...several], dimensions: [] };
}

/** Flows of a conjunction of these dimensions: one for each term, and one that joins them. */
function sum(clauses: readonly Clause[]): number {
  return clauses.reduce((total, clause) => total + clause.terms.length, 1);
}

/** Flows of each term with each. */
function times(clauses: readonly Clause[]): number {
  return clauses.reduce((total, clause) => total * clause.terms.length, 1);
}

/** Flows of a plan. */
function cost({ multiplied, dimensions }: Plan): number {
  return times(multiplied) * (dimensions.length === 0 ? 1 : sum(dimensions));
}

/** What the flows of one conjunct cost, and why. */
export interface Cost {
  readonly multiplied: readonly FieldCount[];
  readonly dimensions: readonly FieldCount[];
  /** Flows, duplicates of other conjuncts' included. */
  readonly flows: number;
  /** What they would be without conjunctive matches. */
  readonly product: number;
}

export interface FieldCount {
  readonly field: string;
  readonly terms: number;
}

/** Says what each conjunct of a match costs. */
export function costs(form: NormalForm): Cost[] {
  return form.map((conjunct) => {
    const chosen = plan(conjunct);
    const { multiplied, dimensions } = chosen;
    const count = ({ base, terms }: Clause): FieldCount => ({ field: base.name, terms: terms.length });
    return {
      multiplied: multiplied.map(count),
      dimensions: dimensions.map(count),
      flows: cost(chosen),
      product: times(multiplied) * times(dimensions),
    };
  });
}

function planFlows({ fixed, multiplied, dimensions }: Plan, flows: FlowSet, start: Match): void {
  const common = build(start, fixed, []);
  forEachCombination(multiplied, (chosen) => {
    const match = build(common, [], chosen);
    if (dimensions.length === 0) {
      flows.add(match);
      return;
    }
    const id = flows.addHead(match);
    dimensions.forEach(({ base, terms }, index) => {
      const part = { id, clause: index + 1, count: dimensions.length };
      for (const term of terms) flows.addPart(match.with(...constraint(base, term)), part);
    });
  });
}

interface Choice {
  readonly base: Clause['base'];
  readonly term: Ternary;
}

function forEachCombination(clauses: readonly Clause[], visit: (chosen: readonly Choice[]) => void): void {
  const chosen: Choice[] = [];
  const descend = (index: number): void => {
    const clause = clauses[index];
    if (clause === undefined) {
      visit(chosen);
      return;
    }
    for (const term of clause.terms) {
      chosen[index] = { base: clause.base, term };
      descend(index + 1);
    }
  };
  descend(0);
}

function build(start: Match, fixed: readonly Clause[], chosen: readonly Choice[]): Match {
  if (fixed.length + chosen.length === 0) return start;
  const builder = new MatchBuilder(start);
  for (const { base, terms } of fixed) builder.set(...constraint(base, terms[0]!));
  for (const { base, term } of chosen) builder.set(...constraint(base, term));
  return builder.build();
}

function constraint(base: Clause['base'], { value, mask, register }: Ternary): [Field, FieldValue, FieldValue?] {
  if (register !== undefined) return [register.field, register.value, register.mask];
  return mask === base.ones ? [base.field, value] : [base.field, value, mask];
}
