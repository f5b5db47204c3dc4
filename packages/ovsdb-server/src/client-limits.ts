/** How much one message of a client may be. */
import { constants } from 'node:buffer';
import { getHeapStatistics } from 'node:v8';
import { defaultLimits, type FramerLimits } from '@weft/jsonrpc/framing';

/**
 * ovn-northd writes a whole southbound database in one transaction when it finds an empty one: 30 values for each logical flow, and as many bytes of memory for
 * each value. So the more memory there is, the larger may a message be; what somebody sends who means no good takes a quarter of it at most.
 */
const heapPerValue = 256;
const heapPerByte = 16;
/** However little there is. */
const leastValues = 8_000_000;

/** `heapBytes`: how large the heap may grow. What is written of a message to the log must fit into one string. */
export function clientLimits(heapBytes: number = getHeapStatistics().heap_size_limit): FramerLimits {
  const bytes = Math.max(defaultLimits.maxBytes, Math.floor(heapBytes / heapPerByte));
  return {
    ...defaultLimits,
    maxBytes: Math.min(bytes, constants.MAX_STRING_LENGTH),
    maxValues: Math.max(leastValues, Math.floor(heapBytes / heapPerValue)),
  };
}
