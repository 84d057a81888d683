import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatCursor, parseCursor } from '../../src/audit/cursor.ts';

describe('a cursor', () => {
  it('is none that was not made for this list', () => {
    const good = formatCursor(7, 'list');
    const forged = (text: string): string => Buffer.from(text).toString('base64url');
    for (const cursor of [
      '',
      '7',
      'null',
      forged('7'),
      forged('7.'),
      forged('-1.x'),
      forged('1e3.x'),
      `${good}A`,
      `${good}=`,
      good.slice(1),
      ` ${good}`,
    ]) {
      expect(parseCursor(cursor, 'list')).toBeUndefined();
    }
    expect(parseCursor(good, 'another')).toBeUndefined();
    // Nothing in a cursor is secret: somebody may make one of what is no position.
    for (const none of [Number.NaN, 2 ** 53])
      expect(parseCursor(formatCursor(none, 'list'), 'list')).toBeUndefined();
    expect(
      parseCursor(forged(Buffer.from(good, 'base64url').toString().replace('7', '8')), 'list'),
    ).toBeUndefined();
  });

  it('comes back as the position that it was made of', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.string(), (position, of) => {
        expect(parseCursor(formatCursor(position, of), of)).toBe(position);
      }),
    );
  });

  it('is never anything but a position, whatever the text', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        expect(parseCursor(text, 'list')).toBeUndefined();
      }),
    );
  });
});
