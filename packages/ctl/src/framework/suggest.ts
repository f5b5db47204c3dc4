/** "Did you mean": the known word closest to a mistyped one. */

/** ` (did you mean "X"?)`, or nothing if no candidate is close. */
export function suggestion(word: string, candidates: readonly string[]): string {
  let best: string | undefined;
  // A third of the letters may be wrong.
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    // Of two as close, the one of the same length: letters are exchanged more often than forgotten.
    const length = candidate.length === word.length ? 0 : 0.5;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase()) + length;
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best === undefined ? '' : ` (did you mean "${best}"?)`;
}

/** Optimal string alignment distance: insertions, deletions, substitutions, and exchanges of neighbours. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitute = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let distance = Math.min(previous[j]! + 1, current[j - 1]! + 1, substitute);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforePrevious[j - 2]! + 1);
      }
      current.push(distance);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
