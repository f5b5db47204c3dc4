/** Boolean options in maps of strings, by OVN's rule: the case of the letters does not matter, and what is neither word is as if not there. */

/** Whether an option that is off by default is on. */
export function isOn(options: ReadonlyMap<string, string>, name: string): boolean {
  return options.get(name)?.toLowerCase() === 'true';
}

/** Whether an option that is on by default is off. */
export function isOff(options: ReadonlyMap<string, string>, name: string): boolean {
  return options.get(name)?.toLowerCase() === 'false';
}
