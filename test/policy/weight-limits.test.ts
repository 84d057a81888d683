import { beforeAll, describe, expect, it } from 'vitest';
import { Idle } from '../../src/config/idle-limits.ts';
import { entry, limitsReading } from './limits-reading.ts';
import { host, shippedBundle } from './samples.ts';

let reading: Awaited<ReturnType<typeof limitsReading>>;
beforeAll(async () => {
  reading = await limitsReading();
});

const at = 'actions.disk.wipe';
const NOTHING = 'must not be empty: nothing here would be no limit';

describe('a limit on weights', () => {
  it('is kept with its shares in parts per million', () => {
    const { actions } = reading.load(
      entry({
        max_weight: '{ traffic: { fleet: 1%, region: { share: 5%, at_least: 1000 } } }',
        windows:
          '[{ per: fleet, over: 1h, max_targets: 1 }, { per: rack, over: 1h, max_weight: { users: 2% } }]',
      }),
    );
    expect(actions['disk.wipe']).toMatchObject({
      max_weight: {
        traffic: {
          fleet: { share_ppm: 10_000, at_least: 0 },
          region: { share_ppm: 50_000, at_least: 1000 },
        },
      },
      windows: [
        { max_targets: 1 },
        { per: 'rack', over_s: 3600, max_weight: { users: { share_ppm: 20_000 } } },
      ],
    });
  });

  it.each([
    ['max_weight', '{}', `7 ${at}.max_weight: ${NOTHING}`],
    ['max_weight', '[traffic]', `7 ${at}.max_weight: must be a map`],
    ['max_weight', '{ traffic: {} }', `7 ${at}.max_weight.traffic: ${NOTHING}`],
    ['max_weight', '{ traffic: 5% }', `7 ${at}.max_weight.traffic: must be a map`],
    ['max_weight', '{ traffic: { region: 5% } }', `7 ${at}.max_weight.traffic: lacks \`fleet\``],
    [
      'max_weight',
      '{ trafic: { fleet: 5% } }',
      `7 ${at}.max_weight.trafic: "trafic" is no declared weight of host (did you mean "traffic"?)`,
    ],
    [
      'max_weight',
      '{ traffic: { fleet: 1%, owner: 5% } }',
      `7 ${at}.max_weight.traffic.owner: "owner" is no dimension of host (there are fleet, region and rack)`,
    ],
    [
      'windows',
      '[{ per: fleet, over: 1h, max_targets: 9, max_weight: { traffic: 1% } }]',
      `6 ${at}.windows[0]: must have exactly one of max_targets, max_share and max_weight`,
    ],
    ['windows', '[{ per: fleet, over: 1h, max_weight: {} }]', `6 ${at}.windows[0].max_weight: ${NOTHING}`],
    [
      'windows',
      '[{ per: fleet, over: 1h, max_weight: { load: 1% } }]',
      `6 ${at}.windows[0].max_weight.load: "load" is no declared weight of host`,
    ],
    [
      'windows',
      '[{ per: fleet, over: 1h, max_weight: { traffic: 1% } }, { per: fleet, over: 1h, max_weight: { traffic: 2% } }]',
      `6 ${at}.windows[1]: limits the same as item 0, to another number: keep one`,
    ],
  ])('%s: %s is refused, with its line', (key, value, problem) => {
    expect(reading.problemsOf(entry({ [key]: value }))).toEqual([expect.stringContaining(problem)]);
  });

  it('of two weights over the same time is two limits', () => {
    const windows =
      '[{ per: fleet, over: 1h, max_weight: { traffic: 1% } }, { per: fleet, over: 1h, max_weight: { users: 1% } }]';
    expect(reading.problemsOf(entry({ windows }))).toEqual([]);
  });

  it('that came from a profile is idle on a kind without weights, windows and all, and says so', async () => {
    const { manifests } = await shippedBundle();
    const shapes = new Map(manifests.flatMap(({ keys }) => keys.map(key => [key.key, key.schema])));
    const profile = {
      max_weight: { traffic: { fleet: '1%' } },
      windows: [
        { per: 'fleet', over: '1h', max_targets: 9 },
        { per: 'fleet', over: '1h', max_weight: { traffic: '1%' } },
      ],
    };
    const pruned = (isInherited: boolean) => {
      const idle = new Idle(host, { isInherited: () => isInherited, droppedAt: () => [] });
      return {
        kept: idle.prune(key => shapes.get(key), profile, []),
        idle: idle.found.map(({ key }) => key),
      };
    };
    expect(pruned(true)).toEqual({
      kept: { windows: [{ per: 'fleet', over: '1h', max_targets: 9 }] },
      idle: ['max_weight.traffic', 'windows[1].max_weight.traffic'],
    });
    // What the entry itself says stays, and is an error where it is read.
    expect(pruned(false)).toEqual({ kept: profile, idle: [] });
  });
});
