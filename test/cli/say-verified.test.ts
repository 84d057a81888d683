import { expect, it } from 'vitest';
import { sayVerified } from '../../src/cli/say-verified.ts';
import type { ChainReport } from '../../src/audit/verify-chain.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const said = (report: Partial<ChainReport>): string => {
  const terminal = recordedTerminal();
  const head = { seq: 65, hash: 'sha256:65' };
  const whole: ChainReport = { entries: 66, firstAt: 'FIRST', lastAt: 'LAST', head, givenUp: [] };
  const verified = { report: { ...whole, ...report }, rows: [], checkpointProblems: [], notes: [] };
  sayVerified(verified, false, terminal);
  return terminal.said.join('\n');
};

it('no entry is vouched for that is called altered', () => {
  const text = said({ finding: { how: 'altered', seq: 64, message: 'An entry from 64 to 65 was altered.' } });
  expect(text).toMatch(/Whole up to entry 63;/);
  expect(text).not.toMatch(/Head: |LAST/);
});

it('what fits before the first entry that does not is whole up to there', () => {
  const text = said({ finding: { how: 'removed', seq: 66, message: 'Entry 66 is missing.' } });
  expect(text).toMatch(/Whole up to entry 65, from FIRST to LAST; [\s\S]*Head: 65 /);
});

it('a chain whose end was given up says from where on', () => {
  expect(said({ endGivenUp: { entry: 63, at: 'THEN' } })).toMatch(/from entry 64 on is that history/);
});
