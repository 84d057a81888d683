import { describe, expect, it } from 'vitest';
import { parseLimit, parseQuery } from '../../src/intake/query.ts';
import { Refused } from '../../src/intake/refused.ts';

const known = ['action', 'rule'];

describe('a query', () => {
  it.each([
    'x=1',
    '__proto__=1',
    'Action=a',
    'action',
    'action=',
    'action=%20',
    'action=a&action=a',
    '=a',
    'action=%zz',
    'action=%00',
    'action=%ff',
  ])('is refused: %s', text => {
    const result = parseQuery(text, known);
    expect(result).toBeInstanceOf(Refused);
    expect(result).toMatchObject({ rule: 'request.query' });
  });

  it('is read, with its encodings', () => {
    expect(parseQuery('', known)).toEqual(new Map());
    expect(parseQuery('action=disk.wipe&rule=a%2Bb+c', known)).toEqual(
      new Map([
        ['action', 'disk.wipe'],
        ['rule', 'a+b c'],
      ]),
    );
  });
});

describe('a limit', () => {
  it('is a whole number from 1 to 1000', () => {
    for (const text of ['0', '-1', '1.5', '1001', '99999', '1e2', 'all', '0x10']) {
      expect(parseLimit(new Map([['limit', text]]))).toBeInstanceOf(Refused);
    }
    expect(parseLimit(new Map())).toBeUndefined();
    expect(parseLimit(new Map([['limit', '1000']]))).toBe(1000);
  });
});
