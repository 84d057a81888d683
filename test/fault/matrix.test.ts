import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

// README.md beside this file says which test holds each cell of the failure matrix.

const tests = join(import.meta.dirname, '..');
const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');

const MATRIX = [
  'database away',
  'policy missing or broken at start, or not the active one',
  'inventory empty or stale',
  'a load that shrinks or is cut off',
  'executor down or slow',
  'a gate dies',
  'clock jumps',
];
/** The one cell without a promise: nobody dies of a pre-flight. */
const EMPTY = 'a gate dies: pre-flight';

/** The cells of each table below its head, row by row. */
const tables = text
  .split(/\n\n+/u)
  .filter(block => block.startsWith('| '))
  .map(block => {
    const [head = [], , ...rows] = block.split('\n').map(line =>
      line
        .split('|')
        .slice(1, -1)
        .map(cell => cell.trim()),
    );
    return { head, rows };
  });

const named = (cell: string): { file: string; title: string }[] =>
  [...cell.matchAll(/`([^`]+\.test\.ts)` › “([^”]+)”/gu)].map(([, file = '', title = '']) => ({
    file,
    title,
  }));

const cells = tables.flatMap(({ head, rows }) =>
  rows.flatMap(([row = '', ...rest]) =>
    rest.map((cell, index) => ({ of: `${row}: ${head[index + 1]}`, cell })),
  ),
);

/** Whether a file has a test of that very title, which is not skipped. */
function isThere({ file, title }: { readonly file: string; readonly title: string }): boolean {
  const path = join(tests, file);
  if (!existsSync(path)) return false;
  const literal = title.replaceAll(/[.*+?^${}()|[\]\\]/gu, String.raw`\$&`).replaceAll("'", String.raw`\\?'`);
  return new RegExp(String.raw`(?:\bit|\))\(\s*['"]${literal}['"],`, 'u').test(readFileSync(path, 'utf8'));
}

it('has a row for each thing that fails, and a cell for each of the three ways in', () => {
  const [matrix] = tables;
  expect(tables).toHaveLength(2);
  expect(matrix?.head).toEqual(['what fails', 'new requests', 'pre-flight', 'kill switch']);
  expect(matrix?.rows.map(([what]) => what)).toEqual(MATRIX);
  expect(matrix?.rows.filter(row => row.length !== 4)).toEqual([]);
});

it('names a test in each cell', () => {
  expect(cells.length).toBeGreaterThan(3 * MATRIX.length);
  expect(cells.filter(({ cell }) => named(cell).length === 0).map(({ of }) => of)).toEqual([EMPTY]);
  // Whatever looks like a test is read as one.
  const mentioned = text.match(/\.test\.ts` ›/gu) ?? [];
  expect(cells.flatMap(({ cell }) => named(cell))).toHaveLength(mentioned.length);
});

it('names tests that are there', () => {
  const missing = cells.flatMap(({ of, cell }) =>
    named(cell)
      .filter(one => !isThere(one))
      .map(({ file, title }) => `${of}: ${file}: ${title}`),
  );
  expect(missing).toEqual([]);
  expect(isThere({ file: 'fault/matrix.test.ts', title: 'names tests that are nowhere' })).toBe(false);
});
