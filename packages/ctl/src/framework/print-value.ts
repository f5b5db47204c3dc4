/** Database values as text ("Database Values" in ovn-nbctl(8)). */
import type { Atom, AtomicType } from '@weft/ovsdb/atom';
import type { Datum } from '@weft/ovsdb/datum';
import { jsonText } from '@weft/ovsdb/json';
import type { ColumnType } from '@weft/ovsdb/schema';
import { encodeDatum } from '@weft/ovsdb/wire';

export const dataFormats = ['string', 'bare', 'json'] as const;
export type DataFormat = (typeof dataFormats)[number];

const bareWord = /^[A-Za-z_][A-Za-z0-9_.-]*$/;
const uuidLike = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;

/** Does a string need no quotes to be told from the other types? */
function isBareWord(text: string): boolean {
  return bareWord.test(text) && text !== 'true' && text !== 'false' && !(text.length === 36 && uuidLike.test(text));
}

/** One atom; strings in quotes where they need them. */
export function formatAtom(type: AtomicType, atom: Atom): string {
  if (type === 'string') return isBareWord(atom as string) ? (atom as string) : jsonText(atom as string);
  if (type === 'real') return formatReal(atom as number);
  return String(atom);
}

/** As C prints a double with 15 significant digits. */
function formatReal(value: number): string {
  if (value === 0) return '0';
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -5 && exponent < 15) return String(Number(value.toPrecision(15)));
  const [mantissa, power] = value.toExponential(14).split('e') as [string, string];
  const digits = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa;
  return `${digits}e${power[0]}${power.slice(1).padStart(2, '0')}`;
}

/** How values are put together. */
interface Punctuation {
  readonly atom: (type: AtomicType, value: Atom) => string;
  readonly separator: string;
  readonly set: (items: string) => string;
  readonly map: (pairs: string) => string;
}

/** The default format: `[a, b]`, `{k=v, k=v}`, an atom by itself. */
const full: Punctuation = {
  atom: formatAtom,
  separator: ', ',
  set: (items) => `[${items}]`,
  map: (pairs) => `{${pairs}}`,
};

/** Without brackets, braces and quotes. */
const bare: Punctuation = {
  atom: (type, value) => (type === 'string' ? (value as string) : formatAtom(type, value)),
  separator: ' ',
  set: (items) => items,
  map: (pairs) => pairs,
};

/** Prints the values of one column. */
export type DatumFormatter = (datum: Datum) => string;

function formatter({ atom, separator, set, map }: Punctuation, type: ColumnType): DatumFormatter {
  const keyType = type.key.type;
  const one = (value: unknown): string => atom(keyType, value as Atom);
  const emptySet = set('');
  switch (type.kind) {
    case 'scalar':
      return one;
    case 'optional':
      return (datum) => (datum === undefined ? emptySet : one(datum));
    case 'set':
      return (datum) => {
        const atoms = datum as readonly Atom[];
        return atoms.length === 0 ? emptySet : set(atoms.map(one).join(separator));
      };
    case 'map': {
      const valueType = type.value?.type ?? 'string';
      const emptyMap = map('');
      return (datum) => {
        const entries = datum as ReadonlyMap<Atom, Atom>;
        if (entries.size === 0) return emptyMap;
        const pairs: string[] = [];
        for (const [key, value] of entries) pairs.push(`${one(key)}=${atom(valueType, value)}`);
        return map(pairs.join(separator));
      };
    }
  }
}

/** As `get` prints values: `[a, b]`, `{k=v, k=v}`, an atom by itself. */
export function formatString(type: ColumnType, datum: Datum): string {
  return formatter(full, type)(datum);
}

/** Prints a column's values in the format that `--data` chose. */
export function datumFormatter(format: DataFormat, type: ColumnType): DatumFormatter {
  switch (format) {
    case 'string':
      return formatter(full, type);
    case 'bare':
      return formatter(bare, type);
    case 'json':
      return (datum) => jsonText(encodeDatum(type, datum));
  }
}
