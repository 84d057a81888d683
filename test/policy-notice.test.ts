import { expect, it } from 'vitest';
import { PolicyNotice } from '../src/policy-notice.ts';
import { recordedLogger } from './support/recorded-logger.ts';

it('says once that another policy revision is active, and once that this one is again', () => {
  const { logger, said } = recordedLogger();
  const notice = new PolicyNotice(logger);
  for (const active of ['a', undefined, 'a']) notice.look('a', active);
  expect(said()).toEqual([]);
  for (const active of ['b', 'b', undefined, 'c']) notice.look('a', active);
  expect(said()).toEqual([
    [50, expect.stringMatching(/is not the active one: nothing is decided.*--activate/)],
  ]);
  for (const active of ['a', undefined, 'a']) notice.look('a', active);
  expect(said().slice(1)).toEqual([[40, expect.stringContaining('the active one again')]]);
});
