import { describe, expect, test } from 'vitest';
import { blastRadius } from '../../src/api/answers.ts';
import { runAuditShow } from '../../src/cli/audit-show.ts';
import { nextCommandOf } from '../../src/cli/next-command.ts';
import { sayDecision } from '../../src/cli/say-decision.ts';
import type { Outcome, RecordedDecision } from '../../src/client/types.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const id = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const DECIDED = '2026-11-28T09:41:07.000Z';

/** What is shown of an allowed request with this outcome, and what else is told. */
async function shown(outcome: Outcome, more: Partial<RecordedDecision> = {}): Promise<string> {
  const one: RecordedDecision = {
    ...{ id, mode: 'request', decision: 'allowed', status: 200, action: 'disk.wipe', principal: 'bot' },
    ...{ body_digest: `sha256:${'0'.repeat(64)}`, reasons: [], decided_at: DECIDED, outcome },
    ...more,
  };
  const terminal = recordedTerminal();
  const calls = {
    one: async () => await Promise.resolve(one),
    search: () => {
      throw new Error('a whole id needs no search');
    },
    next: nextCommandOf({ url: 'https://gate:7070', keyFile: './own key' }),
  };
  expect(await runAuditShow(id, false, calls, terminal, Date.parse(DECIDED) + 300_000)).toBe(0);
  return terminal.said.join('\n');
}

const radius = blastRadius.parse({
  fleet: {
    ...{ count: 4, total: 21, share_ppm: 190_477 },
    weights: {
      traffic: { weight: 120, total: 4000, share_ppm: 30_000, missing: 1 },
      users: { weight: 0, total: 0 },
    },
  },
  rack: [{ value: 'r1', count: 4, total: 8, share_ppm: 500_000 }],
});
const stage = { run: 2, stage: 1, of: 4, reached: 4, count: 10, total: 21 };
const targets = { count: 4, digest: `sha256:${'0'.repeat(64)}` };

describe('audit show', () => {
  test('says who settled an outcome', async () => {
    expect(
      await shown({ status: 'refused', by: 'oncall', settled_at: '2026-11-28T09:43:07.000Z', detail: 'no' }),
    ).toContain('outcome:     refused by oncall, 3m ago: no');
  });

  test('names nobody where the gate itself saw the answer', async () => {
    expect(await shown({ status: 'delivered', settled_at: '2026-11-28T09:43:07.000Z' })).toContain(
      'outcome:     delivered, 3m ago',
    );
  });

  test('says that its executor is asked again', async () => {
    expect(await shown({ status: 'unknown', tries_again: true, attempts: 2, detail: 'no answer' })).toContain(
      'outcome:     unknown, and its executor is asked again, after 2 attempts: no answer',
    );
  });

  test('says what its targets weigh, with a share where there is anything, and where the rollout stands', async () => {
    const text = await shown(
      { status: 'delivered' },
      { blast_radius: radius, stage: { ...stage, run: 1 }, targets },
    );
    expect(text).toContain(
      'radius:      4 of 21 (19.0477%), by traffic (1 target without) 120 of 4,000 (3%), by users 0 of 0\n  rack: r1 4 of 8 (50%)\n' +
        'stage:       run 1, stage 1 of 4, 4 of 21 targets reached; the stage holds 10\n',
    );
    expect(text).not.toContain('further run');
  });

  test('says that a request began a further run, and not that a later one of it did', async () => {
    const begun = 'further run: run 2 has reached no other target: it begins at the first stage';
    expect(await shown({ status: 'delivered' }, { stage, targets })).toContain(begun);
    expect(await shown({ status: 'delivered' }, { stage: { ...stage, reached: 5 }, targets })).not.toContain(
      begun,
    );
    expect(await shown({ status: 'delivered' }, { stage, targets, decision: 'refused' })).not.toContain(
      begun,
    );
  });

  test('prints a command that runs as it is printed: at this gate, with this key', async () => {
    expect(await shown({ status: 'delivered' })).toContain(
      "  interlock audit export --url https://gate:7070 --key-file './own key' | jq -c",
    );
  });

  test.each(['delivered', 'refused'] as const)(
    'says where a report that contradicts what was %s would be',
    async status => {
      expect(await shown({ status, by: 'oncall' })).toContain(
        `jq -c 'select(.type == "outcome" and .body.request == "${id}")`,
      );
    },
  );

  test('tells what waits for a place at its executor from what is there', async () => {
    expect(await shown({ status: 'pending', attempts: 0 })).toMatch(/outcome: +pending, not sent yet$/m);
    expect(await shown({ status: 'pending', attempts: 1 })).toMatch(/outcome: +pending$/m);
  });

  test.each(['pending', 'unknown', 'stopped'] as const)(
    'says nothing of reports where it is %s, which none can contradict',
    async status => expect(await shown({ status })).not.toContain('reports:'),
  );
});

test('a person who submits is told the stage, what a further run means, and the weights of what is taken', () => {
  const terminal = { ...recordedTerminal(), isPerson: true };
  const next = nextCommandOf({});
  const decided = {
    ...{ id, mode: 'preflight', decision: 'allowed', status: 200, action: 'config.push', principal: 'bot' },
    ...{
      body_digest: targets.digest,
      reasons: [],
      decided_at: DECIDED,
      targets,
      stage,
      blast_radius: radius,
    },
  } satisfies Partial<RecordedDecision>;
  sayDecision(decided, { url: 'https://gate:7070', next }, terminal);
  const text = terminal.said.join('\n');
  expect(text).toContain('Rollout: run 2, stage 1 of 4, 4 of 21 targets reached; the stage holds 10.');
  expect(text).toContain('A further run: run 2 would have reached no other target: it begins at the first');
  expect(text).toMatch(/fleet +all, traffic \(1 target without\) +120 +4,000 +3%/);
});
