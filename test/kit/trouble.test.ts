import { expect, test } from 'vitest';
import { Fault } from '../../src/kit/fault.ts';
import { Trouble } from '../../src/kit/trouble.ts';
import { recordedLogger } from '../support/recorded-logger.ts';

test('a trouble is said when it begins, for each other cause, and when it is over, with how often it was met', () => {
  const { logger, whole } = recordedLogger();
  let nowMs = 5_000;
  const trouble = new Trouble(logger, { monotonicMs: () => nowMs }, { begins: 'away', over: 'back' });
  trouble.over();
  for (; nowMs < 25_000; nowMs += 500) {
    const cause = nowMs < 6_000 ? 'terminated' : nowMs % 1_000 === 0 ? 'refused' : 'terminated';
    trouble.met(new Fault('store.unavailable', 'it does not answer', new Error(cause)));
  }
  trouble.over();
  trouble.over();
  trouble.met(new Error('terminated', { cause: new Error('only a fault names it') }));
  expect(whole().map(line => [line['msg'], line['why'] ?? line['times'], line['for_s']])).toEqual([
    ['away', 'store.unavailable: it does not answer (terminated)', undefined],
    ['away', 'store.unavailable: it does not answer (refused)', undefined],
    ['back', 40, 20],
    ['away', 'terminated', undefined],
  ]);
});

test('a trouble whose end nothing shows is over when it was not met for a while, and may be said whole', () => {
  const { logger, whole } = recordedLogger();
  let nowMs = 0;
  const says = { begins: 'failed', over: 'quiet', whole: true };
  const trouble = new Trouble(logger, { monotonicMs: () => nowMs }, says);
  trouble.overIfQuiet(60_000);
  for (; nowMs < 100_000; nowMs += 500) {
    trouble.met(new Error('no right'), 'error');
    trouble.overIfQuiet(60_000);
  }
  for (; nowMs < 300_000; nowMs += 500) trouble.overIfQuiet(60_000);
  trouble.met(new Error('no right'), 'error');
  expect(whole()).toMatchObject([
    {
      level: 50,
      msg: 'failed',
      err: { message: 'no right', stack: expect.stringContaining('trouble.test') },
    },
    { level: 40, msg: 'quiet', times: 200, for_s: 160 },
    { level: 50, msg: 'failed' },
  ]);
});

test('of a trouble whose cause is another one each time the first hundred are said, and all are counted', () => {
  const { logger, whole } = recordedLogger();
  const trouble = new Trouble(logger, { monotonicMs: () => 0 }, { begins: 'failed', over: 'quiet' });
  for (let time = 0; time < 1_000; time += 1) trouble.met(new Error(`value ${time}`));
  trouble.over();
  expect(whole()).toHaveLength(101);
  expect(whole().at(-1)).toMatchObject({ msg: 'quiet', times: 1_000 });
});
