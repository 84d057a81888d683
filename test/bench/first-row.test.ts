import { describe, expect, it } from 'vitest';
import { findPostgres } from '../support/postgres-server.ts';
import { median, ratiosOf } from './figures.ts';
import { findOpa } from './opa-server.ts';
import { runSuite } from './suite.ts';
import { tableOf } from './table.ts';

describe.skipIf(findPostgres() === undefined)('the benchmark', () => {
  it('has a figure for each line, of answers that were all right and all recorded', async () => {
    const rows = await runSuite(['throughput'], { quick: true, rounds: 1, durationMs: 300 }, () => undefined);
    expect(rows.map(({ what }) => what)).toEqual([
      'refused, recorded',
      'pre-flight',
      'allowed, forwarded, delivered',
      'Express with one insert a request',
      ...(findOpa() === undefined ? [] : ['refused, recorded']),
    ]);
    for (const row of rows) {
      expect(row.figure.each.length, row.what).toBe(1);
      expect(median(row.figure.each), row.what).toBeGreaterThan(0);
      expect(median(ratiosOf(row)), row.what).toBeGreaterThan(0);
    }
    expect(tableOf(rows).split('\n')).toHaveLength(rows.length + 2);
  });

  it('refuses a section that there is not', async () => {
    await expect(
      runSuite(['nothing'], { quick: true, rounds: 1, durationMs: 1 }, () => undefined),
    ).rejects.toThrow('no such section: nothing');
  });
});
