/** Tells listeners. */

/** What one of them throws is its owner's fault: the others hear of it all the same, and the error comes up where it stops nobody's work. */
export function tell<T>(listeners: Iterable<(event: T) => void>, event: T): void {
  for (const listener of [...listeners]) {
    try {
      listener(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
