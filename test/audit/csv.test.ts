import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CSV_HEADER, csvCell, csvLine } from '../../src/audit/csv.ts';
import type { RequestView } from '../../src/audit/views.ts';

const view: RequestView = {
  id: 'a',
  mode: 'request',
  decision: 'refused',
  principal: 'bot',
  body_digest: 'sha256:b',
  reasons: [
    { rule: 'blast_radius.max_targets', message: 'x' },
    { rule: 'targets.unknown', message: 'x', value: 'a' },
    { rule: 'targets.unknown', message: 'x', value: 'b' },
  ],
  decided_at: 'now',
  status: 422,
};

describe('a cell of CSV', () => {
  it.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', ' =1', '\uff1d1', '|cmd'])(
    'is no formula: %j',
    text => {
      expect(csvCell(text).replace(/^"/, '')).toMatch(/^'/);
    },
  );

  it.each([
    [undefined, ''],
    ['', ''],
    [0, '0'],
    [-1, '-1'],
    ['a', 'a'],
    ['a,b', '"a,b"'],
    ['a"b', '"a""b"'],
    ['a\nb', '"a\nb"'],
    ['a-b=c', 'a-b=c'],
  ])('%j is written %s', (value, text) => {
    expect(csvCell(value)).toBe(text);
  });
});

describe('a line of CSV', () => {
  it('says nothing of what was not reached, and each rule once', () => {
    expect(csvLine(view)).toBe(
      'a,now,request,,bot,refused,422,,blast_radius.max_targets targets.unknown,,,\r\n',
    );
  });

  it('comes back from a parser as it was, whatever clients write', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (reason, ticket) => {
        const [row]: Record<string, string>[] = parse(CSV_HEADER + csvLine({ ...view, reason, ticket }), {
          columns: true,
          record_delimiter: '\r\n',
        });
        expect([reason, `'${reason}`]).toContain(row?.['reason']);
        expect([ticket, `'${ticket}`]).toContain(row?.['ticket']);
      }),
    );
  });
});
