import type { NbRow } from '@weft/schemas/nb';
import type { Model } from '../model.ts';
import type { Router } from './router.ts';

/** A Logical_Router_Policy of a router that is enabled. */
export class Policy {
  readonly model: Model;
  readonly row: NbRow<'Logical_Router_Policy'>;
  readonly lr: Router;

  constructor(model: Model, row: NbRow<'Logical_Router_Policy'>, lr: Router) {
    this.model = model;
    this.row = row;
    this.lr = lr;
  }
}
