/** Takes an operation apart. */
import type { Json } from '@weft/ovsdb/json';
import { Members as ObjectMembers } from '@weft/ovsdb/members';

export class Members extends ObjectMembers {
  /** `position` and `count` say in messages which operation it is. */
  constructor(json: Json, position: number, count: number) {
    super(json, () => `ovsdb operation ${position} of ${count}`);
  }
}
