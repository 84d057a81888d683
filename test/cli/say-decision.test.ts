import { expect, test } from 'vitest';
import { blastRadius } from '../../src/api/answers.ts';
import type { Decided } from '../../src/cli/decision-exit.ts';
import { nextCommandOf } from '../../src/cli/next-command.ts';
import { sayDecision } from '../../src/cli/say-decision.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const rack = (index: number) => ({ value: `r${index}`, count: 1, total: 40, share_ppm: 25_000 });

/** An allow of one target in each of so many racks. */
const allowed = (racks: number, more: Partial<Decided> = {}): Decided => ({
  ...{ id: '1', mode: 'preflight', decision: 'allowed', status: 200, action: 'disk.wipe', reasons: [] },
  ...{ principal: 'bot', body_digest: 'sha256:0', decided_at: '2026-11-29T21:00:00.000Z' },
  targets: { count: racks, digest: 'sha256:0' },
  blast_radius: blastRadius.parse({
    fleet: { count: racks, total: 12_000, share_ppm: 1_000 },
    rack: Array.from({ length: racks }, (_, index) => rack(index + 1)),
  }),
  ...more,
});

function said(decided: Decided, terminal: { isPerson?: boolean; width?: number } = {}): string[] {
  const recorded = recordedTerminal();
  sayDecision(decided, { url: 'http://gate', next: nextCommandOf({}) }, { ...recorded, ...terminal });
  return recorded.said;
}

test('an allowed pre-flight is what would be, and says nothing of an outcome that it never has', () => {
  expect(said(allowed(2))).toEqual(['would be allowed: disk.wipe of 2 targets', 'pre-flight 1']);
});

test('a person sees what it takes out of each dimension, of many values the first, and no line is cut by the terminal', () => {
  const lines = said(allowed(10), { isPerson: true });
  expect(lines.filter(line => /^ {2}rack +r\d+ +1 +40 +2\.5%/.test(line))).toHaveLength(10);
  expect(lines.join('\n')).toMatch(/\n {2}fleet +all +10 +12,000 +0\.1%\n/);
  expect(lines.join('\n')).not.toContain('more');
  const many = said(allowed(12), { isPerson: true, width: 60 });
  expect(many.join('\n')).toMatch(/rack +r10 .*\n {2}rack +and 2 more/);
  const long = allowed(1, {
    blast_radius: blastRadius.parse({
      fleet: { count: 1, total: 2, share_ppm: 500_000 },
      rack: [{ ...rack(1), value: 'r'.repeat(99) }],
    }),
  });
  for (const line of said(long, { isPerson: true, width: 40 })) expect(line.length).toBeLessThanOrEqual(40);
});

test('a person sees each weight under its value, which counts for no other value; of nothing there is no share', () => {
  const weights = (total: number) => ({ traffic: { weight: 0, total, ...(total > 0 && { share_ppm: 0 }) } });
  const lines = said(
    allowed(1, {
      blast_radius: blastRadius.parse({
        fleet: { count: 1, total: 2, share_ppm: 500_000, weights: weights(9) },
        rack: Array.from({ length: 11 }, (_, index) => ({ ...rack(index), weights: weights(0) })),
      }),
    }),
    { isPerson: true },
  );
  expect(lines.flatMap(line => /rack +and .* more/.exec(line) ?? [])).toEqual(['rack   and 1 more']);
  expect(lines.filter(line => / traffic /.test(line)).map(line => line.trim().split(/ {2,}/))).toEqual([
    ['fleet', 'all, traffic', '0', '9', '0%'],
    ...Array.from({ length: 10 }, (_, index) => ['rack', `r${index}, traffic`, '0', '0', '-']),
  ]);
});

test('what was refused by an executor that answered is not said to be unsent, whatever it answered', () => {
  const detail = 'Nothing was sent: so says the tool';
  const outcome = { status: 'refused', http_status: 422, detail, attempts: 1 } as const;
  expect(said(allowed(1, { mode: 'request', outcome }))[0]).toContain('refused by its executor');
  const unsent = { status: 'refused', detail, attempts: 1 } as const;
  expect(said(allowed(1, { mode: 'request', outcome: unsent }))[0]).toContain('not sent to its executor');
});

test('the detail of an answer without reasons is said, and once where its outcome has it too', () => {
  const stopped = (detail: string) =>
    allowed(1, { mode: 'request', outcome: { status: 'stopped', detail, attempts: 0 } });
  const answered = (detail: string) => said(Object.assign(stopped('held back'), { detail }));
  expect(answered('It is stopped for good.')).toContain('  It is stopped for good.');
  expect(answered('held back').join('\n').split('held back')).toHaveLength(2);
});
