import { beforeAll, describe, expect, it } from 'vitest';
import { FileError } from '../../src/config/config.ts';
import { entry, limitsReading } from './limits-reading.ts';

let reading: Awaited<ReturnType<typeof limitsReading>>;
beforeAll(async () => {
  reading = await limitsReading();
});

describe('a limits file that says nothing', () => {
  const noMap = '1 (top): must be a map with `actions`';
  const nothing = '1 actions: must be a map that is not empty: from an action to its limits';
  it.each([
    ['', noMap],
    ['\n', noMap],
    ['# nothing\n', noMap],
    ['[]', noMap],
    ['limits', noMap],
    ['null', noMap],
    ['{}', '1 (top): lacks `actions`'],
    ['actions:\n', nothing],
    ['actions: {}\n', nothing],
    ['actions: []\n', nothing],
  ])('is refused: %j', (text, problem) => {
    expect(reading.problemsOf(text)).toEqual([problem]);
  });

  it('is refused when it is not there', () => {
    expect(() => reading.loadFile('/nowhere/limits.yaml')).toThrow(FileError);
  });
});

describe('a limits file that can be read in two ways', () => {
  it('is refused for a key that is there twice', () => {
    expect(reading.problemsOf(`${entry()}    max_targets: 9\n`)[0]).toMatch(/^7 /);
  });

  it.each([
    [
      'an alias',
      entry({ max_targets: '&a 40' }) + '    max_in_flight: *a\n',
      '7 *a: aliases are not taken: write it out',
    ],
    ['a tag', entry({ max_targets: '!!int "40"' }), '3 tag:yaml.org,2002:int: tags are not taken'],
    ['a merge key', entry({ '<<': '{ max_in_flight: 4 }' }), '7 <<: merge keys are not taken: write it out'],
    [
      'a second document',
      `${entry()}---\nactions: {}\n`,
      '7 (top): holds more than one document: keep one, and no line `---` after it',
    ],
    ['a directive', `%YAML 1.1\n---\n${entry()}`, '1 %: directives are not taken: the file is YAML 1.2'],
    [
      'a directive for tags',
      `%TAG !e! tag:example.com:\n---\n${entry()}`,
      '1 %: directives are not taken: the file is YAML 1.2',
    ],
  ])('is refused for %s', (_, text, problem) => {
    expect(reading.problemsOf(text)).toEqual([problem]);
  });

  it('is refused for keys that reach a prototype', () => {
    expect(reading.problemsOf(entry({ __proto: '1' }))[0]).toContain('is not a limit');
    expect(reading.problemsOf('actions:\n  __proto__: { max_targets: 1 }\n')).toEqual([
      '2 "__proto__": is not a name that may be given',
    ]);
  });
});

describe('a limits file', () => {
  it('is refused with every problem at once, in the order of its lines', () => {
    const text = entry({ max_targets: '-1', require: '{ color: [red], state: [] }' });
    expect(reading.problemsOf(`${text}budgets: []\nextra: 1\n`).map(one => Number.parseInt(one, 10))).toEqual(
      [3, 5, 5, 7, 8],
    );
  });

  it('gives the limits as policies see them', () => {
    const text = `
actions:
  disk.wipe:
    max_targets: 40
    max_share: { fleet: 0.5%, region: 0.0001%, rack: { share: 100%, at_least: 1 } }
    max_values: { region: 1 }
    max_per_value: { rack: 0 }
    min_remaining: { rack: 3 }
    require: { state: [decommissioning, retired], quarantined_at: ["2026-01-01T00:00:00Z"] }
    windows:
      - { per: rack, over: 7d, max_share: { share: 2%, at_least: 3 } }
      - { per: fleet, over: 90s, max_targets: 100 }
      - { per: principal, over: 15m, max_share: 2% }
    max_requests: [{ per: principal, over: 1m, max: 30 }]
    max_in_flight: 4
  config.push:
    max_targets: 1
    max_share: { fleet: 5%, service: 50% }
    require: any
    windows: [{ per: fleet, over: 24h, max_targets: 2 }]
budgets:
  - { kind: config-scope, per: service, over: 24h, max_share: 3% }
protected:
  - { kind: host, ids: [bastion-01, "10.0.0.1"] }
  - { kind: host, selector: { rack: r1, owner: [core, edge] } }
freezes:
  - { actions: [config.push], from: 2026-12-20T00:00:00Z, until: 2027-01-04T08:00:00.0001+01:00, reason: " change freeze " }
  - { actions: [config.push, disk.wipe], from: "2020-01-01T00:00:00Z", reason: for good, except: [oncall-bot] }
`;
    expect(reading.load(text)).toEqual({
      actions: {
        'disk.wipe': {
          max_targets: 40,
          max_share: {
            fleet: { share_ppm: 5_000, at_least: 0 },
            region: { share_ppm: 1, at_least: 0 },
            rack: { share_ppm: 1_000_000, at_least: 1 },
          },
          max_values: { region: 1 },
          max_per_value: { rack: 0 },
          min_remaining: { rack: 3 },
          require: { state: ['decommissioning', 'retired'], quarantined_at: ['2026-01-01T00:00:00Z'] },
          windows: [
            { per: 'rack', over_s: 604_800, max_share: { share_ppm: 20_000, at_least: 3 } },
            { per: 'fleet', over_s: 90, max_targets: 100 },
            { per: 'principal', over_s: 900, max_share: { share_ppm: 20_000, at_least: 0 } },
          ],
          max_requests: [{ per: 'principal', over_s: 60, max: 30 }],
          max_in_flight: 4,
        },
        'config.push': {
          max_targets: 1,
          max_share: {
            fleet: { share_ppm: 50_000, at_least: 0 },
            service: { share_ppm: 500_000, at_least: 0 },
          },
          require: 'any',
          windows: [{ per: 'fleet', over_s: 86_400, max_targets: 2 }],
        },
      },
      budgets: [
        {
          kind: 'config-scope',
          per: 'service',
          over_s: 86_400,
          max_share: { share_ppm: 30_000, at_least: 0 },
        },
      ],
      protected: [
        { kind: 'host', ids: ['bastion-01', '10.0.0.1'] },
        { kind: 'host', selector: { rack: ['r1'], owner: ['core', 'edge'] } },
      ],
      freezes: [
        {
          actions: ['config.push'],
          from_ms: Date.parse('2026-12-20T00:00:00Z'),
          until_ms: Date.parse('2027-01-04T07:00:00.001Z'),
          reason: 'change freeze',
        },
        {
          actions: ['config.push', 'disk.wipe'],
          from_ms: Date.parse('2020-01-01T00:00:00Z'),
          reason: 'for good',
          except: ['oncall-bot'],
        },
      ],
      exceptions: [],
    });
  });

  it('needs no budgets, no protected targets and not every action', () => {
    expect(reading.load(entry())).toMatchObject({ budgets: [], protected: [], freezes: [], exceptions: [] });
  });
});
