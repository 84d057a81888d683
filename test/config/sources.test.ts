import { afterAll, describe, expect, test } from 'vitest';
import { configFolder, GOOD, keyHash } from './files.ts';

const files = configFolder();
afterAll(() => files.remove());

const CMDB =
  'cmdb: { principal: cmdb-sync, owns: existence, labels: [region, zone, rack, role, owner], max_age: 24h }';
const TELEMETRY =
  'telemetry: { principal: metrics-sync, labels: [state, quarantined_at], weights: [traffic], max_age: 5m }';
const PRINCIPALS = ['cmdb-sync', 'metrics-sync']
  .map((name, index) => `  - { name: ${name}, keys: ["${keyHash(String(index))}"], roles: [inventory] }\n`)
  .join('');

/** Sources in the place of `max_age`. */
const withSources = (...sources: readonly string[]): string =>
  `${GOOD}${PRINCIPALS}`.replace(
    'max_age: 24h\n',
    `weights: [traffic]\n    sources:\n${sources.map(one => `      ${one}\n`).join('')}`,
  );

describe('the sources of a kind', () => {
  test('are read, and the age of the kind is that of the one which owns existence', () => {
    const host = files.read(withSources(CMDB, TELEMETRY)).kinds.get('host');
    expect(host?.maxAgeMs).toBe(86_400_000);
    expect(host?.sources).toEqual([
      {
        name: 'cmdb',
        principal: 'cmdb-sync',
        ownsExistence: true,
        labels: ['region', 'zone', 'rack', 'role', 'owner'],
        weights: [],
        maxAgeMs: 86_400_000,
      },
      {
        name: 'telemetry',
        principal: 'metrics-sync',
        ownsExistence: false,
        labels: ['state', 'quarantined_at'],
        weights: ['traffic'],
        maxAgeMs: 300_000,
      },
    ]);
  });

  test('may own what exists and no label, or a label and a weight', () => {
    const rest = 'rest: { principal: rest-sync, labels: [region, zone, rack, role, owner], max_age: 24h }';
    const third = `  - { name: rest-sync, keys: ["${keyHash('2')}"], roles: [inventory] }\n`;
    const text = withSources(CMDB.replace(/labels: .*?], /, ''), TELEMETRY, rest) + third;
    expect(files.read(text).kinds.get('host')?.sources).toHaveLength(3);
    const fewer = TELEMETRY.replace('[state, quarantined_at]', '[state]');
    expect(
      files.read(withSources(CMDB.replace('owner]', 'owner, quarantined_at]'), fewer)).kinds.get('host')
        ?.sources,
    ).toHaveLength(2);
  });

  const without = (text: string, what: string): string => text.replace(what, '');
  test.each([
    ['none', [], /sources/],
    [
      'an unknown principal',
      [CMDB, TELEMETRY.replace('metrics-sync', 'metrics')],
      /"metrics" is no principal with the role inventory/,
    ],
    [
      'a principal that may not load',
      [CMDB, TELEMETRY.replace('metrics-sync', 'oncall')],
      /"oncall" is no principal with the role inventory/,
    ],
    [
      'one principal for two',
      [CMDB, TELEMETRY.replace('metrics-sync', 'cmdb-sync')],
      /"cmdb-sync" is the one of another source already/,
    ],
    [
      'nobody who says what exists',
      [without(CMDB, 'owns: existence, '), TELEMETRY],
      /exactly one with `owns: existence`, and 0 have it/,
    ],
    [
      'two who say what exists',
      [CMDB, TELEMETRY.replace('labels', 'owns: existence, labels')],
      /and 2 have it/,
    ],
    ['another word for it', [CMDB.replace('existence', 'all'), TELEMETRY], /may only be existence/],
    ['a label that nobody owns', [CMDB.replace(', owner', ''), TELEMETRY], /nobody owns the label "owner"/],
    [
      'a weight that nobody owns',
      [CMDB, without(TELEMETRY, 'weights: [traffic], ')],
      /nobody owns the weight "traffic"/,
    ],
    ['a label that two own', [CMDB, TELEMETRY.replace('[state', '[state, owner')], /"owner" is owned twice/],
    [
      'a label that is not declared',
      [CMDB, TELEMETRY.replace('[state', '[state, stat')],
      /the kind does not declare "stat" \(did you mean "state"\?\)/,
    ],
    ['one that owns nothing', [CMDB, TELEMETRY, 'idle: { principal: oncall, max_age: 1h }'], /owns nothing/],
    ['one without a name', [CMDB, TELEMETRY.replace('telemetry', '""')], /must be a name: a letter/],
    ['one without an age', [CMDB, without(TELEMETRY, ', max_age: 5m')], /telemetry.*max_age/],
    ['an unknown key', [CMDB, TELEMETRY.replace('max_age', 'max_change: 1%, max_age')], /max_change/],
  ])('are refused with %s', (_title, sources, problem) => {
    const problems = files.problemsOf(withSources(...sources));
    expect(problems.join('\n')).toMatch(problem);
  });

  test('cannot stand beside an age, nor be left out with it', () => {
    const both = withSources(CMDB, TELEMETRY).replace('    weights:', '    max_age: 24h\n    weights:');
    expect(files.problemsOf(both)).toEqual([
      expect.stringMatching(/^12: kinds\.host\.max_age: cannot stand beside/),
    ]);
    expect(files.problemsOf(GOOD.replace('    max_age: 24h\n', ''))).toEqual([
      expect.stringMatching(/kinds\.host\.max_age: is missing/),
    ]);
  });
});
