import { describe, expect, it } from 'vitest';
import { readLoadQuery, type LoadMethod } from '../../src/inventory/load-query.ts';
import { isRefusal } from '../../src/kit/refusal.ts';

const read = (query: Readonly<Record<string, string>>, isOperator = true, method: LoadMethod = 'put') =>
  readLoadQuery(method, new Map(Object.entries(query)), isOperator);

const rules = (result: ReturnType<typeof read>) =>
  isRefusal(result) ? result.reasons.map(reason => reason.rule) : 'taken';

describe('the query of a load', () => {
  it('may be absent, and then nothing is forced', () => {
    expect(read({})).toEqual({ force: new Set() });
  });

  it.each(['', ' ', '0', '-1', '1.5', '1e3', '0x10', '007', 'ten', '1'.repeat(16)])(
    'with expect=%j is refused',
    expectation => {
      expect(rules(read({ expect: expectation }))).toEqual(['request.invalid']);
    },
  );

  it.each([
    '',
    'now',
    '2026-11-22',
    '2026-11-22T03:00:00',
    '2026-13-01T00:00:00Z',
    '2026-02-30T00:00:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T03:00:60Z',
    '2026-11-22T03:00:00+24:00',
    '1763780400',
  ])('with as_of=%j is refused', asOf => {
    expect(rules(read({ as_of: asOf }))).toEqual(['request.invalid']);
  });

  it.each(['', 'all', 'empty', 'Shrink', 'shrink,', 'shrink,shrink', 'shrink change', 'shrink,empty'])(
    'with force=%j is refused',
    force => {
      expect(rules(read({ force, reason: 'x' }))).toEqual(['request.invalid']);
    },
  );

  it.each([undefined, '', '  ', 'a\nb', 'x'.repeat(1001)])(
    'with a force and reason=%j is refused',
    reason => {
      expect(rules(read({ force: 'shrink', ...(reason !== undefined && { reason }) }))).toEqual([
        'request.invalid',
      ]);
    },
  );

  it('with a reason and no force is refused', () => {
    expect(rules(read({ reason: 'x' }))).toEqual(['request.invalid']);
  });

  it('of a PATCH has no as_of', () => {
    expect(rules(read({ as_of: '2026-11-22T03:00:00Z' }, true, 'patch'))).toEqual(['request.invalid']);
  });

  it('with a force of anyone but an operator is a 403, whatever else is wrong', () => {
    expect(rules(read({ force: 'everything', expect: '0' }, false))).toEqual(['principal.not_allowed']);
  });

  it('says everything that is wrong at once', () => {
    expect(rules(read({ expect: '0', as_of: 'now', force: 'all' }))).toHaveLength(4);
  });

  it('is read whole', () => {
    expect(
      read({
        expect: '12',
        as_of: '2026-11-22T04:00:00.1239+01:00',
        force: 'change,shrink',
        reason: 'dc closed',
      }),
    ).toEqual({
      expect: 12,
      asOfMs: Date.UTC(2026, 10, 22, 3, 0, 0, 123),
      force: new Set(['change', 'shrink']),
      reason: 'dc closed',
    });
  });
});
