import type { Normalised } from './normalise.ts';

/** Rows that one side has and the other does not, as text with `-` (only in C) and `+` (only in ours); empty when there are none. */
export function diff(c: Normalised, ours: Normalised, limit = 120): string {
  const sections: string[] = [];
  for (const table of [...new Set([...c.keys(), ...ours.keys()])].sort()) {
    const counts = new Map<string, number>();
    for (const line of c.get(table) ?? []) counts.set(line, (counts.get(line) ?? 0) + 1);
    for (const line of ours.get(table) ?? []) counts.set(line, (counts.get(line) ?? 0) - 1);
    const lines = [...counts]
      .filter(([, count]) => count !== 0)
      // Sorted by the text, so that the two versions of one row stand together.
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([line, count]) => `${count > 0 ? '-' : '+'}${Math.abs(count) > 1 ? `(${Math.abs(count)}x)` : ''} ${line}`);
    if (lines.length === 0) continue;
    const shown = lines.slice(0, limit);
    if (lines.length > limit) shown.push(`... and ${lines.length - limit} more`);
    sections.push(`${table}: ${lines.length} rows differ (- only in C, + only in ours)\n${shown.join('\n')}`);
  }
  return sections.join('\n\n');
}
