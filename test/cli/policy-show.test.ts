import { expect, it } from 'vitest';
import { runPolicyShow } from '../../src/cli/policy-show.ts';
import type { Budgets, Policy } from '../../src/client/types.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const digest = `sha256:${'0'.repeat(64)}`;

const lacking = (key: string, what: string, name?: string) => ({
  ...{ key, kind: 'host', why: `host declares no ${what}${name === undefined ? '' : ` ${name}`}` },
  lacks: { what, ...(name !== undefined && { name }) },
});

const wipe = {
  ...{ action: 'disk.wipe', profile: 'destroy@1' },
  idle: [
    lacking('max_share.cell', 'dimension', 'cell'),
    lacking('max_share.class', 'dimension', 'class'),
    lacking('match[0]', 'label', 'environment'),
    lacking('max_values.cell', 'dimension', 'cell'),
    lacking('max_values.class', 'dimension', 'class'),
    { ...lacking('windows[2]', 'dimension', 'cluster'), item: 'per cluster, over 24h' },
    lacking('min_remaining', 'state'),
  ],
};

const policy: Policy = {
  ...{ revision: digest, digest, active: true, bundle: { revision: 'r', digest }, checks: [], limits: {} },
  ...{ protected: [], freezes: [], exceptions: [] },
  profiles: [wipe, { ...wipe, action: 'disk.erase' }, { ...wipe, action: 'host.retire', idle: [] }],
};

async function show(shown: Policy, items: Budgets['items'] = [], width?: number): Promise<string[]> {
  const terminal = { ...recordedTerminal(), ...(width !== undefined && { width }) };
  const calls = {
    policy: async () => await Promise.resolve(shown),
    budgets: async () => await Promise.resolve({ items }),
  };
  expect(await runPolicyShow(false, calls, terminal)).toBe(0);
  return terminal.said;
}

it('policy show says what of a profile is idle: once for alike actions, and once for labels that lack together', async () => {
  const said = await show(policy);
  const at = said.indexOf('Profiles');
  expect(said.slice(at, at + 8)).toEqual([
    'Profiles',
    '  disk.wipe and disk.erase are like destroy@1',
    '    idle, as host declares no dimension cell, class: max_share, max_values',
    '    idle, as host declares no label environment: match',
    '    idle, as host declares no dimension cluster: windows (per cluster, over 24h)',
    '    idle, as host declares no state: min_remaining',
    '  host.retire is like destroy@1',
    '',
  ]);
});

it.each([50, 60, 80])('at %d columns policy show cuts nothing of what it says of a profile', async width => {
  const said = await show(policy, [], width);
  const lines = said.slice(said.indexOf('Profiles'), said.indexOf('Protected'));
  expect(lines.filter(line => line.length > width)).toEqual([]);
  expect(lines.join(' ').replace(/ +/g, ' ')).toContain('dimension cell, class: max_share, max_values');
});

it('policy show names the bundle by its digest, as doctor and the log do', async () => {
  expect(await show(policy)).toContain(`Bundle ${digest}`);
});

it('policy show says of a budget of weight which one it is', async () => {
  const weight = {
    ...{ action: null, rule: 'budget.window' as const, per: 'fleet', value: 'host', over_s: 3600 },
  };
  const said = await show(policy, [
    { ...weight, used: 1, limit: 10, unit: 'weight', weight: 'traffic' },
    { ...weight, used: 1, limit: 10, unit: 'weight', weight: 'users' },
  ]);
  expect(said.filter(line => line.endsWith('weight traffic'))).toHaveLength(1);
  expect(said.filter(line => line.endsWith('weight users'))).toHaveLength(1);
});

it('policy show names the ids of a protected entry that are no target', async () => {
  const kind = 'host';
  const said = await show({
    ...policy,
    protected: [
      { kind, ids: ['web-1'], matches: 1 },
      { kind, ids: ['web-2', 'bastion-O1'], matches: 1, missing: ['bastion-O1'] },
      // The note on entries that match nothing says it of all its ids.
      { kind, ids: ['gone-1'], matches: 0, missing: ['gone-1'] },
    ],
  });
  const lines = said.slice(said.indexOf('Protected'), said.indexOf('Budgets now'));
  expect(lines.filter(line => line.includes('Of #'))).toEqual([
    '  Of #2 no target, and guarding nothing: bastion-O1',
  ]);
});
