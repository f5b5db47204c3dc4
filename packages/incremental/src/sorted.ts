/** Where `key` stands, or would stand, in an ascending array. */
export function lowerBound<T, K extends string | number>(array: readonly T[], key: K, keyOf: (item: T) => K): number {
  let low = 0;
  let high = array.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOf(array[middle] as T) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
