import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { checkPolicy } from '../../src/cli/doctor/policy.ts';
import { runPolicyShow } from '../../src/cli/policy-show.ts';
import type { Policy } from '../../src/client/types.ts';
import { readConfig } from '../../src/config/read-config.ts';
import { temporaryFolder } from '../config/files.ts';
import { wideLimits, writeGateFiles } from '../support/gate.ts';
import { recordedTerminal } from './recorded-terminal.ts';

// What operators see of freezes and exceptions: `policy show` by what a gate says, `doctor` by the files and a clock.

const digest = `sha256:${'0'.repeat(64)}`;
const policy: Policy = {
  revision: digest,
  digest,
  active: true,
  bundle: { revision: digest, digest },
  checks: [],
  limits: { actions: {} },
  profiles: [],
  protected: [],
  freezes: [
    {
      ...{ actions: ['a.push', 'b.push'], from: '2026-12-19T00:00:00.000Z', reason: 'holidays' },
      ...{ until: '2027-01-04T07:00:00.000Z', except: ['oncall-bot'], status: 'in_force' as const },
    },
    { actions: ['a.push'], from: '2027-02-01T00:00:00.000Z', reason: 'audit', status: 'to_come' },
  ],
  exceptions: [
    {
      ...{
        id: 'e1',
        action: 'a.push',
        set: { max_targets: 100 },
        principal: 'bot',
        owner: 'jo',
        ticket: 'DC-1',
      },
      ...{
        until: '2026-12-24T00:00:00.000Z',
        max_targets: 300,
        used: 300,
        left: 0,
        status: 'used_up' as const,
      },
    },
    {
      ...{ id: 'e2', action: 'a.push', set: { max_share: { rack: { share_ppm: 500_000, at_least: 0 } } } },
      ...{ selector: { rack: ['r1', 'r2'] }, owner: 'jo', ticket: 'DC-2', until: '2026-12-24T00:00:00.000Z' },
      ...{ max_targets: 1_200, used: 7, left: 1_193, status: 'in_force' as const },
    },
  ],
};

async function show(shown: Policy, width?: number): Promise<string> {
  const terminal = { ...recordedTerminal(), ...(width !== undefined && { width }) };
  const calls = {
    policy: async () => await Promise.resolve(shown),
    budgets: async () => await Promise.resolve({ items: [] }),
  };
  expect(await runPolicyShow(false, calls, terminal)).toBe(0);
  return terminal.said.join('\n');
}

describe('policy show', () => {
  test('says of each freeze whether it is in force, and of each exception what is left', async () => {
    const said = await show(policy);
    expect(said).toMatch(/\nFreezes\n/);
    expect(said).toMatch(/IN FORCE +a\.push, b\.push +2026-12-19\S+ +2027-01-04\S+ +oncall-bot +holidays/);
    expect(said).toMatch(/to come +a\.push +2027-02-01\S+ +no end +- +audit/);
    expect(said).toMatch(/USED UP +e1 +a\.push +max_targets 100 +bot +2026-12-24\S+ +300 +300 +0 +jo +DC-1/);
    expect(said).toMatch(
      /in force +e2 +a\.push +max_share rack 50% +rack r1 or r2 +2026-12-24\S+ +1,200 +7 +1,193 +jo +DC-2/,
    );
  });

  test.each([50, 60, 80])('at %d columns cuts nothing, and gives each a line for each thing', async width => {
    const said = await show(policy, width);
    const lines = said.slice(said.indexOf('Freezes'), said.indexOf('Budgets')).split('\n');
    expect(lines.filter(line => line.length > width || line.includes('…'))).toEqual([]);
    expect(lines).toEqual(
      expect.arrayContaining([
        '  REASON   holidays',
        '  EXCEPT   oncall-bot',
        '  STATUS   USED UP',
        '  LEFT     1,193',
      ]),
    );
  });

  test('says nothing of them where there are none', async () => {
    expect(await show({ ...policy, freezes: [], exceptions: [] })).not.toMatch(/Freezes|Exceptions/);
  });
});

describe('doctor', () => {
  const DAY_MS = 86_400_000;
  const NOW_MS = Date.parse('2026-12-01T00:00:00Z');
  const at = (days: number): string => new Date(NOW_MS + days * DAY_MS).toISOString();
  const files = temporaryFolder();
  afterAll(() => files.remove());

  test('warns of a freeze without an end and of an exception that is over, and says what else is in force and comes', async () => {
    const exception = (id: string, days: number) => ({
      ...{ id, action: 'test.act', set: { max_targets: 9 }, principal: 'bot', owner: 'jo', ticket: 'DC-1' },
      ...{ until: at(days), max_targets: 10 },
    });
    const freeze = { actions: ['test.act'], reason: 'a test' };
    writeGateFiles(files.folder, {
      limits: {
        actions: { 'test.act': { ...wideLimits, max_targets: 5, ceiling: { max_targets: 9 } } },
        freezes: [
          { ...freeze, from: at(-2) },
          { ...freeze, from: at(-1), until: at(1), except: ['oncall-bot'] },
          { ...freeze, from: at(2) },
          { ...freeze, from: at(-3), until: at(0) },
        ],
        exceptions: [exception('old', 0), exception('new', 1)],
      },
    });
    const { findings } = await checkPolicy(readConfig(path.join(files.folder, 'interlock.yaml')), NOW_MS);
    const found = findings
      .filter(({ check }) => check === 'freezes' || check === 'exceptions')
      .map(({ status, what }) => `${status} ${what}`);
    expect(found).toEqual([
      `warn in force since ${at(-2)}, without an end: test.act: a test`,
      `ok in force until ${at(1)}: test.act: a test, but for oncall-bot`,
      `ok to come on ${at(2)}: test.act: a test`,
      `warn old (jo, DC-1) is over since ${at(0)}: it loosens nothing`,
      'ok 1 exception in force',
    ]);
  });
});
