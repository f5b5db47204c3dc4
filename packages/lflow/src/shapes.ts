/**
 * Compiling by shape. ovn-northd writes the same few hundred texts again and again with other addresses, numbers and port names in them, such as
 * `inport == "X" && eth.src == 0a:00:00:00:00:01` and `eth.dst = 0a:00:00:00:00:01; next;`. The text around its literals is a text's shape.
 *
 *   1. `Shapes` (here) has templates: forms with gaps for literals, and what texts of such a form become. A few that were of use lately for texts that
 *      begin like this one are tried first. If none fits, `Literals` (`literals.ts`) scans the text for literals, and the hash of the rest finds a
 *      template, if there is one.
 *   2. A template makes the result of a text from the values of the text's literals: it copies bytes of OpenFlow, with the literals in their holes
 *      (`pattern.ts`). `match-shapes.ts` and `action-shapes.ts` tell what is particular to each.
 *
 * A template is learned from the second text of a shape, by experiment with the compiler itself: a literal is a gap if the compiler, given a tree with
 * all of its bits inverted, makes the same bytes with those bits inverted. All other literals are part of the form. `match-shapes.ts` and
 * `action-shapes.ts` say why the experiment is proof, and a property test compares what templates make with what the compiler makes.
 *
 * A text without a template is compiled for itself, as if there were no shapes: if its literals are not those of the form, if it asks the caller for
 * anything but the numbers of the ports that it names in gaps and the definitions of options, if it is wrong, or if one of its literals does not fit.
 */
import type { Form, Literals } from './literals.ts';
import { RecentMap } from './recent-map.ts';

/** Shapes that are remembered: there are a few hundred in a network, and texts that are all different must not fill the memory. */
const generationSize = 5000;
/** Templates that are tried before a text is scanned. */
const tried = 4;
/** Ways in which texts begin; a power of two. */
const heads = 256;

/** Shapes of texts that are compiled under the same circumstances, and what is known of them. */
export class Shapes<Template extends { readonly form: Form }> {
  /** By hash. A template that is undefined has not been learned yet; where it is null, there is none. */
  readonly #shapes = new RecentMap<number, { template: Template | null | undefined }>(() => generationSize);
  /** By how texts begin, templates of use lately: those that served more texts come first. */
  readonly #lately: { readonly template: Template; served: number }[][] = [];

  /** How many shapes are remembered. */
  get size(): number {
    return this.#shapes.size;
  }

  /** The template of a text; `literals` are then those of its gaps. */
  template(text: string, literals: Literals): Template | undefined {
    const head = headOf(text);
    const lately = this.#lately[head];
    if (lately !== undefined)
      for (let i = 0; i < lately.length; i++) {
        const found = lately[i]!;
        if (!literals.read(text, found.template.form)) continue;
        found.served++;
        if (i > 0 && found.served > lately[i - 1]!.served) {
          lately[i] = lately[i - 1]!;
          lately[i - 1] = found;
        }
        return found.template;
      }
    if (!literals.scan(text)) return undefined;
    const template = this.#shapes.get(literals.hash)?.template;
    if (!template || !literals.read(text, template.form)) return undefined;
    this.#lately[head] = [...(lately ?? []).slice(0, tried - 1), { template, served: 1 }];
    return template;
  }

  /** Learns from a text that was compiled without a template: `learn` makes one of the literals, or undefined. */
  learn(text: string, literals: Literals, learn: () => Template | undefined): void {
    if (!literals.scan(text)) return;
    const { count, hash } = literals;
    const shape = this.#shapes.get(hash);
    // Most shapes of odd texts are seen only once, and an experiment costs as much as compiling a dozen texts. Without literals there is none.
    if (shape === undefined && count > 0) this.#shapes.set(hash, { template: undefined });
    else if (shape === undefined) this.#shapes.set(hash, { template: learn() ?? null });
    else if (shape.template === undefined) shape.template = learn() ?? null;
  }
}

/** A number for how a text begins. */
function headOf(text: string): number {
  const end = Math.min(text.length, 6);
  let hash = 0;
  for (let i = 0; i < end; i++) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) | 0;
  return (hash ^ (hash >>> 15)) & (heads - 1);
}

/** A literal that must fit so many bits. */
export interface Limit {
  readonly literal: number;
  readonly bits: number;
  /** Whether 0 would mean something else. */
  readonly nonzero?: boolean;
}

/** Whether a literal is too large, or 0 where that is no value like others. */
export function exceed(literals: Literals, limits: readonly Limit[]): boolean {
  for (const { literal, bits, nonzero } of limits)
    if (!literals.fits(literal, bits) || (nonzero === true && literals.fits(literal, 0))) return true;
  return false;
}
