/** Tables of cells, printed as ovn-nbctl(8) says under "Table Formatting Options". */
import type { Datum } from '@weft/ovsdb/datum';
import { type Json, jsonText } from '@weft/ovsdb/json';
import type { Row } from '@weft/ovsdb/row';
import type { ColumnType } from '@weft/ovsdb/schema';
import { encodeDatum } from '@weft/ovsdb/wire';
import { LongText } from './long-text.ts';
import { prettyJson } from './pretty-json.ts';
import { type DataFormat, datumFormatter } from './print-value.ts';

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

/** Rows to be printed. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

interface Column {
  readonly heading: string;
  readonly type: ColumnType;
  readonly value: (row: Row) => Datum;
}

type Strings = readonly string[];

/** The text of a row's cell. */
type Cell = (row: Row) => string;

/** Prints a table, ending with a newline unless it is empty. */
export function formatTable(table: Table, style: TableStyle): string {
  const headings = table.columns.map(({ heading }) => heading);
  const cells = table.columns.map(({ type, value }): Cell => {
    const format = datumFormatter(style.data, type);
    return (row) => format(value(row));
  });
  switch (style.format) {
    case 'list':
      return formatList(headings, table.rows, cells, style);
    case 'table':
      return formatColumns(headings, table.rows, cells, style);
    case 'html':
      return formatHtml(headings, table.rows, cells, style);
    case 'csv':
      return formatCsv(headings, table.rows, cells, style);
    case 'json':
      return formatJson(table, headings, style);
  }
}

/** What stands between the tables of two commands. */
export function tableSeparator(style: TableStyle): string {
  return style.format === 'list' || style.format === 'table' || style.format === 'csv' ? '\n' : '';
}

function formatList(headings: Strings, rows: readonly Row[], cells: readonly Cell[], style: TableStyle): string {
  const heads = headings.map((heading) => (style.headings ? `${heading.padEnd(20)}: ` : ''));
  const text = new LongText();
  rows.forEach((row, i) => {
    if (i > 0) text.add('\n');
    cells.forEach((cell, j) => {
      text.add(heads[j]!);
      text.add(cell(row));
      text.add('\n');
    });
  });
  return text.toString();
}

function formatColumns(headings: Strings, rows: readonly Row[], cells: readonly Cell[], style: TableStyle): string {
  const columns = cells.map((cell) => rows.map(cell));
  const widths = columns.map((texts, i) => {
    const widest = texts.reduce((max, text) => Math.max(max, width8(text)), 0);
    const width = style.maxColumnWidth > 0 ? Math.min(widest, style.maxColumnWidth) : widest;
    // A heading is never cut.
    return style.headings ? Math.max(width, headings[i]!.length) : width;
  });
  const text = new LongText();
  const line = (cells: Strings) => {
    text.add(
      cells
        .map((cell, i) => fit(cell, widths[i]!))
        .join(' ')
        .trimEnd(),
    );
    text.add('\n');
  };
  if (style.headings) {
    line(headings);
    line(widths.map((width) => '-'.repeat(width)));
  }
  rows.forEach((_, i) => {
    line(columns.map((texts) => texts[i]!));
  });
  return text.toString();
}

function fit(text: string, width: number): string {
  const actual = width8(text);
  return actual > width ? cut8(text, width) : text + ' '.repeat(width - actual);
}

/** Columns are aligned by bytes of UTF-8. */
function width8(text: string): number {
  return Buffer.byteLength(text);
}

function cut8(text: string, width: number): string {
  return Buffer.from(text).subarray(0, width).toString();
}

const uuidInText = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

function formatHtml(headings: Strings, rows: readonly Row[], cells: readonly Cell[], style: TableStyle): string {
  const text = new LongText();
  const add = (element: string, cells: Strings) => {
    text.add('  <tr>\n');
    for (const cell of cells) text.add(`    <${element}>${cell}</${element}>\n`);
    text.add('  </tr>\n');
  };
  text.add('<table border=1>\n');
  if (style.headings) add('th', headings.map(escapeHtml));
  for (const row of rows) {
    add(
      'td',
      cells.map((cell, i) => htmlCell(headings[i]!, cell(row))),
    );
  }
  text.add('</table>\n');
  return text.toString();
}

/** A row's own uuid is where links to it lead; other uuids are links. */
function htmlCell(heading: string, text: string): string {
  if (heading === '_uuid') return `<a name="${escapeHtml(text)}">${escapeHtml(text.slice(0, 8))}</a>`;
  return escapeHtml(text).replace(uuidInText, (uuid) => `<a href="#${uuid}">${uuid.slice(0, 8)}</a>`);
}

function escapeHtml(text: string): string {
  if (!/[&<>"]/.test(text)) return text;
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function formatCsv(headings: Strings, rows: readonly Row[], cells: readonly Cell[], style: TableStyle): string {
  const text = new LongText();
  const line = (cells: Strings) => text.add(`${cells.map(csvCell).join(',')}\n`);
  if (style.headings) line(headings);
  for (const row of rows) line(cells.map((cell) => cell(row)));
  return text.toString();
}

function csvCell(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function formatJson({ columns, rows }: Table, headings: Strings, style: TableStyle): string {
  const data = (row: Row): Json => columns.map(({ type, value }) => encodeDatum(type, value(row)));
  if (style.pretty) return `${prettyJson({ data: rows.map(data), headings })}\n`;
  const text = new LongText();
  text.add('{"data":[');
  rows.forEach((row, i) => {
    if (i > 0) text.add(',');
    text.add(jsonText(data(row)));
  });
  text.add(`],"headings":${jsonText(headings)}}\n`);
  return text.toString();
}
