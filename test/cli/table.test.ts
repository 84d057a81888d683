import { describe, expect, test } from 'vitest';
import { columnsOf, cutTo } from '../../src/cli/columns.ts';
import { printable } from '../../src/cli/printable.ts';
import { formatTable } from '../../src/cli/table.ts';
import { parseSince, showAgo, showDuration } from '../../src/cli/times.ts';

const ESC = String.fromCodePoint(0x1b);

describe('a text of somebody else', () => {
  test.each<[string, string, string]>([
    ['an escape sequence', `a${ESC}[2Jb`, 'a\\u001b[2Jb'],
    ['a line break', 'a\nb\r', 'a\\u000ab\\u000d'],
    ['a C1 control', 'a\u009b31mb', 'a\\u009b31mb'],
    ['a turn of direction', 'a\u202eb', 'a\\u202eb'],
    ['what cannot be seen', 'a\u200bb\u2028', 'a\\u200bb\\u2028'],
    ['half a pair', 'a\ud800', 'a\\ud800'],
  ])('shows %s as what it is', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  test('keeps the letters of any script', () => {
    expect(printable('Größe 東京 – ok')).toBe('Größe 東京 – ok');
  });

  test('is cut by the columns that it takes', () => {
    expect(columnsOf('東京a\u0301')).toBe(5);
    expect(cutTo('東京東京', 5)).toBe('東京…');
    expect(cutTo('abc', 3)).toBe('abc');
    expect(cutTo('abcd', 3)).toBe('ab…');
  });
});

describe('a table', () => {
  const columns = [
    { title: 'ID' },
    { title: 'COUNT', align: 'right' },
    { title: 'WHY', shrinks: true },
  ] as const;

  test('has its numbers at the right, and a dash for what is not there', () => {
    expect(
      formatTable(columns, [
        ['a', 12_000, 'x'],
        ['bcd', 7, undefined],
      ]),
    ).toEqual(['ID    COUNT  WHY', 'a    12,000  x', 'bcd       7  -']);
  });

  test('fits the terminal by cutting what may be cut, and never an id', () => {
    const lines = formatTable(columns, [['0123456789', 1, 'a long story about a rack']], 30);
    expect(lines).toEqual(['ID          COUNT  WHY', '0123456789      1  a long sto…']);
    expect(Math.max(...lines.map(columnsOf))).toBeLessThanOrEqual(30);
  });

  test('that not even cut has room is one row by itself after the other, and nothing of it is cut', () => {
    const row = ['0123456789', 1, 'a long story about a rack'];
    const lines = formatTable(columns, [row, ['b', 2, 'short']], 24);
    expect(lines).toEqual([
      ...['ID     0123456789', 'COUNT  1', 'WHY    a long story', '       about a rack', ''],
      ...['ID     b', 'COUNT  2', 'WHY    short'],
    ]);
  });

  test('is not cut where nobody looks on, and keeps each row in its line', () => {
    const story = 'a long story '.repeat(20).trim();
    expect(formatTable(columns, [['a', 1, `${story}\n${ESC}[1A`]])[1]).toBe(
      `a       1  ${story}\\u000a\\u001b[1A`,
    );
  });
});

describe('a time', () => {
  test.each([
    [0, '0s'],
    [61, '1m 1s'],
    [3_600, '1h'],
    [90_000, '25h'],
    [200_000, '2d 7h'],
  ])('of %d seconds reads %s', (seconds, expected) => {
    expect(showDuration(seconds)).toBe(expected);
  });

  test('is said from now, also where it is ahead', () => {
    const nowMs = Date.parse('2026-11-28T12:00:00Z');
    expect(showAgo('2026-11-28T11:58:00.000Z', nowMs)).toBe('2m ago');
    expect(showAgo('2026-11-28T12:00:30.000Z', nowMs)).toBe('in 30s');
  });

  test('to look from is so long ago, or exact, and nothing else', () => {
    const nowMs = Date.parse('2026-11-28T12:00:00Z');
    expect(parseSince('2h', nowMs)).toBe('2026-11-28T10:00:00.000Z');
    expect(parseSince('2026-11-28T10:00:00+01:00', nowMs)).toBe('2026-11-28T10:00:00+01:00');
    for (const text of ['', 'yesterday', '2', '-2h', '2026-11-28', '2h '])
      expect(parseSince(text, nowMs)).toBeUndefined();
  });
});
