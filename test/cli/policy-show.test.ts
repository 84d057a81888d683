import { expect, it } from 'vitest';
import { runPolicyShow } from '../../src/cli/policy-show.ts';
import type { Policy } from '../../src/client/types.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const digest = `sha256:${'0'.repeat(64)}`;

const policy: Policy = {
  ...{ revision: digest, digest, active: true, bundle: {}, checks: [], limits: {} },
  ...{ protected: [], freezes: [], exceptions: [] },
  profiles: [
    {
      ...{ action: 'disk.wipe', profile: 'destroy@1' },
      idle: [
        { key: 'max_share.cell', why: 'host declares no dimension cell' },
        { key: 'match[0]', why: 'host declares no label environment' },
        { key: 'max_values.cell', why: 'host declares no dimension cell' },
      ],
    },
  ],
};

it('policy show says what of a profile is idle, once for each thing that the kind lacks', async () => {
  const terminal = recordedTerminal();
  const calls = {
    policy: async () => await Promise.resolve(policy),
    budgets: async () => await Promise.resolve({ items: [] }),
  };
  expect(await runPolicyShow(false, calls, terminal)).toBe(0);
  const { said } = terminal;
  const at = said.indexOf('Profiles');
  expect(said.slice(at, at + 4)).toEqual([
    'Profiles',
    '  disk.wipe is like destroy@1',
    '    idle, as host declares no dimension cell: max_share.cell, max_values.cell',
    '    idle, as host declares no label environment: match[0]',
  ]);
});
