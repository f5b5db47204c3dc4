import type { Uuid } from '@weft/ovsdb/uuid';
import type { NbRow } from '@weft/schemas/nb';
import { isOn } from '../boolean-option.ts';
import type { Model } from '../model.ts';
import type { SwitchPort } from './switch-port.ts';

/** A Logical_Switch. */
export class Switch {
  readonly model: Model;
  readonly row: NbRow<'Logical_Switch'>;
  readonly uuid: Uuid;

  constructor(model: Model, row: NbRow<'Logical_Switch'>) {
    this.model = model;
    this.row = row;
    this.uuid = row._uuid;
  }

  get name(): string {
    return this.row.name;
  }

  /** `other_config:vlan-passthru`: packets with VLAN tags are forwarded as they are. */
  get vlanPassthru(): boolean {
    return isOn(this.row.other_config, 'vlan-passthru');
  }

  /** The switch's ports of type router, ascending by uuid, whether or not their router port exists. */
  get routerPorts(): readonly SwitchPort[] {
    return this.model.portsOf(this.uuid, 'router');
  }

  get localnetPorts(): readonly SwitchPort[] {
    return this.model.portsOf(this.uuid, 'localnet');
  }

  /** Whether an enabled port takes packets to unknown destinations. */
  get hasUnknown(): boolean {
    return this.model.hasPortIn(this.uuid, 'unknown');
  }

  get hasVtep(): boolean {
    return this.model.hasPortIn(this.uuid, 'vtep');
  }

  get hasLocalnet(): boolean {
    return this.model.hasPortIn(this.uuid, 'localnet');
  }
}
