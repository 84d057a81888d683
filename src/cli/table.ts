import { showCount } from '../kit/units.ts';
import { columnsOf, cutTo } from './columns.ts';
import { printable } from './printable.ts';
import { wrapBehind } from './wrap.ts';

export interface Column {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly align?: 'right';
  /** What is made narrower where the terminal is too narrow: free text, not an id that somebody copies. */
  readonly shrinks?: true;
}

export type Cell = string | number | undefined;

const GAP = '  ';
/** Less says nothing any more. */
const NARROWEST = 8;

/**
 * Lines of a table, the titles first; each row by itself where not even a cut table has room. Cells may be of anybody's text: each is made
 * printable, and stays in its line.
 * @param width of the terminal; undefined where nobody looks on, and nothing is cut
 */
export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width?: number,
): string[] {
  const titles = columns.map(({ title }) => title);
  const texts = [titles, ...rows.map(row => columns.map((_, at) => textOf(row[at])))];
  const widths = fitWidths(columns, texts, width);
  if (width !== undefined && sum(widths) + GAP.length * (columns.length - 1) > width)
    return stackRows(columns, rows, width);
  return texts.map(row => formatRow(row, columns, widths));
}

/** As a table where all of it fits, and else each row by itself, with nothing cut: for what is read, and not compared from row to row. */
export function fitTable(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  width: number | undefined,
): string[] {
  const table = formatTable(columns, rows);
  if (width === undefined || table.every(line => columnsOf(line) <= width)) return table;
  return stackRows(columns, rows, width);
}

/** A line, or some, for each cell. */
function stackRows(columns: readonly Column[], rows: readonly (readonly Cell[])[], width: number): string[] {
  const widest = Math.max(...columns.map(({ title }) => columnsOf(title)));
  return rows.flatMap((row, at) => [
    ...(at === 0 ? [] : ['']),
    ...columns.flatMap(({ title }, index) => {
      const heading = title + ' '.repeat(widest - columnsOf(title)) + GAP;
      return row[index] === undefined ? [] : wrapBehind(heading, textOf(row[index]), width);
    }),
  ]);
}

const textOf = (cell: Cell): string => {
  if (cell === undefined || cell === '') return '-';
  return typeof cell === 'number' ? showCount(cell) : printable(cell);
};

/** `1 action`, `12,000 actions`, `2 entries`. */
export const countOf = (count: number, unit: string): string =>
  `${showCount(count)} ${count === 1 ? unit : unit.endsWith('y') ? `${unit.slice(0, -1)}ies` : `${unit}s`}`;

/** Below a list of the newest, of which there are more. */
export const newestShown = (count: number, unit: string): string =>
  `The newest ${countOf(count, unit)} ${count === 1 ? 'is' : 'are'} shown; --all shows all, --limit N so many.`;

function fitWidths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): number[] {
  const widths = columns.map((_, at) => Math.max(...rows.map(row => columnsOf(row[at] ?? ''))));
  if (width === undefined) return widths;
  let over = sum(widths) + GAP.length * (columns.length - 1) - width;
  // The widest gives first, so that no column vanishes for the sake of another.
  while (over > 0) {
    const widest = columns
      .map((column, at) => ({ at, width: column.shrinks === true ? (widths[at] ?? 0) : 0 }))
      .reduce((a, b) => (b.width > a.width ? b : a), { at: -1, width: NARROWEST });
    if (widest.at < 0) break;
    widths[widest.at] = widest.width - 1;
    over -= 1;
  }
  return widths;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

function formatRow(row: readonly string[], columns: readonly Column[], widths: readonly number[]): string {
  const cells = columns.map(({ align }, at) => {
    const width = widths[at] ?? 0;
    const text = cutTo(row[at] ?? '', width);
    const room = ' '.repeat(Math.max(0, width - columnsOf(text)));
    return align === 'right' ? room + text : text + room;
  });
  return cells.join(GAP).trimEnd();
}
