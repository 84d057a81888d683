import { expect, it } from 'vitest';
import { warnOfIdleProtection } from '../src/warn-of-idle-protection.ts';
import { recordedLogger } from './support/recorded-logger.ts';

const ids = Array.from({ length: 50_000 }, (_, index) => `h${index}`);
const selector = { role: ['dns'] };

it('says which protected entry matches nothing, and which ids of one are no targets, with twenty of many', () => {
  const { logger, whole } = recordedLogger();
  warnOfIdleProtection(
    [
      { kind: 'host', selector, matches: 2 },
      { kind: 'host', ids: ['h1'], matches: 1 },
      { kind: 'host', selector, matches: 0 },
      { kind: 'host', ids, matches: 0, missing: ids },
      { kind: 'host', ids, matches: 49_979, missing: ids.slice(0, 21) },
      { kind: 'host', ids: ['h1', 'h2'], matches: 1, missing: ['h2'] },
    ],
    logger,
  );
  const first = ids.slice(0, 20);
  expect(whole().map(line => [line['msg'], line['protected']])).toEqual([
    [expect.stringContaining('entry of the limits matches no target'), { kind: 'host', selector }],
    [
      expect.stringContaining('entry of the limits matches no target'),
      { kind: 'host', ids: first, more: 49_980 },
    ],
    [expect.stringContaining('ids of a protected entry'), { kind: 'host', ids: first, more: 1 }],
    [expect.stringContaining('ids of a protected entry'), { kind: 'host', ids: ['h2'] }],
  ]);
});
