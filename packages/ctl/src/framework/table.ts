/** Tables of cells, printed as ovn-nbctl(8) says under "Table Formatting Options". */
import type { Datum } from '@weft/ovsdb/datum';
import { type Json, jsonText } from '@weft/ovsdb/json';
import type { ColumnType } from '@weft/ovsdb/schema';
import { encodeDatum } from '@weft/ovsdb/wire';
import { type DataFormat, formatDatum } from '../generic/print-value.ts';
import { prettyJson } from './pretty-json.ts';

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

export interface Cell {
  readonly type: ColumnType;
  readonly datum: Datum;
}

export interface Table {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

/** Prints a table, ending with a newline unless it is empty. */
export function formatTable(table: Table, style: TableStyle): string {
  if (style.format === 'json') return formatJson(table, style);
  const text = table.rows.map((row) => row.map((cell) => formatDatum(style.data, cell.type, cell.datum)));
  switch (style.format) {
    case 'list':
      return formatList(table.headings, text, style);
    case 'table':
      return formatColumns(table.headings, text, style);
    case 'html':
      return formatHtml(table.headings, text, style);
    case 'csv':
      return [...(style.headings ? [table.headings] : []), ...text]
        .map((row) => `${row.map(csvCell).join(',')}\n`)
        .join('');
  }
}

/** What stands between the tables of two commands. */
export function tableSeparator(style: TableStyle): string {
  return style.format === 'list' || style.format === 'table' || style.format === 'csv' ? '\n' : '';
}

function formatList(headings: readonly string[], rows: readonly (readonly string[])[], style: TableStyle): string {
  return rows
    .map((row) =>
      row.map((cell, i) => (style.headings ? `${headings[i]!.padEnd(20)}: ${cell}\n` : `${cell}\n`)).join(''),
    )
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

function formatJson(table: Table, style: TableStyle): string {
  const json: Json = {
    data: table.rows.map((row) => row.map((cell) => encodeDatum(cell.type, cell.datum))),
    headings: table.headings,
  };
  return `${style.pretty ? prettyJson(json) : jsonText(json)}\n`;
}
