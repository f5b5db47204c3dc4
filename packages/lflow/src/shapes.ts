/**
 * Compiling by shape. ovn-northd writes the same few hundred texts again and again with other addresses, numbers and port names in them, such as
 * `inport == "X" && eth.src == 0a:00:00:00:00:01` and `eth.dst = 0a:00:00:00:00:01; next;`. The text around its literals is a text's shape.
 *
 *   1. `Literals` (`literals.ts`) scans a text once: it reads the values of the literals and hashes the rest.
 *   2. `Shapes` (here) has the shapes that were seen, by hash, each with a template if there is one. The hash finds a shape, and a comparison of
 *      everything around the literals makes sure of it.
 *   3. A template makes the result of a text from the text's literals: `match-shapes.ts` copies OpenFlow matches, `action-shapes.ts` OpenFlow actions,
 *      with the literals' values in their places. What has no literal in it is shared with the template.
 *
 * A template is learned from the second text of a shape, by experiment with the compiler itself: a literal is a hole if the compiler, given a tree
 * with all of its bits inverted, makes the same flows or actions with those bits inverted in one place. All other literals are fixed: the template
 * serves the texts that have them as they are. `match-shapes.ts` and `action-shapes.ts` say why the experiment is proof, and a property test compares
 * what templates make with what the compiler makes.
 *
 * A text whose shape has no template is compiled for itself, as if there were no shapes: if its literals are not all fixed, if it asks the caller for
 * anything but the numbers of the ports it names in holes, if it is wrong, or if one of its literals does not fit.
 */
import type { Literals } from './literals.ts';
import { RecentMap } from './recent-map.ts';

/** Shapes that are remembered: there are a few hundred in a network, and texts that are all different must not fill the memory. */
const generationSize = 5000;

interface Shape<Template> {
  /** What is around the literals. */
  readonly pieces: readonly string[];
  readonly kinds: Uint8Array;
  /** undefined: not learned yet; null: there is none. */
  template: Template | null | undefined;
}

/** Shapes of texts that are compiled under the same circumstances, and what is known of them. */
export class Shapes<Template> {
  readonly #shapes = new RecentMap<number, Shape<Template>>(generationSize);

  /** The template of a text that `literals` has scanned, if its shape has one. */
  template(text: string, literals: Literals): Template | undefined {
    const shape = this.#shapes.get(literals.hash);
    return shape?.template && fits(text, literals, shape) ? shape.template : undefined;
  }

  /** Learns from a text that was compiled without a template: `learn` makes one, or undefined. */
  learn(text: string, literals: Literals, learn: () => Template | undefined): void {
    const shape = this.#shapes.get(literals.hash);
    // Most shapes of odd texts are seen only once, and an experiment costs as much as compiling a dozen texts.
    if (shape === undefined) this.#shapes.set(literals.hash, shapeOf(text, literals));
    else if (shape.template === undefined && fits(text, literals, shape)) shape.template = learn() ?? null;
  }
}

function shapeOf(text: string, { count, kinds, starts, ends }: Literals): Shape<never> {
  const pieces: string[] = [];
  for (let i = 0; i <= count; i++)
    pieces.push(text.slice(i === 0 ? 0 : ends[i - 1], i === count ? text.length : starts[i]));
  return { pieces, kinds: kinds.slice(0, count), template: undefined };
}

function fits(text: string, { count, kinds, starts, ends }: Literals, shape: Shape<unknown>): boolean {
  const { pieces } = shape;
  if (pieces.length !== count + 1) return false;
  let from = 0;
  for (let i = 0; i < count; i++) {
    const piece = pieces[i]!;
    if (shape.kinds[i] !== kinds[i] || from + piece.length !== starts[i] || !text.startsWith(piece, from)) return false;
    from = ends[i]!;
  }
  const last = pieces[count]!;
  return from + last.length === text.length && text.startsWith(last, from);
}

/** A literal that must be as it was. */
export interface Fixed {
  readonly literal: number;
  readonly text: string;
}

/** Whether the literals of a text that must be as they were are. */
export function agree(text: string, { starts, ends }: Literals, fixed: readonly Fixed[]): boolean {
  for (const { literal, text: expected } of fixed) {
    const start = starts[literal]!;
    if (ends[literal]! - start !== expected.length || !text.startsWith(expected, start)) return false;
  }
  return true;
}

/** A literal that must fit so many bits. */
export interface Limit {
  readonly literal: number;
  readonly bits: number;
}

/** Whether a literal is too large. */
export function exceed(literals: Literals, limits: readonly Limit[]): boolean {
  for (const { literal, bits } of limits) if (!literals.fits(literal, bits)) return true;
  return false;
}
