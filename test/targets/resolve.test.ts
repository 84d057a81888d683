import { sql, type RawBuilder } from 'kysely';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Kind } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import { isRefusal, type Refusal } from '../../src/kit/refusal.ts';
import { meantBy } from '../../src/targets/meant.ts';
import { findByTags } from '../../src/targets/queries.ts';
import { resolveTargets } from '../../src/targets/resolve.ts';
import type { TargetSet } from '../../src/targets/target-set.ts';
import type { Named } from '../../src/validate/validated.ts';
import { memoryStore } from '../support/store.ts';
import {
  host,
  hostLine,
  hostLines,
  hostNames,
  inventoryOver,
  requestOf,
  taken,
} from '../inventory/loading.ts';

let store: Store;
const pod: Kind = { ...host, name: 'pod' };

/** 5,000 hosts in fifty racks, two of them with ids of their own, and a pod. */
beforeAll(async () => {
  store = await memoryStore();
  const inventory = inventoryOver(store, { kinds: [host, pod] });
  const hosts = hostNames(5000).map((id, index) =>
    hostLine(id, { rack: `r${index % 50}`, state: index % 2 === 0 ? 'serving' : 'off' }),
  );
  const lines = [...hosts, hostLine('Web-01', { rack: 'x' }), hostLine('db-1.example', { rack: 'y' })];
  taken(await inventory.put(requestOf(lines)));
  taken(await inventory.put(requestOf(hostLines(3, {}, 9001), { kind: 'pod' })));
  await inventory.tidied();
});
afterAll(async () => {
  await store.close();
});

const resolve = async (named: Named, revision = 1) => await resolveTargets(store.db, 'host', named, revision);
const ids = (first: string, ...rest: string[]): Named => ({ ids: [first, ...rest] });

function refused(result: TargetSet | Refusal): Refusal {
  if (!isRefusal(result)) throw new Error(`${result.targets.length} targets were resolved`);
  return result;
}
function resolved(result: TargetSet | Refusal): TargetSet {
  if (isRefusal(result)) throw new Error(result.reasons[0].message);
  return result;
}

describe('a selector', () => {
  it('that selects nothing in particular stands for nothing', async () => {
    expect(await findByTags(store.db, [], 1, 10, false)).toEqual([]);
    expect(refused(await resolve({ selector: {}, expect: 5002 })).reasons[0]).toMatchObject({
      rule: 'targets.unexpected_count',
      measured: 0,
    });
  });

  it('that stands for another number than expected is refused, none included, few or many', async () => {
    for (const [selector, expectation, measured] of [
      [{ rack: ['r999'] }, 1, 0],
      [{ rack: ['r7'] }, 99, 100],
      [{ rack: ['r7'] }, 101, 100],
      [{ region: ['eu'] }, 5001, 5002],
      [{ rack: ['r7'], state: ['serving'] }, 100, 0],
    ] as const) {
      const refusal = refused(await resolve({ selector: asSelector(selector), expect: expectation }));
      expect(refusal).toMatchObject({
        status: 422,
        reasons: [{ rule: 'targets.unexpected_count', measured, limit: expectation, unit: 'targets' }],
      });
    }
  });

  it('that matches nothing is never told to expect nothing, which would be refused too', async () => {
    const nothing = refused(await resolve({ selector: { rack: ['r999'] }, expect: 8 })).reasons[0];
    expect(nothing.message).toBe('Nothing in the inventory matches, and 8 were expected.');
    expect(nothing.remedy).toContain('a selector that matches');
    expect(nothing.remedy).not.toContain('expect');
    const others = refused(await resolve({ selector: { rack: ['r7'] }, expect: 8 })).reasons[0];
    expect(others.remedy).toBe('look at the difference; `expect`: 100 if that is what you mean');
  });

  it('sees the revision that is asked for, and no other', async () => {
    const refusal = refused(await resolve({ selector: { rack: ['r7'] }, expect: 100 }, 0));
    expect(refusal.reasons[0]).toMatchObject({ rule: 'targets.unexpected_count', measured: 0 });
  });

  it('of many sees that revision too: nothing that it has replaced, and nothing that a load begins to write', async () => {
    await sql`insert into inventory_targets (kind, id, labels, tags, labels_digest, from_revision, to_revision)
      select 'flock', 'f-' || i, '{}', array['flock:rack=r1'], 'd', revision, nullif(revision, 2) + 1
      from generate_series(1, 2510) i, generate_series(1, 2) revision where i <= 2500 or revision = 2`.execute(
      store.db,
    );
    for (const [revision, count] of [
      [1, 2500],
      [2, 2510],
    ] as const) {
      const named: Named = { selector: { rack: ['r1'] }, expect: count };
      expect(resolved(await resolveTargets(store.db, 'flock', named, revision)).targets).toHaveLength(count);
    }
  });

  it('never stands for targets of another kind', async () => {
    const pods = await resolveTargets(store.db, 'pod', { selector: { region: ['eu'] }, expect: 3 }, 1);
    expect(resolved(pods).targets.map(target => target.id)).toEqual(hostNames(3, 9001));
  });

  it('matches all its labels, each by any of its values', async () => {
    const named: Named = { selector: { rack: ['r0', 'r1', 'r999'], state: ['serving'] }, expect: 100 };
    const set = resolved(await resolve(named));
    expect(set.targets.every(target => target.labels['rack'] === 'r0' && target.state === 'serving')).toBe(
      true,
    );
    expect(set.targets).toHaveLength(100);
  });

  it('resolves many, page by page, to the same set as their ids', async () => {
    const bySelector = resolved(await resolve({ selector: { region: ['eu'] }, expect: 5002 }));
    const [first = '', ...rest] = bySelector.targets.map(target => target.id).toReversed();
    const byIds = resolved(await resolve({ ids: [first, ...rest], expect: 5002 }));
    expect([byIds.digest, byIds.labelsDigest]).toEqual([bySelector.digest, bySelector.labelsDigest]);
  });
});

describe('a selector of a very large kind', () => {
  it('stands for at most 200,000 targets, whatever is expected', async () => {
    await sql`insert into inventory_targets (kind, id, labels, tags, labels_digest, from_revision)
      select 'crowd', 'c-' || i, '{}', array['crowd:rack=r1'], 'd', 1 from generate_series(1, 200001) i`.execute(
      store.db,
    );
    for (const expectation of [200_000, 200_001]) {
      const named: Named = { selector: { rack: ['r1'] }, expect: expectation };
      expect(refused(await resolveTargets(store.db, 'crowd', named, 1))).toMatchObject({
        status: 422,
        reasons: [{ rule: 'targets.too_many', measured: 200_001, limit: 200_000, unit: 'targets' }],
      });
    }
  });
});

const asSelector = (selector: object): Record<string, [string, ...string[]]> =>
  Object.fromEntries(Object.entries(selector).map(([label, values]: [string, [string]]) => [label, values]));

describe('ids', () => {
  it('of which one is not there refuse the whole, and say which', async () => {
    const refusal = refused(await resolve(ids('h-0001', 'nothing-like-it', 'h-0002')));
    expect(refusal.status).toBe(422);
    expect(refusal.reasons).toHaveLength(1);
    expect(refusal.reasons[0]).toMatchObject({
      rule: 'targets.unknown',
      measured: 1,
      limit: 0,
      unit: 'targets',
    });
    expect(refusal.reasons[0].message).toContain('"nothing-like-it" is not in the inventory of host');
  });

  it('that are none of them there are counted, and the first are named', async () => {
    const [first = '', ...rest] = hostNames(3000, 70_001);
    const refusal = refused(await resolve(ids(first, ...rest)));
    expect(refusal.reasons[0]).toMatchObject({ rule: 'targets.unknown', measured: 3000 });
    expect(refusal.reasons[0].message).toContain('and 2995 more');
  });

  it('of another kind only are told apart from unknown ones, and both are told', async () => {
    const refusal = refused(await resolve(ids('h-9001', 'h-0001', 'h-99999')));
    expect(refusal.reasons.map(({ rule, measured }) => [rule, measured])).toEqual([
      ['targets.unknown', 1],
      ['targets.wrong_kind', 1],
    ]);
    expect(refusal.reasons[1]?.message).toContain('pod');
  });

  it.each([
    ['WEB-01', 'Web-01'],
    ['web-01', 'Web-01'],
    ['H-0001', 'h-0001'],
    ['h_0001', 'h-0001'],
    ['h-OOO1', 'h-0001'],
    ['db-1', 'db-1.example'],
    ['h-0001.example.com', 'h-0001'],
  ])('that are misspelled, as %s, are not repaired, but %s is asked for', async (id, meant) => {
    const refusal = refused(await resolve(ids(id)));
    expect(refusal.reasons[0].message).toContain(`Did you mean "${meant}" by "${id}"?`);
  });

  it('that are gone, or of another kind only, are not asked for, and what is gone there is of no kind', async () => {
    await sql`insert into inventory_targets (kind, id, labels, tags, labels_digest, from_revision, to_revision)
      values ('pod', 'gone-pod', '{}', '{}', 'd', 0, 1), ('host', 'gone-host', '{}', '{}', 'd', 0, 1)`.execute(
      store.db,
    );
    for (const id of ['gone-pod', 'GONE-HOST', 'gone-hsot', 'gone-hots', 'H-9001', 'h-9001.example.com']) {
      const { reasons } = refused(await resolve(ids(id)));
      expect(reasons.map(({ rule }) => rule)).toEqual(['targets.unknown']);
      expect(reasons[0].message).not.toContain('Did you mean');
    }
  });

  it('with another number than expected are refused, and unknown ones told besides', async () => {
    const refusal = refused(await resolve({ ids: ['h-0001', 'h-99999'], expect: 3 }));
    expect(refusal.reasons.map(({ rule }) => rule)).toEqual(['targets.unexpected_count', 'targets.unknown']);
    expect(refusal.reasons[0]).toMatchObject({ measured: 2, limit: 3, unit: 'targets' });
    expect(refusal.reasons[0].message).toBe('2 targets were named, and 3 were expected.');
  });

  it('with another number than expected are named, and not resolved, so that none that is unknown is said to be', async () => {
    for (const [named, message] of [
      [{ ids: ['h-99999'], expect: 2 }, '1 target was named, and 2 were expected.'],
      [{ ids: ['h-0001', 'h-0002'], expect: 1 }, '2 targets were named, and 1 was expected.'],
    ] as const)
      expect(refused(await resolve(named)).reasons[0].message).toBe(message);
    const selected = await resolve({ selector: { rack: ['r7'] }, expect: 1 });
    expect(refused(selected).reasons[0].message).toBe('100 targets were resolved, and 1 was expected.');
  });

  it('are unknown in a revision that does not have them', async () => {
    expect(refused(await resolve(ids('h-0001'), 0)).reasons[0].rule).toBe('targets.unknown');
  });

  it('resolve to a sorted set with the digest that clients are promised', async () => {
    const set = resolved(await resolve({ ids: ['h-0010', 'Web-01', 'h-0009'], expect: 3 }));
    expect(set.targets.map(target => target.id)).toEqual(['Web-01', 'h-0009', 'h-0010']);
    const digest = createHash('sha256').update('Web-01\nh-0009\nh-0010\n').digest('hex');
    expect(set).toMatchObject({ kind: 'host', revision: 1, digest: `sha256:${digest}` });
    expect(set.targets[1]).toEqual({
      id: 'h-0009',
      labels: { region: 'eu', rack: 'r8', state: 'serving', owner: 'team-a' },
      labelsDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      state: 'serving',
    });
  });
});

describe('what may have been meant', () => {
  it('is nothing where nothing is near', () => {
    expect(meantBy('host-1').choose([])).toBeUndefined();
    expect(meantBy('host-1').choose(['zebra', 'q'])).toBeUndefined();
  });

  it('is never another number: the neighbour of a machine is no slip of the finger', () => {
    expect(meantBy('us1-k09-m77').choose(['us1-k09-m24', 'us1-k09-m76', 'us1-k08-m77'])).toBeUndefined();
    expect(meantBy('host-12').choose(['host-11', 'host-112', 'host-1'])).toBeUndefined();
    expect(meantBy('hsot-0012').choose(['host-0013', 'host-0012'])).toBe('host-0012');
    expect(meantBy('host-12').choose(['host-13', 'host-0012'])).toBe('host-0012');
  });
});

describe('the cost of a decision', () => {
  it('is a look-up in an index in a large fleet, not a walk through it', async () => {
    await sql`insert into inventory_targets (kind, id, labels, tags, labels_digest, from_revision)
      select 'big', 'b-' || i, '{}', array['big:rack=r' || i / 40], 'd', 1 from generate_series(1, 40000) i`.execute(
      store.db,
    );
    await sql`analyze inventory_targets`.execute(store.db);
    const plan = async (query: RawBuilder<unknown>): Promise<string> =>
      JSON.stringify((await sql`explain ${query}`.execute(store.db)).rows);
    const bySelector = await plan(
      sql`select id from inventory_targets t where t.tags @> array['big:rack=r7']::text[]
        and t.from_revision <= 1 and (t.to_revision is null or t.to_revision > 1) limit 2001`,
    );
    expect(bySelector).toContain('inventory_targets_by_tag');
    expect(bySelector).not.toMatch(/Seq Scan|inventory_targets_pkey|inventory_targets_in_force/);
  });
});
