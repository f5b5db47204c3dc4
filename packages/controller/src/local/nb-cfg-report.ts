/** When the `nb_cfg` that the switch has confirmed is reported: at once, or later, to measure a large network (ovn-controller(8), `debug/delay-nb-cfg-report`). */
import type { Model } from '../model/model.ts';
import type { Timer } from '../packet-in/announcer.ts';

interface Clock {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly timer: Timer;
}

export class NbCfgReport {
  /** How long reports are held back. */
  delaySeconds = 0;
  readonly #model: Model;
  readonly #clock: Clock;
  readonly #reported: () => void;
  #waiting: { readonly nbCfg: number; readonly cancel: () => void } | undefined;

  /** Puts reports into the model, and says when it has put one. */
  constructor(model: Model, clock: Clock, reported: () => void) {
    this.#model = model;
    this.#clock = clock;
    this.#reported = reported;
  }

  /** The flows of this `nb_cfg` are in the switch. Another one that still waits is reported no more. */
  installed(nbCfg: number): void {
    if (this.#waiting?.nbCfg === nbCfg) return;
    this.stop();
    if (this.#model.reported.get('reported')?.nbCfg === nbCfg) return;
    if (this.delaySeconds === 0) {
      this.#report(nbCfg);
      return;
    }
    const cancel = this.#clock.timer(this.delaySeconds * 1000, () => {
      this.#waiting = undefined;
      this.#report(nbCfg);
    });
    this.#waiting = { nbCfg, cancel };
  }

  stop(): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
  }

  #report(nbCfg: number): void {
    const row = { _uuid: 'reported', nbCfg, timestamp: this.#clock.now() };
    this.#model.reported.apply([{ uuid: 'reported', new: row }]);
    this.#reported();
  }
}
