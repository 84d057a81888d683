import { expect, it } from 'vitest';
import { Ahead } from '../../src/ledger/ahead.ts';
import { Book } from '../../src/ledger/book.ts';
import { askExcepted } from '../../src/ledger/exceptions.ts';
import { fakePolicy, host, limits, setOf, wipe } from '../support/gate-parts.ts';
import { facts } from '../policy/samples.ts';

const exception = {
  id: 'e1',
  action: 'disk.wipe',
  set: { max_targets: 100 },
  principal: 'bot',
  owner: 'jo',
  ticket: 'DC-4711',
  until_ms: 2_000,
  max_targets: 300,
};

/** Three exceptions that may help, asked for one after the other; none does. */
function askUnderThree(tookMs: (asked: number) => number): {
  readonly asked: number;
  readonly thrown: unknown;
} {
  let asked = 0;
  const excepting = { ...limits, exceptions: ['e1', 'e2', 'e3'].map(id => ({ ...exception, id })) };
  const policy = {
    ...fakePolicy(() => {
      asked += 1;
      return { allow: false, reasons: [{ rule: 'blast_radius.max_targets', message: 'too many' }] };
    }),
    limits: excepting,
    loosened: new Map([['blast_radius.max_targets', 'max_targets']]),
  };
  const ahead = new Ahead(excepting);
  ahead.usedOf = () => 0;
  const one = { action: wipe, kind: host, principal: 'bot', counted: true, targets: setOf(['h1']).targets };
  const now = {
    ...{
      book: new Book(excepting, new Map([['host', host]]), new Set([wipe.name])),
      ahead,
      policy,
      killFileEngaged: false,
      observers: new Set<string>(),
      nowMs: 1_000,
    },
    state: { revision: 1, count: 100, asOfMs: 0, definition: 'd', totals: new Map() },
    tookMs: () => tookMs(asked),
  };
  try {
    askExcepted(one, now, facts, [{ rule: 'blast_radius.max_targets', message: 'too many' }]);
    return { asked, thrown: undefined };
  } catch (thrown) {
    return { asked, thrown };
  }
}

it('a request is asked under each exception that may help', () => {
  expect(askUnderThree(() => 0)).toEqual({ asked: 3, thrown: undefined });
});

it('a request under many exceptions is a fault where a slow policy would keep a stop waiting meanwhile', () => {
  expect(askUnderThree(asked => asked * 600)).toEqual({
    asked: 2,
    thrown: expect.objectContaining({ rule: 'policy.failed' }),
  });
});
