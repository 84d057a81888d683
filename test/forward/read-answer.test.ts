import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../src/forward/read-answer.ts';

const kindsOf = (statuses: readonly number[], headers = {}): string[] => [
  ...new Set(statuses.map(status => readAnswer(status, headers).kind)),
];
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

describe('what an answer says', () => {
  it('leaves every status that is not in the table unknown', () => {
    const unlisted = [203, ...range(205, 300), 408, ...range(500, 600), 600, 799, 999, 0];
    expect(kindsOf(unlisted)).toEqual(['unknown']);
  });

  it('takes every 3xx, and every 4xx but 408, as refused', () => {
    expect(kindsOf([...range(300, 400), ...range(400, 408), ...range(409, 500)])).toEqual(['refused']);
  });

  it('takes Interlock-Outcome: refused as refused on any status', () => {
    const headers = { 'interlock-outcome': 'refused' };
    expect(kindsOf([200, 201, 202, 204, 206, 302, 404, 408, 500, 503, 599, 799], headers)).toEqual([
      'refused',
    ]);
  });

  it.each(['', ' ', 'Refused', 'refused, delivered', 'refused;', 'not refused', 'delivered', 'unknown'])(
    'does not take Interlock-Outcome: "%s" for a refusal',
    word => {
      expect(readAnswer(500, { 'interlock-outcome': word }).kind).toBe('unknown');
      expect(readAnswer(200, { 'interlock-outcome': word }).kind).toBe('delivered');
    },
  );

  it('believes a refusal that came in two headers only if both say it', () => {
    expect(readAnswer(500, { 'interlock-outcome': [] }).kind).toBe('unknown');
    expect(readAnswer(500, { 'interlock-outcome': ['refused', 'delivered'] }).kind).toBe('unknown');
    expect(readAnswer(500, { 'interlock-outcome': ['refused', 'refused'] }).kind).toBe('refused');
  });

  it('takes 200, 201 and 204 as delivered, and 202 as accepted', () => {
    expect(kindsOf([200, 201, 204])).toEqual(['delivered']);
    expect(readAnswer(202, {})).toMatchObject({ kind: 'accepted', httpStatus: 202 });
  });
});
