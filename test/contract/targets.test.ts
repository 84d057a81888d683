import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  forwardedFor,
  host,
  hosts,
  names,
  until,
  withNothingForwarded,
  type Body,
  type Line,
} from '../support/api.ts';
import { hostKind } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// The contract, the row "targets" of the steps, selectors, digests, and the numbers of a blast radius.

const scope = (id: string): Line => ({ id, labels: { service: 'dns', region: 'eu' } });
const smallKind = {
  dimensions: ['service', 'region'],
  max_age: '24h',
  max_shrink: '100%',
  max_change: '100%',
};
const on = standing({
  config: {
    kinds: {
      host: hostKind,
      scope: smallKind,
      void: smallKind,
      filled: smallKind,
      aged: { ...smallKind, max_age: '1s' },
      trio: smallKind,
    },
    actions: {
      'host.act': {},
      'scope.act': { kind: 'scope' },
      'void.act': { kind: 'void' },
      'filled.act': { kind: 'filled' },
      'aged.act': { kind: 'aged' },
      'trio.act': { kind: 'trio' },
    },
  },
  inventory: {
    host: [
      ...hosts('web', 6, { rack: 'r1' }),
      ...hosts('db', 4, { rack: 'r2', role: 'db' }),
      ...hosts('far', 5, { region: 'us', zone: 'us-1', rack: 'r3', state: 'serving' }),
      host('quarantined', { quarantined_at: '2026-01-01T00:00:00Z', rack: 'r4' }),
      host('extra', { colour: 'red', rack: 'r4' }),
      host('Upper', { rack: 'r5' }),
      host('both', { rack: 'r5' }),
      ...['a', 'B', 'a.b', 'a-b', 'a_b', 'a:b', 'a/b', 'a1', '1a'].map(id => host(id, { rack: 'r6' })),
    ],
    scope: [scope('push-1'), scope('push-2'), scope('both')],
    trio: [scope('one'), scope('two'), scope('three')],
  },
});

const digestOf = (ids: readonly string[]): string =>
  `sha256:${createHash('sha256')
    .update(
      ids
        .toSorted((a, b) => (a < b ? -1 : 1))
        .map(id => `${id}\n`)
        .join(''),
    )
    .digest('hex')}`;

const refusals: { title: string; action: string; targets: object; status: number; rules: string[] }[] = [
  {
    title: 'an id that is not there',
    action: 'host.act',
    targets: { ids: ['web-007'] },
    status: 422,
    rules: ['targets.unknown'],
  },
  {
    title: 'one id among many that is not there',
    action: 'host.act',
    targets: { ids: [...names('web', 6), 'web-0001'] },
    status: 422,
    rules: ['targets.unknown'],
  },
  {
    title: 'an id in another case',
    action: 'host.act',
    targets: { ids: ['WEB-001'] },
    status: 422,
    rules: ['targets.unknown'],
  },
  {
    title: 'an id that is upper case there',
    action: 'host.act',
    targets: { ids: ['upper'] },
    status: 422,
    rules: ['targets.unknown'],
  },
  {
    title: 'a digit one for a letter',
    action: 'host.act',
    targets: { ids: ['wcb-001'] },
    status: 422,
    rules: ['targets.unknown'],
  },
  {
    title: 'the beginning of an id',
    action: 'host.act',
    targets: { ids: ['web'] },
    status: 422,
    rules: ['targets.unknown'],
  },
  {
    title: 'an id of another kind only',
    action: 'host.act',
    targets: { ids: ['push-1'] },
    status: 422,
    rules: ['targets.wrong_kind'],
  },
  {
    title: 'an id of another kind among good ones',
    action: 'scope.act',
    targets: { ids: ['push-1', 'web-001'] },
    status: 422,
    rules: ['targets.wrong_kind'],
  },
  {
    title: 'one that is of another kind and one that is not there',
    action: 'host.act',
    targets: { ids: ['web-001', 'push-1', 'nobody'] },
    status: 422,
    rules: ['targets.unknown', 'targets.wrong_kind'],
  },
  {
    title: 'ids with a higher expectation',
    action: 'host.act',
    targets: { ids: ['web-001'], expect: 2 },
    status: 422,
    rules: ['targets.unexpected_count'],
  },
  {
    title: 'ids with a lower expectation',
    action: 'host.act',
    targets: { ids: names('web', 2), expect: 1 },
    status: 422,
    rules: ['targets.unexpected_count'],
  },
  {
    title: 'a selector of more than expected',
    action: 'host.act',
    targets: { selector: { rack: 'r1' }, expect: 5 },
    status: 422,
    rules: ['targets.unexpected_count'],
  },
  {
    title: 'a selector of fewer than expected',
    action: 'host.act',
    targets: { selector: { rack: 'r1' }, expect: 7 },
    status: 422,
    rules: ['targets.unexpected_count'],
  },
  {
    title: 'a selector of nothing',
    action: 'host.act',
    targets: { selector: { rack: 'r99' }, expect: 1 },
    status: 422,
    rules: ['targets.unexpected_count'],
  },
  {
    title: 'labels that no target has together',
    action: 'host.act',
    targets: { selector: { rack: 'r1', role: 'db' }, expect: 6 },
    status: 422,
    rules: ['targets.unexpected_count'],
  },
  {
    title: 'a value in another case',
    action: 'host.act',
    targets: { selector: { rack: 'R1' }, expect: 6 },
    status: 422,
    rules: ['targets.unexpected_count'],
  },
  {
    title: 'a label that is kept but not declared',
    action: 'host.act',
    targets: { selector: { colour: 'red' }, expect: 1 },
    status: 422,
    rules: ['targets.malformed'],
  },
  {
    title: 'a kind without an inventory',
    action: 'void.act',
    targets: { ids: ['web-001'] },
    status: 503,
    rules: ['inventory.empty'],
  },
  {
    title: 'a selector on a kind without an inventory',
    action: 'void.act',
    targets: { selector: { region: 'eu' }, expect: 1 },
    status: 503,
    rules: ['inventory.empty'],
  },
];

describe('targets that cannot be resolved', () => {
  it.each(refusals)('are refused: $title', async ({ action, targets, status, rules }) => {
    const answer = await withNothingForwarded(on.executor, () => on.api.submit(action, targets));
    const seen = await expectRefusal(on.api, answer, status, rules);
    expect(seen).not.toHaveProperty('blast_radius');
  });

  it('are refused while the inventory is older than it may be, and the key stays free', async () => {
    const old = new Date(Date.now() - 60_000).toISOString();
    expect((await on.api.put('aged', [scope('aged-1')], `?as_of=${old}`)).status).toBe(200);
    const key = randomUUID();
    const answer = await withNothingForwarded(on.executor, () =>
      on.api.submit('aged.act', ['aged-1'], { key }),
    );
    await expectRefusal(on.api, answer, 503, ['inventory.stale']);
    // Both are of one step, and what asks for another try is stronger than what a client must mend.
    const unknown = await on.api.submit('aged.act', ['aged-1', 'nobody']);
    await expectRefusal(on.api, unknown, 503, ['inventory.stale', 'targets.unknown']);
    expect((await on.api.put('aged', [scope('aged-1')])).status).toBe(200);
    await expectDelivered(on.api, await on.api.submit('aged.act', ['aged-1'], { key }));
    await sleep(1100);
    const again = await withNothingForwarded(on.executor, () => on.api.submit('aged.act', ['aged-1']));
    await expectRefusal(on.api, again, 503, ['inventory.stale']);
  });

  it('are refused without an inventory, and the key stays free', async () => {
    const key = randomUUID();
    const answer = await on.api.submit('filled.act', ['filled-1'], { key });
    await expectRefusal(on.api, answer, 503, ['inventory.empty']);
    expect((await on.api.put('filled', [scope('filled-1')])).status).toBe(200);
    await expectDelivered(on.api, await on.api.submit('filled.act', ['filled-1'], { key }));
  });
});

const resolved: { title: string; targets: object; ids: string[] }[] = [
  { title: 'one id', targets: { ids: ['web-001'] }, ids: ['web-001'] },
  { title: 'ids in any order', targets: { ids: ['web-003', 'web-001', 'web-002'] }, ids: names('web', 3) },
  { title: 'ids with their number', targets: { ids: names('web', 2), expect: 2 }, ids: names('web', 2) },
  { title: 'an id that is there in two kinds', targets: { ids: ['both'] }, ids: ['both'] },
  { title: 'an id in upper case', targets: { ids: ['Upper'] }, ids: ['Upper'] },
  { title: 'a label', targets: { selector: { rack: 'r1' }, expect: 6 }, ids: names('web', 6) },
  {
    title: 'two labels, both of which must match',
    targets: { selector: { role: 'web', region: 'us' }, expect: 5 },
    ids: names('far', 5),
  },
  {
    title: 'a list of values, one of which must match',
    targets: { selector: { rack: ['r2', 'r3'] }, expect: 9 },
    ids: [...names('db', 4), ...names('far', 5)],
  },
  {
    title: 'a list with a value that nothing has',
    targets: { selector: { rack: ['r2', 'r99'] }, expect: 4 },
    ids: names('db', 4),
  },
  {
    title: 'the state',
    targets: { selector: { state: ['serving', 'draining'] }, expect: 5 },
    ids: names('far', 5),
  },
  {
    title: 'a label that is no dimension',
    targets: { selector: { owner: 'team-a', rack: 'r2' }, expect: 4 },
    ids: names('db', 4),
  },
  {
    title: 'an optional label',
    targets: { selector: { quarantined_at: '2026-01-01T00:00:00Z' }, expect: 1 },
    ids: ['quarantined'],
  },
  {
    title: 'ids whose order by code unit is not that of a dictionary',
    targets: { selector: { rack: 'r6' }, expect: 9 },
    ids: ['1a', 'B', 'a', 'a-b', 'a.b', 'a/b', 'a1', 'a:b', 'a_b'],
  },
];

describe('targets that are resolved', () => {
  it.each(resolved)('are frozen with their digest: $title', async ({ targets, ids }) => {
    const body = await expectDelivered(on.api, await on.api.submit('host.act', targets));
    expect(body.targets).toEqual({ count: ids.length, digest: digestOf(ids) });
    expect(forwardedFor(on.executor, { id: body.id ?? '' }).map(one => one.json)).toEqual([
      expect.objectContaining({ targets: ids, digest: digestOf(ids) }),
    ]);
    const listed = await on.api.get(`/v1/requests/${body.id}/targets`);
    expect(JSON.stringify(listed.body.items)).toBe(
      JSON.stringify(ids.map(id => (typeof listed.body.items?.[0] === 'string' ? id : { id }))),
    );
  });

  it('name the one revision of the inventory that was used, and its age', async () => {
    const revision = (await on.api.kind('trio'))?.revision;
    const body = await expectDelivered(on.api, await on.api.submit('trio.act', ['one']));
    expect(body.inventory).toEqual({ revision, age_s: expect.any(Number) });
    expect((await on.api.patch('trio', [scope('one')])).body.revision).toBe((revision ?? 0) + 1);
    const next = await expectDelivered(on.api, await on.api.submit('trio.act', ['one']));
    expect(next.inventory?.revision).toBe((revision ?? 0) + 1);
  });

  it('are listed page by page, in order', async () => {
    const body = await expectDelivered(on.api, await on.api.submit('host.act', { ids: names('web', 6) }));
    const pages: Body[] = [];
    let cursor: string | null | undefined;
    do {
      const query: string =
        cursor === undefined || cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await on.api.get(`/v1/requests/${body.id}/targets?limit=4${query}`);
      expect(page.status, page.text).toBe(200);
      pages.push(page.body);
      cursor = page.body.next;
    } while (cursor !== null && cursor !== undefined);
    expect(pages.map(page => page.items?.length)).toEqual([4, 2]);
    expect(pages.at(-1)?.next).toBeNull();
  });
});

describe('the blast radius', () => {
  it('rounds a share up: two thirds are 666667 parts per million', async () => {
    const body = await expectDelivered(on.api, await on.api.submit('trio.act', ['one', 'two']));
    expect(body.blast_radius).toEqual({
      fleet: { count: 2, total: 3, share_ppm: 666_667 },
      service: [{ value: 'dns', count: 2, total: 3, share_ppm: 666_667 }],
      region: [{ value: 'eu', count: 2, total: 3, share_ppm: 666_667 }],
    });
    const whole = await expectDelivered(on.api, await on.api.submit('trio.act', ['one', 'two', 'three']));
    expect(whole.blast_radius).toMatchObject({ fleet: { count: 3, total: 3, share_ppm: 1_000_000 } });
  });

  it('lists each value of each dimension, with what remains in service', async () => {
    await until(
      () => on.api.kind('host'),
      kind => kind !== undefined,
    );
    const body = await expectDelivered(
      on.api,
      await on.api.submit('host.act', ['db-001', 'quarantined', 'web-001']),
    );
    const rack = body.blast_radius?.['rack'];
    expect(rack).toEqual([
      { value: 'r1', count: 1, total: 6, share_ppm: 166_667, remaining: 0 },
      { value: 'r2', count: 1, total: 4, share_ppm: 250_000, remaining: 0 },
      { value: 'r4', count: 1, total: 2, share_ppm: 500_000, remaining: 0 },
    ]);
    expect(Object.keys(body.blast_radius ?? {}).toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'cluster',
      'fleet',
      'rack',
      'region',
      'role',
      'zone',
    ]);
  });
});
