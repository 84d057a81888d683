import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  host,
  hosts,
  names,
  withNothingForwarded,
  type Line,
  type ReasonBody,
} from '../support/api.ts';
import { hostKind, wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// Every limit of one request, at its exact edge.

const plainKind = {
  dimensions: ['zone', 'rack', 'role'],
  max_age: '24h',
  max_shrink: '100%',
  max_change: '100%',
};

/** Two hundred hosts: two zones of fifty racks' worth, racks of ten, clusters of twenty. */
const fleet: Line[] = names('host', 200).map((id, index) =>
  host(id, {
    region: index < 100 ? 'eu' : 'us',
    zone: `z${Math.floor(index / 50) + 1}`,
    rack: `r${String(Math.floor(index / 10) + 1).padStart(2, '0')}`,
    cluster: `c${String((index % 10) + 1).padStart(2, '0')}`,
    role: index < 190 ? 'web' : 'gate',
    state: index < 180 ? 'decommissioning' : 'serving',
    ...(index < 5 ? { quarantined_at: '2026-01-01T00:00:00Z' } : {}),
  }),
);
const plain = (id: string): Line => ({ id, labels: { zone: 'z1', rack: 'r1', role: 'web' } });
const at = (...places: number[]): string[] => places.map(place => `host-${String(place).padStart(3, '0')}`);
const upto = (last: number): string[] => at(...Array.from({ length: last }, (_, index) => index + 1));

interface Edge {
  readonly action: string;
  readonly says: string;
  readonly limits: Doc;
  readonly kind?: string;
  /** Just within the limit. */
  readonly passing: readonly string[];
  /** Just over it. */
  readonly refused: readonly string[];
  readonly reason: Partial<ReasonBody>;
  /** The largest first part of `refused`, by code unit, that passes. */
  readonly passes?: number;
}

const edges: Edge[] = [
  {
    action: 'edge.max-targets',
    says: 'max_targets',
    limits: { max_targets: 3 },
    passing: at(1, 2, 3),
    refused: at(1, 2, 3, 4),
    reason: { rule: 'blast_radius.max_targets', measured: 4, limit: 3, unit: 'targets' },
    passes: 3,
  },
  {
    action: 'edge.share-fleet',
    says: 'a share of the fleet',
    limits: { max_share: { fleet: '1%' } },
    passing: at(1, 2),
    refused: at(1, 2, 3),
    reason: { rule: 'blast_radius.share', measured: 15_000, limit: 10_000, unit: 'ppm' },
    passes: 2,
  },
  {
    action: 'edge.share-zone',
    says: 'a share of a zone',
    limits: { max_share: { fleet: '100%', zone: '10%' } },
    passing: upto(5),
    refused: upto(6),
    reason: {
      rule: 'blast_radius.share',
      dimension: 'zone',
      value: 'z1',
      measured: 120_000,
      limit: 100_000,
      unit: 'ppm',
    },
    passes: 5,
  },
  {
    action: 'edge.share-one-of-two',
    says: 'a share of each zone, one of which is over it',
    limits: { max_share: { fleet: '100%', zone: '4%' } },
    passing: at(1, 2, 51, 52),
    refused: at(1, 2, 51, 52, 53),
    reason: {
      rule: 'blast_radius.share',
      dimension: 'zone',
      value: 'z2',
      measured: 60_000,
      limit: 40_000,
      unit: 'ppm',
    },
    passes: 4,
  },
  {
    action: 'edge.at-least',
    says: 'at_least, where it is more than the share',
    limits: { max_share: { fleet: '100%', zone: { share: '5%', at_least: 3 } } },
    passing: at(1, 2, 3),
    refused: at(1, 2, 3, 4),
    reason: {
      rule: 'blast_radius.share',
      dimension: 'zone',
      value: 'z1',
      measured: 4,
      limit: 3,
      unit: 'targets',
    },
    passes: 3,
  },
  {
    action: 'edge.at-least-small',
    says: 'the share, where it is more than at_least',
    limits: { max_share: { fleet: '100%', zone: { share: '10%', at_least: 1 } } },
    passing: upto(5),
    refused: upto(6),
    reason: {
      rule: 'blast_radius.share',
      dimension: 'zone',
      value: 'z1',
      measured: 120_000,
      limit: 100_000,
      unit: 'ppm',
    },
    passes: 5,
  },
  {
    action: 'edge.max-values',
    says: 'how many racks',
    limits: { max_values: { rack: 2 } },
    passing: at(1, 2, 11, 12),
    refused: at(1, 2, 11, 12, 21),
    reason: { rule: 'blast_radius.max_values', dimension: 'rack', measured: 3, limit: 2 },
    passes: 4,
  },
  {
    action: 'edge.max-per-value',
    says: 'how many of one cluster',
    limits: { max_per_value: { cluster: 2 } },
    passing: at(1, 11, 2, 12),
    refused: at(1, 11, 21, 2),
    reason: {
      rule: 'blast_radius.max_per_value',
      dimension: 'cluster',
      value: 'c01',
      measured: 3,
      limit: 2,
      unit: 'targets',
    },
    passes: 3,
  },
  {
    action: 'edge.require',
    says: 'a required label',
    limits: { require: { state: ['decommissioning', 'broken'] } },
    passing: at(179, 180),
    refused: at(179, 180, 181),
    reason: { rule: 'labels.not_allowed' },
    passes: 2,
  },
  {
    action: 'edge.require-optional',
    says: 'a required label that a target may lack',
    limits: { require: { quarantined_at: ['2026-01-01T00:00:00Z'] } },
    passing: at(4, 5),
    refused: at(4, 5, 6),
    reason: { rule: 'labels.not_allowed' },
    passes: 2,
  },
  {
    action: 'edge.protected',
    says: 'targets that are protected by a selector',
    limits: {},
    passing: at(189, 190),
    refused: at(189, 190, 191, 192, 193, 194),
    reason: {
      rule: 'protected.target',
      message:
        'Entry 2 of `protected` in the limits file protects 4 targets of the request: host-191, host-192, host-193 and others.',
    },
    passes: 2,
  },
  {
    action: 'edge.protected-id',
    says: 'a target that is protected by its id',
    limits: {},
    passing: at(170),
    refused: at(170, 171),
    reason: {
      rule: 'protected.target',
      message: 'Entry 1 of `protected` in the limits file protects 1 target of the request: host-171.',
    },
    passes: 1,
  },
  {
    action: 'edge.thirds-over',
    says: 'a share that no rounding down lets through',
    kind: 'trio',
    limits: { max_share: { fleet: '66.6666%' } },
    passing: ['one'],
    refused: ['one', 'two'],
    reason: { rule: 'blast_radius.share', measured: 666_667, limit: 666_666, unit: 'ppm' },
    passes: 1,
  },
];

const passing: { action: string; says: string; limits: Doc; kind?: string; targets: readonly string[] }[] = [
  {
    action: 'pass.thirds',
    says: 'two of three at 66.6667%',
    kind: 'trio',
    limits: { max_share: { fleet: '66.6667%' } },
    targets: ['one', 'two'],
  },
  {
    action: 'pass.whole',
    says: 'a whole rack at 100%',
    limits: { max_share: { fleet: '100%', rack: '100%' } },
    targets: upto(10),
  },
  {
    action: 'pass.any',
    says: 'any state where require is any',
    limits: { require: 'any' },
    targets: at(1, 185),
  },
];

/** Hosts in service of one role, and the action that must leave three of them. */
const pools = ['taken', 'shown', 'kept', 'mixed'];
const on = standing({
  config: {
    kinds: { host: hostKind, trio: plainKind, pool: hostKind },
    actions: {
      ...Object.fromEntries(
        [...edges, ...passing].map(({ action, kind }) => [action, { kind: kind ?? 'host' }]),
      ),
      'many.reasons': {},
      'no.limits': {},
      'pool.act': { kind: 'pool' },
      'pool.free': { kind: 'pool' },
    },
  },
  limits: {
    actions: {
      ...Object.fromEntries(
        [...edges, ...passing].map(({ action, limits }) => [action, { ...wideLimits, ...limits }]),
      ),
      'many.reasons': {
        ...wideLimits,
        max_targets: 2,
        max_share: { fleet: '1%', zone: '2%', rack: '10%' },
        max_values: { zone: 1 },
        require: { state: ['decommissioning'] },
        windows: [{ per: 'fleet', over: '1h', max_targets: 1 }],
      },
      'pool.act': { ...wideLimits, min_remaining: { role: 3 } },
      'pool.free': wideLimits,
    },
    protected: [
      { kind: 'host', ids: ['host-171'] },
      { kind: 'host', selector: { role: ['gate', 'console'] } },
    ],
  },
  inventory: {
    host: fleet,
    trio: ['one', 'two', 'three'].map(plain),
    pool: pools.flatMap(role => [
      ...hosts(role, 5, { role, rack: role, state: 'serving' }),
      ...hosts(`${role}-out`, 2, { role, rack: role, state: 'decommissioning' }),
    ]),
  },
});

describe('a limit of one request', () => {
  it.each(edges)('lets through what is just within it: $says', async ({ action, passing: targets }) => {
    await expectDelivered(on.api, await on.api.submit(action, targets));
  });

  it.each(edges)(
    'refuses what is just over it, with the numbers: $says',
    async ({ action, refused, reason, passes }) => {
      const answer = await withNothingForwarded(on.executor, () => on.api.submit(action, refused));
      const body = await expectRefusal(on.api, answer, 403, [reason.rule ?? '']);
      expect(body.reasons?.[0]).toMatchObject(reason);
      expect(body.passes).toBe(passes);
      expect(body.targets?.count).toBe(refused.length);
      expect(body.blast_radius).toHaveProperty('fleet');
    },
  );

  it.each(edges.filter(edge => edge.passes !== undefined))(
    'is true to `passes`: $says',
    async ({ action, refused, passes }) => {
      const sorted = refused.toSorted((a, b) => (a < b ? -1 : 1));
      await expectDelivered(on.api, await on.api.submit(action, sorted.slice(0, passes)));
      const next = await on.api.preflight(action, sorted.slice(0, (passes ?? 0) + 1));
      expect(next.body.status, next.text).toBe(403);
    },
  );

  it.each(passing)('lets through $says', async ({ action, targets }) => {
    await expectDelivered(on.api, await on.api.submit(action, targets));
  });

  it('refuses an action that has none', async () => {
    const answer = await withNothingForwarded(on.executor, () => on.api.submit('no.limits', at(1)));
    const body = await expectRefusal(on.api, answer, 403, ['policy.no_limits']);
    expect(body).not.toHaveProperty('passes');
  });

  it('lists all reasons of the step by rule, dimension and value', async () => {
    const answer = await withNothingForwarded(on.executor, () =>
      on.api.submit('many.reasons', at(1, 2, 11, 51, 52, 185)),
    );
    const share = 'blast_radius.share';
    const body = await expectRefusal(on.api, answer, 403, [
      'blast_radius.max_targets',
      'blast_radius.max_values',
      share,
      share,
      share,
      share,
      share,
      'budget.window',
      'labels.not_allowed',
    ]);
    const shares = (body.reasons ?? []).filter(reason => reason.rule === share);
    expect(shares.map(reason => reason.value).slice(1)).toEqual(['r01', 'r06', 'z1', 'z2']);
    expect(shares[0]).toMatchObject({ measured: 30_000, limit: 10_000, unit: 'ppm' });
    expect(body.passes).toBe(1);
  });
});

describe('min_remaining', () => {
  const remaining = (measured: number, role: string): Partial<ReasonBody> => ({
    rule: 'blast_radius.min_remaining',
    dimension: 'role',
    value: role,
    measured,
    limit: 3,
  });
  const expectTooFew = async (targets: readonly string[], reason: Partial<ReasonBody>) => {
    const answer = await withNothingForwarded(on.executor, () => on.api.submit('pool.act', targets));
    const body = await expectRefusal(on.api, answer, 403, ['blast_radius.min_remaining']);
    expect(body.reasons?.[0]).toMatchObject(reason);
    return body;
  };

  it('counts what this request takes', async () => {
    const body = await expectTooFew(names('taken', 3), remaining(2, 'taken'));
    expect(body.passes).toBe(2);
    expect(body.blast_radius?.['role']).toEqual([
      { value: 'taken', count: 3, total: 7, share_ppm: 428_572, remaining: 2 },
    ]);
    await expectDelivered(on.api, await on.api.submit('pool.act', names('taken', 2)));
  });

  it('counts what any action took and the inventory does not show yet', async () => {
    await expectDelivered(on.api, await on.api.submit('pool.free', names('shown', 2)));
    await expectTooFew(['shown-003'], remaining(2, 'shown'));
    const gone = names('shown', 2).map(id => ({ id, removed: true }));
    expect((await on.api.patch('pool', gone)).status).toBe(200);
    await expectTooFew(['shown-003'], remaining(2, 'shown'));
  });

  it('counts what was taken as in service again once the inventory shows it so', async () => {
    await expectDelivered(on.api, await on.api.submit('pool.act', names('kept', 2)));
    await expectTooFew(['kept-003'], remaining(2, 'kept'));
    expect(
      (await on.api.patch('pool', hosts('kept', 2, { role: 'kept', rack: 'kept', state: 'serving' }))).status,
    ).toBe(200);
    await expectDelivered(on.api, await on.api.submit('pool.act', ['kept-003', 'kept-004']));
  });

  it('does not stand in the way of what is not in service', async () => {
    await expectDelivered(on.api, await on.api.submit('pool.free', names('mixed', 4)));
    await expectDelivered(on.api, await on.api.submit('pool.act', names('mixed-out', 2)));
    await expectTooFew(['mixed-005', 'mixed-out-001'], remaining(0, 'mixed'));
  });

  it('counts a target once, however often it is taken', async () => {
    await expectDelivered(on.api, await on.api.submit('pool.act', names('taken', 2)));
    await expectDelivered(on.api, await on.api.submit('pool.act', names('taken', 2)));
    await expectTooFew(['taken-003'], remaining(2, 'taken'));
  });
});
