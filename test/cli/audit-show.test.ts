import { describe, expect, test } from 'vitest';
import { runAuditShow } from '../../src/cli/audit-show.ts';
import type { Outcome, RecordedDecision } from '../../src/client/types.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const id = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const DECIDED = '2026-11-28T09:41:07.000Z';

/** What is shown of an allowed request with this outcome. */
async function shown(outcome: Outcome): Promise<string> {
  const one: RecordedDecision = {
    ...{ id, mode: 'request', decision: 'allowed', status: 200, action: 'disk.wipe', principal: 'bot' },
    ...{ body_digest: `sha256:${'0'.repeat(64)}`, reasons: [], decided_at: DECIDED, outcome },
  };
  const terminal = recordedTerminal();
  const calls = {
    one: async () => await Promise.resolve(one),
    search: () => {
      throw new Error('a whole id needs no search');
    },
  };
  expect(await runAuditShow(id, false, calls, terminal, Date.parse(DECIDED) + 300_000)).toBe(0);
  return terminal.said.join('\n');
}

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

  test.each(['delivered', 'refused'] as const)(
    'says where a report that contradicts what was %s would be',
    async status => {
      expect(await shown({ status, by: 'oncall' })).toContain(
        `jq -c 'select(.type == "outcome" and .body.request == "${id}")`,
      );
    },
  );

  test.each(['pending', 'unknown', 'stopped'] as const)(
    'says nothing of reports where it is %s, which none can contradict',
    async status => expect(await shown({ status })).not.toContain('reports:'),
  );
});
