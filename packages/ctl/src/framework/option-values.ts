/**
 * What options say. Of yargs this is the parser alone: all of yargs, which lays out the help, takes some 10 ms to load, and a command has not much more than that
 * to itself.
 */
import type { Options } from 'yargs';
import parser from 'yargs-parser';

/** An option, as declared for yargs, and: */
export interface OptionSpec extends Options {
  readonly type: 'boolean' | 'string';
  /** Its letter. */
  readonly alias?: string;
  /** Its value can be left out, and can only follow a `=`, or the letter. */
  readonly optional?: true;
}

/** An option as it was given: its name, with dashes, and its value. */
export type Given = readonly [name: string, value?: string | undefined];

/**
 * Has yargs read options.
 * @param options by name, without dashes
 * @param negated `--no-NAME` says that NAME is false, which need not be declared
 * @returns by name, without dashes: of options that are given twice, the last value; `true` for those without one
 */
export function optionValues(
  given: readonly Given[],
  options: { readonly [name: string]: OptionSpec },
  { negated = false }: { readonly negated?: boolean } = {},
): { readonly [name: string]: unknown } {
  const declared = Object.entries(options);
  const named = (type: OptionSpec['type']) =>
    declared.flatMap(([name, option]) => (option.type === type && option.optional === undefined ? [name] : []));
  // yargs takes a pair of quotes off each value, which may have its own.
  const words = given.map(([name, value]) => (value === undefined ? name : `${name}="${value}"`));
  return parser(words, {
    boolean: named('boolean'),
    string: named('string'),
    coerce: Object.fromEntries(
      declared.flatMap(([name, { coerce }]) => (coerce === undefined ? [] : [[name, coerce]])),
    ),
    configuration: {
      'boolean-negation': negated,
      'camel-case-expansion': false,
      'dot-notation': false,
      'duplicate-arguments-array': false,
      'parse-numbers': false,
    },
  });
}
