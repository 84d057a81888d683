import { expect, test } from 'vitest';
import { runInventorySummary } from '../../src/cli/inventory-summary.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const ok = { ok: true };

async function summary(kinds: Readonly<Record<string, { ok: boolean; known?: false; detail?: string }>>) {
  const terminal = recordedTerminal();
  const code = await runInventorySummary(
    true,
    {
      next: words => `interlock ${words}`,
      inventory: async () => await Promise.resolve({ kinds: [] }),
      readyToDecide: async () =>
        await Promise.resolve({
          ready: false,
          checks: { process: ok, database: ok, policy: ok, clock: ok, kinds },
        }),
    },
    terminal,
  );
  return { code, complained: terminal.complained };
}

test('what stops every decision on a kind is said beside what is in force: one that is stale, one that was never loaded', async () => {
  expect(
    await summary({
      host: { ok: false, detail: 'it is older than it may be' },
      'config-scope': { ok: false, detail: 'none was ever loaded' },
      zone: ok,
      rack: { ok: false, known: false, detail: 'not known' },
    }),
  ).toEqual({
    code: 0,
    complained: [
      'Every request for host is refused: it is older than it may be',
      'Every request for config-scope is refused: none was ever loaded',
    ],
  });
});
