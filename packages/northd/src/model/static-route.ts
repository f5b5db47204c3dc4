import type { NbRow } from '@weft/schemas/nb';
import type { Model } from '../model.ts';
import type { Router } from './router.ts';

/** A Logical_Router_Static_Route of a router that is enabled. */
export class StaticRoute {
  readonly model: Model;
  readonly row: NbRow<'Logical_Router_Static_Route'>;
  readonly lr: Router;

  constructor(model: Model, row: NbRow<'Logical_Router_Static_Route'>, lr: Router) {
    this.model = model;
    this.row = row;
    this.lr = lr;
  }
}
