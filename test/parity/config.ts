/**
 * One northbound contents to compare. Each step is one transaction of ovn-nbctl commands, after which the southbound tables are compared;
 * a step with `sb` first runs ovn-sbctl commands, in the role of a chassis.
 */
export interface ParityConfig {
  readonly name: string;
  readonly steps: readonly ParityStep[];
}

export interface ParityStep {
  readonly nb: readonly string[];
  readonly sb?: readonly string[];
  /** What follows from the step may come a little after `sync` has been answered. */
  readonly eventually?: true;
}

/** A configuration of steps that are northbound commands only. */
export function config(name: string, ...steps: readonly (readonly string[])[]): ParityConfig {
  return { name, steps: steps.map((nb) => ({ nb })) };
}

/** The commands that attach a router to a switch: `lrp-add` and the router-type switch port `SWITCH-ROUTER`. */
export function attach(router: string, ls: string, mac: string, ...networks: readonly string[]): string[] {
  return [
    `lrp-add ${router} ${router}-${ls} ${mac} ${networks.join(' ')}`,
    `lsp-add ${ls} ${ls}-${router}`,
    `lsp-set-type ${ls}-${router} router`,
    `lsp-set-addresses ${ls}-${router} router`,
    `lsp-set-options ${ls}-${router} router-port=${router}-${ls}`,
  ];
}
