import type { ParityConfig, ParityStep } from './config.ts';
import { diff } from './diff.ts';
import { type NormaliseOptions, normalise } from './normalise.ts';
import type { Side } from './side.ts';

/** Applies one step to both sides and returns what differs afterwards, as readable text; empty when nothing does. */
export async function compareStep(c: Side, ours: Side, step: ParityStep): Promise<string> {
  await Promise.all(
    [c, ours].map(async (side) => {
      if (step.sb !== undefined) await side.sbctl(step.sb);
      await side.nbctl(step.nb);
    }),
  );
  let difference = await compare(c, ours);
  // What a chassis wrote reaches northd by another connection than the step's northbound commands, so it may be seen after them.
  const eventually = step.eventually ?? step.sb !== undefined;
  for (let i = 0; eventually && difference !== '' && i < 20; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    difference = await compare(c, ours);
  }
  return difference;
}

/** Runs a configuration from an empty network back to an empty one; returns the differences by step, only where there are any. */
export async function compareConfig(c: Side, ours: Side, config: ParityConfig): Promise<string> {
  const found: string[] = [];
  for (const [i, step] of config.steps.entries()) {
    const difference = await compareStep(c, ours, step);
    if (difference !== '') found.push(`=== after step ${i + 1}: ${step.nb.join(' -- ')}\n${difference}`);
  }
  await Promise.all([c.reset(), ours.reset()]);
  const difference = await compare(c, ours);
  if (difference !== '') found.push(`=== after everything was deleted\n${difference}`);
  return found.join('\n\n');
}

/** What differs between the two sides now. */
export async function compare(c: Side, ours: Side, options?: NormaliseOptions): Promise<string> {
  const [left, right] = await Promise.all([c.dump(), ours.dump()]);
  return diff(normalise(left.nb, left.sb, options), normalise(right.nb, right.sb, options));
}
