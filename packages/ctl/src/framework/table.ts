/** Tables of cells, printed as ovn-nbctl(8) says under "Table Formatting Options". */
import type { Datum } from '@weft/ovsdb/datum';
import { type Json, jsonText } from '@weft/ovsdb/json';
import type { ColumnType } from '@weft/ovsdb/schema';
import { encodeDatum } from '@weft/ovsdb/wire';
import { prettyJson } from './pretty-json.ts';
import { type DataFormat, formatDatum } from './print-value.ts';

export const tableFormats = ['list', 'table', 'html', 'csv', 'json'] as const;
export type TableFormat = (typeof tableFormats)[number];

export interface TableStyle {
  readonly format: TableFormat;
  readonly data: DataFormat;
  readonly headings: boolean;
  readonly pretty: boolean;
  /** In characters; 0 for no limit. Only for the formats `table` and `list`. */
  readonly maxColumnWidth: number;
}

export const defaultTableStyle: TableStyle = {
  format: 'list',
  data: 'string',
  headings: true,
  pretty: false,
  maxColumnWidth: 0,
};

export interface Table {
  readonly columns: readonly { readonly heading: string; readonly type: ColumnType }[];
  /** Each has a value for each column. */
  readonly rows: readonly (readonly Datum[])[];
}

/** Prints a table, ending with a newline unless it is empty. */
export function formatTable(table: Table, style: TableStyle): string {
  const headings = table.columns.map(({ heading }) => heading);
  const cells = (row: readonly Datum[]): readonly string[] =>
    table.columns.map(({ type }, i) => formatDatum(style.data, type, row[i]));
  switch (style.format) {
    case 'list':
      return formatList(headings, table.rows, cells, style);
    case 'table':
      return formatColumns(headings, table.rows.map(cells), style);
    case 'html':
      return formatHtml(headings, table.rows.map(cells), style);
    case 'csv': {
      const line = (row: readonly string[]) => `${row.map(csvCell).join(',')}\n`;
      return (style.headings ? line(headings) : '') + table.rows.map((row) => line(cells(row))).join('');
    }
    case 'json':
      return formatJson(table, headings, style);
  }
}

/** What stands between the tables of two commands. */
export function tableSeparator(style: TableStyle): string {
  return style.format === 'list' || style.format === 'table' || style.format === 'csv' ? '\n' : '';
}

function formatList(
  headings: readonly string[],
  rows: readonly (readonly Datum[])[],
  cells: (row: readonly Datum[]) => readonly string[],
  style: TableStyle,
): string {
  const heads = headings.map((heading) => (style.headings ? `${heading.padEnd(20)}: ` : ''));
  // Tables are long: a row’s cells are not kept for the next.
  return rows
    .map((row) => {
      let text = '';
      for (const [i, cell] of cells(row).entries()) text += `${heads[i]}${cell}\n`;
      return text;
    })
    .join('\n');
}

function formatColumns(headings: readonly string[], rows: readonly (readonly string[])[], style: TableStyle): string {
  const widths = headings.map((heading, i) => {
    const widest = rows.reduce((max, row) => Math.max(max, width8(row[i]!)), 0);
    const width = style.maxColumnWidth > 0 ? Math.min(widest, style.maxColumnWidth) : widest;
    // A heading is never cut.
    return style.headings ? Math.max(width, heading.length) : width;
  });
  const line = (cells: readonly string[]) =>
    `${cells
      .map((cell, i) => {
        const cut = width8(cell) > widths[i]! ? cut8(cell, widths[i]!) : cell;
        return i === cells.length - 1 ? cut : cut + ' '.repeat(Math.max(0, widths[i]! - width8(cut)));
      })
      .join(' ')
      .trimEnd()}\n`;
  const head = style.headings ? line(headings) + line(widths.map((width) => '-'.repeat(width))) : '';
  return head + rows.map(line).join('');
}

/** Columns are aligned by bytes of UTF-8. */
function width8(text: string): number {
  return Buffer.byteLength(text);
}

function cut8(text: string, width: number): string {
  return Buffer.from(text).subarray(0, width).toString();
}

const uuidInText = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

function formatHtml(headings: readonly string[], rows: readonly (readonly string[])[], style: TableStyle): string {
  const row = (element: string, cells: readonly string[]) =>
    `  <tr>\n${cells.map((cell) => `    <${element}>${cell}</${element}>\n`).join('')}  </tr>\n`;
  const head = style.headings ? row('th', headings.map(escapeHtml)) : '';
  const body = rows.map((cells) =>
    row(
      'td',
      cells.map((cell, i) => htmlCell(headings[i]!, cell)),
    ),
  );
  return `<table border=1>\n${head}${body.join('')}</table>\n`;
}

/** A row's own uuid is where links to it lead; other uuids are links. */
function htmlCell(heading: string, text: string): string {
  if (heading === '_uuid') return `<a name="${escapeHtml(text)}">${escapeHtml(text.slice(0, 8))}</a>`;
  return escapeHtml(text).replace(uuidInText, (uuid) => `<a href="#${uuid}">${uuid.slice(0, 8)}</a>`);
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function csvCell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function formatJson({ columns, rows }: Table, headings: readonly string[], style: TableStyle): string {
  const json: Json = { data: rows.map((row) => columns.map(({ type }, i) => encodeDatum(type, row[i]))), headings };
  return `${style.pretty ? prettyJson(json) : jsonText(json)}\n`;
}
