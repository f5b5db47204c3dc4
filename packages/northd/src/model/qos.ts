import type { NbRow } from '@weft/schemas/nb';
import type { Model } from '../model.ts';
import type { Switch } from './switch.ts';

/** A QoS rule of a switch. */
export class Qos {
  readonly model: Model;
  readonly row: NbRow<'QoS'>;
  readonly ls: Switch;

  constructor(model: Model, row: NbRow<'QoS'>, ls: Switch) {
    this.model = model;
    this.row = row;
    this.ls = ls;
  }
}
