import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';

import { limitsReading } from './limits-reading.ts';
import { policiesFolder, shippedBundle } from './samples.ts';

let reading: Awaited<ReturnType<typeof limitsReading>>;
beforeAll(async () => {
  reading = await limitsReading();
});

/** Entries for one action each, from line 2 on. */
const file = (action: string, ...lines: readonly string[]): string =>
  ['actions:', `  ${action}:`, ...lines.map(line => `    ${line}`), ''].join('\n');

const wipe = (...lines: readonly string[]): string => file('disk.wipe', ...lines);
const entryOf = (text: string, action = 'disk.wipe') => reading.load(text).actions[action];

describe('an entry like a profile', () => {
  it.each([
    '',
    '""',
    'null',
    '[]',
    '{}',
    '7',
    'destroy@0',
    'destroy@99',
    'destroy@',
    'Destroy',
    'destory',
    '../destroy@1',
    'constructor',
  ])('that is like %s is refused', like => {
    expect(reading.problemsOf(wipe(`like: ${like}`))).toEqual([
      expect.stringMatching(
        /^3 actions\.disk\.wipe\.like: must be a profile that ships: (?:\w+@\d+, )*\w+@\d+ and \w+@\d+(?: \(did you mean "[\w@]+"\?\))?$/,
      ),
    ]);
  });

  it('that is nearly the name of one is told which', () => {
    expect(reading.problemsOf(wipe('like: pusch'))).toEqual([
      expect.stringMatching(/ \(did you mean "push"\?\)$/),
    ]);
    expect(reading.problemsOf(wipe('like: destroy@9'))).toEqual([
      expect.stringMatching(/ \(did you mean "destroy@\d+"\?\)$/),
    ]);
  });

  it('is refused where the profile is for irreversible actions and the action is not declared so', () => {
    expect(reading.problemsOf(file('config.push', 'like: destroy@1'))).toEqual([
      expect.stringContaining(
        'is for actions that are declared `irreversible: true`, and "config.push" is not',
      ),
    ]);
  });

  it('is a whole entry without more', () => {
    const { limits, profiles } = reading.loadProfiled(wipe('like: destroy@1'));
    expect(limits.actions['disk.wipe']).toMatchObject({ max_targets: 40, max_in_flight: 2 });
    expect(profiles.map(({ action, profile }) => [action, profile])).toEqual([['disk.wipe', 'destroy@1']]);
  });

  it('takes the newest version where none is named', () => {
    expect(reading.loadProfiled(wipe('like: destroy')).profiles[0]?.profile).toBe('destroy@1');
  });

  it('merges maps by key, and a share is a value and no map', () => {
    const before = entryOf(wipe('like: destroy@1'))?.max_share;
    const after = entryOf(wipe('like: destroy@1', 'max_share: { fleet: 2%, rack: 100% }'))?.max_share;
    expect(after).toEqual({
      ...before,
      fleet: { share_ppm: 20_000, at_least: 0 },
      rack: { share_ppm: 1_000_000, at_least: 0 },
    });
  });

  it('has lists replaced whole', () => {
    const windows = entryOf(
      wipe('like: destroy@1', 'windows: [{ per: fleet, over: 1h, max_targets: 7 }]'),
    )?.windows;
    expect(windows).toEqual([{ per: 'fleet', over_s: 3_600, max_targets: 7 }]);
  });

  it('drops a key by `none`, also within a map', () => {
    const entry = entryOf(wipe('like: destroy@1', 'max_in_flight: none', 'max_share: { region: none }'));
    expect(entry).not.toHaveProperty('max_in_flight');
    expect(entry?.max_share).not.toHaveProperty('region');
    expect(entry?.max_share).toHaveProperty('fleet');
  });

  it.each([
    ['max_targets: none', 'lacks `max_targets`'],
    ['windows: none', 'lacks `windows`'],
    ['require: none', 'lacks `require`'],
    ['max_share: { fleet: none }', 'fleet'],
    ['stages: none', 'is not in destroy@1: there is nothing to drop'],
    ["max_weight: { '*': none }", 'each is dropped by its own name'],
    ['max_targets:', 'must be a whole number'],
    ['windows: []', 'must not be empty'],
    ['max_share: {}', 'must not be empty'],
    ['max_shares: none', 'is not in destroy@1'],
    ['max_shares: 5', 'is not a limit'],
  ])('with `%s` loses no limit unseen', (line, message) => {
    expect(reading.problemsOf(wipe('like: destroy@1', line))).toEqual([expect.stringContaining(message)]);
  });
});

describe('the state that a profile asks for', () => {
  it('is in whatever label the kind says, and none that counts as in service', () => {
    const required = entryOf(file('life.end', 'like: destroy@1'), 'life.end')?.require;
    expect(required).toMatchObject({ life: expect.arrayContaining(['decommissioning', 'retired']) });
    expect(required).not.toHaveProperty('state');
    expect(required).not.toMatchObject({ life: expect.arrayContaining(['drained']) });
  });

  it('merges with the values that the entry says, under the name of that label', () => {
    const own = file('life.end', 'like: destroy@1', 'require: { life: [ended], owner: [infra] }');
    expect(entryOf(own, 'life.end')?.require).toEqual({ life: ['ended'], owner: ['infra'] });
  });

  it('is not dropped to mean anything: where the rest has no ground, `any` must be written out', () => {
    expect(reading.problemsOf(file('life.end', 'like: destroy@1', 'require: { life: none }'))).toEqual([
      expect.stringContaining('lacks `require`'),
    ]);
    // What had no ground anyway may be dropped, and leaves the rest as it was.
    const entry = entryOf(file('life.end', 'like: destroy@1', 'require: { serving: none }'), 'life.end');
    expect(entry?.require).toHaveProperty('life');
    expect(entryOf(file('life.end', 'like: destroy@1', 'require: any'), 'life.end')?.require).toBe('any');
  });
});

describe('the weights of a kind', () => {
  it.each(['destroy', 'disrupt', 'push', 'grant'])('are all limited by %s, under whatever name', like => {
    const { limits, profiles } = reading.loadProfiled(file('life.end', `like: ${like}`));
    const entry = limits.actions['life.end'];
    expect(entry?.max_weight).toHaveProperty('souls.fleet.share_ppm');
    expect(JSON.stringify([limits, profiles])).not.toContain('"*"');
    const inWindows = entry?.windows.flatMap(({ max_weight }) => Object.keys(max_weight ?? {}));
    expect(inWindows).toEqual(like === 'grant' ? [] : expect.arrayContaining(['souls', 'traffic']));
  });

  it('are limited as they are named, where they are', () => {
    const named = entryOf(file('life.end', 'like: destroy'), 'life.end')?.max_weight;
    expect(named).toMatchObject({
      traffic: { fleet: { share_ppm: 10_000 } },
      souls: { fleet: { share_ppm: 250_000 } },
    });
    const own = file('life.end', 'like: destroy', 'max_weight: { souls: { fleet: 1% } }');
    expect(entryOf(own, 'life.end')?.max_weight).toMatchObject({ souls: { fleet: { share_ppm: 10_000 } } });
  });
});

describe('each profile that ships', () => {
  it.each([
    ['destroy@1', 'disk.wipe'],
    ['disrupt@1', 'disk.wipe'],
    ['push@1', 'config.push'],
    ['grant@1', 'config.push'],
    ['destroy@1', 'bare.end'],
    ['disrupt@1', 'bare.act'],
    ['push@1', 'bare.act'],
    ['grant@1', 'bare.act'],
  ])('%s is a whole entry of %s without more', (profile, action) => {
    const { limits, profiles } = reading.loadProfiled(file(action, `like: ${profile}`));
    expect(Object.keys(limits.actions[action] ?? {})).toEqual(
      expect.arrayContaining(['max_targets', 'max_share', 'require', 'windows', 'max_requests']),
    );
    expect(profiles).toMatchObject([{ action, profile }]);
  });
});

/**
 * Keys that a profile goes without: what only an owner can name (`effects`, plans), what is of a rollout in what is none, and of a push or
 * a grant what is of targets that go away. How far exceptions may go (`ceiling`) is nobody's to say but the owner's. A new key must be in each profile, or here.
 */
const goesWithout = {
  destroy: ['ceiling', 'effects', 'require_evidence', 'require_plan', 'stages'],
  disrupt: [
    'ceiling',
    'effects',
    'require_age',
    'require_evidence',
    'require_plan',
    'require_recent',
    'stages',
  ],
  push: [
    'ceiling',
    'effects',
    'max_per_value',
    'min_remaining',
    'require_age',
    'require_plan',
    'require_recent',
  ],
  grant: [
    ...['ceiling', 'effects', 'max_per_value', 'min_remaining', 'require_age', 'require_evidence'],
    ...['require_plan', 'require_recent', 'stages'],
  ],
};

describe('a profile that ships', () => {
  it.each(Object.entries(goesWithout))(
    '%s has every key of the vocabulary but these',
    async (name, lacks) => {
      const { manifests } = await shippedBundle();
      const known = manifests.flatMap(({ keys }) =>
        keys.filter(({ on }) => on === 'action').map(({ key }) => key),
      );
      const text = readFileSync(`${policiesFolder}/profiles/${name}@1.yaml`, 'utf8');
      const has = known.filter(key => new RegExp(`^  ${key}:`, 'm').test(text));
      expect(known.filter(key => !has.includes(key)).toSorted()).toEqual(lacks);
    },
  );
});

describe('what a profile limits and the kind declares no ground for', () => {
  it('is idle and said to be so', () => {
    const { limits, profiles } = reading.loadProfiled(file('bare.act', 'like: disrupt@1'));
    expect(limits.actions['bare.act']).not.toHaveProperty('min_remaining');
    expect(profiles[0]?.idle).toContainEqual({
      key: 'min_remaining',
      why: 'bare declares no state',
      kind: 'bare',
      lacks: { what: 'state' },
    });
  });

  it('is a name in a list as well as a key of a map', () => {
    const { limits, profiles } = reading.loadProfiled(file('bare.act', 'like: disrupt@1'));
    expect(limits.actions['bare.act']).not.toHaveProperty('match');
    expect(profiles[0]?.idle).toContainEqual({
      key: 'match[0]',
      why: 'bare declares no label environment',
      kind: 'bare',
      lacks: { what: 'label', name: 'environment' },
    });
    expect(entryOf(file('life.end', 'like: destroy@1'), 'life.end')?.match).toEqual(['environment']);
  });

  it('is `any` where every action must say something, and that is said to be idle', () => {
    const { limits, profiles } = reading.loadProfiled(file('bare.end', 'like: destroy@1'));
    expect(limits.actions['bare.end']?.require).toBe('any');
    expect(profiles[0]?.idle.map(({ key }) => key)).toEqual(
      expect.arrayContaining(['require.state', 'require.serving', 'require.in_use']),
    );
  });

  it('is not the evidence of a push, nor its stages', () => {
    const entry = entryOf(file('bare.act', 'like: push@1'), 'bare.act');
    expect(entry?.require_evidence).toEqual([{ name: 'canary', max_age_s: 86_400 }]);
    expect(entry?.stages?.map(({ upto }) => upto.share_ppm)).toEqual([10_000, 100_000, 500_000, 1_000_000]);
    expect(entry?.stages?.[0]).not.toHaveProperty('max_values');
  });

  it('is an error where the entry says it itself', () => {
    expect(reading.problemsOf(file('bare.act', 'like: disrupt@1', 'min_remaining: { service: 1 }'))).toEqual([
      expect.stringContaining('needs a kind with `state`'),
    ]);
    expect(reading.problemsOf(wipe('like: destroy@1', 'max_values: { color: 1 }'))).toEqual([
      expect.stringContaining('"color" is no dimension of host'),
    ]);
  });
});
