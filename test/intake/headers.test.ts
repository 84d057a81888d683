import { describe, expect, it } from 'vitest';
import { inventoryFormat, isJsonType, parsePrefer, repeatedHeader } from '../../src/intake/headers.ts';
import { isIdempotencyKey } from '../../src/kit/text.ts';

describe('a header sent twice', () => {
  it('is found in any case, whatever it is', () => {
    expect(repeatedHeader(['Content-Type', 'a', 'content-type', 'a'])).toBe('content-type');
    expect(repeatedHeader(['Host', 'a', 'X-Trace', '1', 'x-trace', '1'])).toBe('x-trace');
    expect(repeatedHeader(['Prefer', 'wait=1', 'Prefer', 'wait=2'])).toBe('prefer');
  });

  it('is not found in a value, nor where intermediaries add to a list', () => {
    expect(repeatedHeader([])).toBeUndefined();
    expect(repeatedHeader(['A', 'b', 'B', 'b', 'C', 'a'])).toBeUndefined();
    expect(
      repeatedHeader(['Via', '1', 'via', '2', 'X-Forwarded-For', '1', 'X-Forwarded-For', '2']),
    ).toBeUndefined();
  });
});

describe('an idempotency key', () => {
  it('is 1 to 255 visible ASCII characters', () => {
    for (const key of ['', ' ', 'a b', 'a\tb', '\u00e9', '\x7f', 'k'.repeat(256)])
      expect(isIdempotencyKey(key)).toBe(false);
    for (const key of ['k', '!~', 'k'.repeat(255)]) expect(isIdempotencyKey(key)).toBe(true);
  });
});

describe('a content type', () => {
  it('is JSON only when it says so and no more', () => {
    for (const type of [
      '',
      'json',
      'application/json;',
      'application/jsonp',
      'application/json; charset=utf-16',
      'application/json; profile=x',
      'application/json, text/plain',
    ]) {
      expect(isJsonType(type)).toBe(false);
    }
    for (const type of [
      'application/json',
      'Application/JSON',
      'application/json;charset=UTF-8',
      'application/json; charset="utf-8"',
    ]) {
      expect(isJsonType(type)).toBe(true);
    }
  });

  it('is an inventory as NDJSON or CSV', () => {
    expect(inventoryFormat('')).toBeUndefined();
    expect(inventoryFormat('application/json')).toBeUndefined();
    expect(inventoryFormat('text/csv; charset=latin1')).toBeUndefined();
    expect(inventoryFormat('application/x-ndjson')).toBe('ndjson');
    expect(inventoryFormat('text/csv; charset=utf-8')).toBe('csv');
  });

  it('is CSV that says that its header is there, as the gate says of its own, and not that there is none', () => {
    for (const type of ['text/csv; header=present', 'Text/CSV;charset="UTF-8" ; Header="present"'])
      expect(inventoryFormat(type)).toBe('csv');
    for (const type of [
      'text/csv; header=absent',
      'text/csv; header',
      'text/csv; header=present; header=present',
      'text/csv; header=present; header=absent',
      'text/csv;',
      'application/x-ndjson; header=present',
    ])
      expect(inventoryFormat(type)).toBeUndefined();
  });
});

describe('a preference', () => {
  it.each([
    [undefined, 60_000],
    ['', 60_000],
    [',,;,', 60_000],
    ['wait', 60_000],
    ['wait=', 60_000],
    ['wait=-1', 60_000],
    ['wait=1.5', 60_000],
    ['wait=abc', 60_000],
    ['return=minimal', 60_000],
    ['x="respond-async"', 60_000],
    ['x="a, respond-async, b"', 60_000],
    ['respond-asynchronously', 60_000],
    ['respond-async=no', 60_000],
    ['x=5', 60_000],
    [`wait=5${' '.repeat(995)}`, 60_000],
    [`${'"\\'.repeat(8_000)}`, 60_000],
    ['respond-async', 0],
    ['Respond-Async; priority=1', 0],
    ['wait=0', 0],
    ['wait=5', 5_000],
    ['wait = 5', 5_000],
    ['wait="5"', 5_000],
    ['handling=lenient, wait=5', 5_000],
    ['wait=5, wait=9', 5_000],
    ['respond-async, wait=10', 10_000],
    ['wait=999999999', 600_000],
  ])('of %j waits %d ms', (prefer, waitMs) => {
    // A repeat waits only where that is asked for.
    const repeatWaitMs = prefer?.includes('wait') === true && waitMs !== 60_000 ? waitMs : 0;
    expect(parsePrefer(prefer)).toMatchObject({ waitMs, repeatWaitMs });
  });

  it.each([
    ['respond-async, wait=10', 'respond-async, wait=10'],
    ['wait=10', 'wait=10'],
    ['respond-async', 'respond-async'],
    ['wait=x', ''],
  ])('of %j is said to be applied as %j', (prefer, applied) => {
    expect(parsePrefer(prefer).applied).toBe(applied);
  });
});
