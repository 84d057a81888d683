import { expect, it } from 'vitest';
import { HowFar } from '../../src/ledger/how-far.ts';
import { recordedLogger } from '../support/recorded-logger.ts';

/** A reading of which a page comes at each of these seconds; what the log was told of it. */
function told(...seconds: readonly number[]): unknown[] {
  const { logger, whole } = recordedLogger();
  let nowS = 0;
  const howFar = new HowFar('it', { logger, clock: { monotonicMs: () => nowS * 1_000 } });
  for (const [index, second] of seconds.entries()) {
    nowS = second;
    howFar.came({ rows: index + 1 });
  }
  howFar.ended({ rows: seconds.length });
  return whole().map(({ rows, for_s, msg }) => [rows, for_s, msg]);
}

it('tells nothing of what is read soon', () => {
  expect(told(1, 2, 2.9)).toEqual([]);
});

it('tells every few seconds how far it is, and that it is over', () => {
  const going = 'it is being read: nothing is decided here meanwhile';
  expect(told(1, 3, 4, 5, 7, 8)).toEqual([
    [2, 3, going],
    [5, 7, going],
    [6, 8, 'it is read'],
  ]);
});
