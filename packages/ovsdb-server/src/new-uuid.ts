/** Random uuids (RFC 4122 version 4). Each transaction needs some, so their randomness is drawn in advance, and their text is made in one piece. */
import { randomFillSync } from 'node:crypto';
import { type Uuid, zeroUuid } from '@weft/ovsdb/uuid';

const uuidBytes = 16;
const drawn = Buffer.allocUnsafeSlow(uuidBytes * 256);
let used = drawn.length;
const text = Buffer.from(zeroUuid);
/** Where the two digits of each byte stand. */
const places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const digits = '0123456789abcdef';

/** A uuid that nothing has. */
export function newUuid(): Uuid {
  if (used === drawn.length) {
    randomFillSync(drawn);
    used = 0;
  }
  for (let i = 0; i < uuidBytes; i++) {
    let byte = drawn[used++]!;
    if (i === 6) byte = (byte & 0x0f) | 0x40;
    else if (i === 8) byte = (byte & 0x3f) | 0x80;
    const place = places[i]!;
    text[place] = digits.charCodeAt(byte >> 4);
    text[place + 1] = digits.charCodeAt(byte & 15);
  }
  return text.toString('latin1');
}
