import { isMet, median, ratiosOf, type Figure, type Row } from './figures.ts';

const HEADER = ['what', 'measured', 'against', 'measured', 'ratio', 'target', ''];

const digits = (value: number): string =>
  Math.abs(value) >= 100 ? String(Math.round(value)) : value.toFixed(Math.abs(value) >= 10 ? 1 : 2);

/** The median, and between which the rounds lie. */
function spread(values: readonly number[]): string {
  if (values.length === 0) return '';
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length === 1
    ? digits(median(values))
    : `${digits(median(values))} (${digits(low)}–${digits(high)})`;
}

const figureCell = (figure: Figure | undefined): string =>
  figure === undefined ? '' : `${spread(figure.each)} ${figure.unit}`;

function targetCell({ target }: Row): string {
  if (target === undefined) return '';
  return 'atLeast' in target ? `≥ ${target.atLeast}` : `≤ ${target.atMost}`;
}

function metCell(row: Row): string {
  const met = isMet(row);
  if (met === undefined) return '';
  return met ? 'reached' : 'short';
}

const cellsOf = (row: Row): readonly string[] => [
  row.what,
  figureCell(row.figure),
  row.against?.what ?? '',
  figureCell(row.against?.figure),
  spread(ratiosOf(row)),
  targetCell(row),
  metCell(row),
];

/** As Markdown, so that it can stand in a README as it is. */
export function tableOf(rows: readonly Row[]): string {
  const cells = [HEADER, ...rows.map(cellsOf)];
  const widths = HEADER.map((_, column) => Math.max(3, ...cells.map(line => line[column]?.length ?? 0)));
  const lines = cells.map(
    line => `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`,
  );
  const rule = `|${widths.map(width => '-'.repeat(width + 2)).join('|')}|`;
  return [lines[0], rule, ...lines.slice(1)].join('\n');
}

/** The same for programs: every round's figure, so that nothing has to be taken from a rounded cell. */
export const documentOf = (rows: readonly Row[]) =>
  rows.map(row => ({ ...row, ratios: ratiosOf(row), ratio: median(ratiosOf(row)), met: isMet(row) ?? null }));
