import { describe, expect, it } from 'vitest';

import { Book } from '../../src/ledger/book.ts';
import { conflictReasons } from '../../src/ledger/conflicts.ts';
import type { Case } from '../../src/ledger/case.ts';
import { host, limits, setOf, wipe } from '../support/gate-parts.ts';

const id = (index: number): string => `h${String(index).padStart(4, '0')}`;

/** A book in which the first targets are in operation, and the next were wiped and not shown since. */
function bookOf(operating: number, done: number): Book {
  const book = new Book(limits, new Map([['host', host]]), new Set([wipe.name]));
  for (let index = 0; index < operating + done; index += 1) {
    const isOperating = index < operating;
    const hold = {
      requestId: isOperating ? 'first' : 'second',
      action: 'disk.wipe',
      irreversible: true,
      operating: isOperating,
    };
    book.held.setHold('host', id(index), hold, { inService: false, labels: {} });
  }
  return book;
}

const askFor = (count: number): Case => ({
  action: wipe,
  kind: host,
  principal: 'bot',
  counted: true,
  targets: setOf(Array.from({ length: count }, (_, index) => id(index))).targets,
});

describe('what is in the way of a request', () => {
  it.each([
    ['was declared irreversible then', true, false, 1],
    ['was declared so since', false, true, 1],
    ['is not', false, false, 0],
  ])(
    'is what was done and not shown, where the action %s',
    (_title, wasIrreversible, isIrreversible, expected) => {
      const book = new Book(limits, new Map([['host', host]]), new Set([wipe.name]));
      const hold = { requestId: 'r', action: 'disk.wipe', irreversible: wasIrreversible, operating: false };
      book.held.setHold('host', id(0), hold, { inService: false, labels: {} });
      const one = { ...askFor(1), action: { ...wipe, irreversible: isIrreversible } };
      expect(conflictReasons(one, book)).toHaveLength(expected);
    },
  );

  it.each([
    ['an action that is not declared any more, and could not be undone', 'disk.shred', true, 1],
    ['one that is not declared any more, and can be undone', 'disk.shred', false, 0],
    ['another one that is declared', 'disk.trim', true, 0],
  ])('is what was done by %s: %s', (_title, action, irreversible, expected) => {
    const book = new Book(limits, new Map([['host', host]]), new Set([wipe.name, 'disk.trim']));
    const hold = { requestId: 'r', action, irreversible, operating: false };
    book.held.setHold('host', id(0), hold, { inService: false, labels: {} });
    for (const isIrreversible of [true, false]) {
      const one = { ...askFor(1), action: { ...wipe, irreversible: isIrreversible } };
      expect(conflictReasons(one, book).map(({ rule }) => rule)).toEqual(
        Array.from({ length: expected }, () => 'targets.already_done'),
      );
    }
  });

  it('is nothing where nothing is held', () => {
    expect(conflictReasons(askFor(3), bookOf(0, 0))).toEqual([]);
  });

  it('is listed, every target with the request that holds it', () => {
    const reasons = conflictReasons(askFor(2_100), bookOf(1_000, 1_000));
    expect(reasons.map(({ rule, value, request }) => [rule, value, request])).toEqual(
      Array.from({ length: 2_000 }, (_, index) =>
        index < 1_000
          ? ['targets.in_operation', id(index), 'first']
          : ['targets.already_done', id(index), 'second'],
      ),
    );
  });

  it('is listed up to a thousand of each rule, and told by number before them when it is more', () => {
    const reasons = conflictReasons(askFor(3_000), bookOf(1_001, 1_500));
    const told = reasons.filter(({ value }) => value === undefined);
    expect(told).toMatchObject([
      { rule: 'targets.in_operation', measured: 1_001, limit: 0, unit: 'targets' },
      { rule: 'targets.already_done', measured: 1_500, limit: 0, unit: 'targets' },
    ]);
    const listed = reasons.filter(({ value }) => value !== undefined);
    expect(listed.map(({ value }) => value)).toEqual(
      Array.from({ length: 2_000 }, (_, index) => id(index < 1_000 ? index : index + 1)),
    );
  });
});
