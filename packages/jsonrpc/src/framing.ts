/** What framing promises: its limits, and its error. */
import type { Json } from './json.ts';

export interface FramerLimits {
  /** The longest value, in bytes. */
  readonly maxBytes: number;
  /** How deep arrays and objects may be nested. */
  readonly maxDepth: number;
  /** How many values it may consist of, about: memory and time go with them more than with bytes. Default: no limit. */
  readonly maxValues?: number;
  /**
   * A value of which that many bytes have come without its end is parsed as it arrives. Default: what can be parsed in a moment. Whoever has nothing
   * else to do meanwhile may wait for all of it: it is quicker in one piece, as long as V8 can hold the text (512 MB).
   */
  readonly longBytes?: number;
}

/** What a server takes. The depth is what C's parser allows. */
export const defaultLimits: FramerLimits = { maxBytes: 256 * 1024 * 1024, maxDepth: 1000 };

/** For a client, which is to hold all of its server's rows anyway: the first dump may be as long as it is. */
export const trustedLimits: FramerLimits = { ...defaultLimits, maxBytes: Number.MAX_SAFE_INTEGER };

/** Reads one value by itself, from its first byte on: whoever knows what comes need not have it parsed as any value. */
export interface ValueReader {
  /**
   * Takes the next bytes. Returns how many of them belong to the value if it is whole now, else undefined.
   * @throws FramingError
   */
  feed(bytes: Buffer): number | undefined;
  /** The value, once `feed` said that it is whole. */
  readonly value: Json;
  /** Bytes held of what is not read yet. */
  readonly pendingBytes: number;
}

/** The stream is not a sequence of JSON arrays and objects within the limits. Nothing that follows can be understood. */
export class FramingError extends Error {
  override name = 'FramingError';
}
