import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Compiler } from '@weft/lflow/compile';
import { printActions } from '@weft/lflow/print-actions';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { actions, tcp4Actions, tcp6Actions } from './lflow-corpus/actions.ts';
import { LflowOracle } from './lflow-oracle.ts';

/** ovn-trace as a daemon, which prints the actions of the flows that a packet meets in their canonical form. */
class Tracer {
  readonly #oracle: LflowOracle;

  constructor(oracle: LflowOracle) {
    this.#oracle = oracle;
  }

  start(): void {
    const { dir } = this.#oracle;
    for (const file of ['trace.ctl', 'trace.pid']) rmSync(join(dir, file), { force: true });
    const files = [`--pidfile=${dir}/trace.pid`, `--unixctl=${dir}/trace.ctl`];
    this.#oracle.run('ovn-trace', `--db=unix:${dir}/sb.sock`, '--detach', '--no-chdir', ...files);
  }

  /** The output for a packet; undefined if ovn-trace ended over it, which it does for some: then it is started again. */
  trace(microflow: string): string | undefined {
    try {
      return this.#oracle.run(
        'ovn-appctl',
        '-t',
        `${this.#oracle.dir}/trace.ctl`,
        'trace',
        '--detailed',
        'sw',
        microflow,
      );
    } catch {
      this.start();
      return undefined;
    }
  }

  stop(): void {
    const file = join(this.#oracle.dir, 'trace.pid');
    if (!existsSync(file)) return;
    try {
      process.kill(Number(readFileSync(file, 'utf8')));
    } catch {
      // It has ended by itself.
    }
  }
}

const oracle = new LflowOracle();
const tracer = new Tracer(oracle);

beforeAll(async () => {
  execFileSync('ovn-trace', ['--version'], { stdio: 'ignore' });
  await oracle.start();
}, 60_000);
afterAll(async () => {
  tracer.stop();
  await oracle.stop();
});

it('actions are printed as ovn-trace prints them', async () => {
  const compiler = new Compiler();
  const place = { pipeline: 'ingress', table: 0 } as const;
  const kinds = new Set<string>();
  const cases = [...actions, ...tcp4Actions, ...tcp6Actions].flatMap((text) => {
    const parsed = compiler.parseActions(text);
    if ('error' in parsed) return [];
    // The first of them: between the others stands what they do.
    const canonical = printActions(parsed.actions.slice(0, 1), place);
    const kind = parsed.actions[0]?.kind ?? 'drop';
    // One of a kind is enough where the canonical form is the text.
    if (kinds.has(kind) && text === canonical) return [];
    kinds.add(kind);
    const packet = tcp6Actions.includes(text) ? 'ip6 && tcp' : 'ip4 && tcp';
    return [{ text, canonical, packets: [`${packet} && ip.ttl == 64`, parsed.prerequisites || 'arp', 'ip6', 'nd_ns'] }];
  });
  await oracle.insertAll(cases.map(({ text }, i) => ({ match: `reg9 == ${i + 1}`, actions: text, table: 0 })));
  tracer.start();
  const different: string[] = [];
  let compared = 0;
  for (const [i, { text, canonical, packets }] of cases.entries()) {
    for (const packet of packets) {
      const lines = tracer.trace(`inport == "lp1" && reg9 == ${i + 1} && (${packet})`)?.split('\n') ?? [];
      const theirs = lines[lines.findIndex((line) => line.startsWith(' 0. reg9')) + 1]?.trim();
      if (!lines.some((line) => line.startsWith(' 0. reg9'))) continue;
      compared++;
      if (theirs !== canonical) different.push(`${text}\n  C: ${theirs}\n  W: ${canonical}`);
      break;
    }
  }
  expect(different).toEqual([]);
  expect(compared).toBeGreaterThan((cases.length * 4) / 5);
}, 120_000);
