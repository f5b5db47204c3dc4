/**
 * A number for a name that is nearly always the same, whoever asks and in whatever order: a restarted controller then finds in the switch the numbers
 * that it would give itself. (FNV-1a, 32 bits.)
 */
export function stableId(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) {
    hash ^= name.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193) >>> 0;
  }
  return hash;
}
