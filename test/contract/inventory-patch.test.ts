import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { expectProblem, ndjson, type Answer, type Line } from '../support/api.ts';
import { standing } from '../support/standing.ts';

// The contract, "The inventory": PATCH, its limits, and how it stands over a snapshot.

const kind = {
  dimensions: ['region', 'rack'],
  state: { label: 'state', in_service: ['serving'] },
  max_age: '24h',
  max_shrink: '10%',
  max_change: '20%',
};
const kinds = Array.from({ length: 40 }, (_, index) => `kind-${index}`);
const on = standing({
  config: {
    kinds: Object.fromEntries(kinds.map(name => [name, kind])),
    actions: Object.fromEntries(kinds.map(name => [`act.${name}`, { kind: name }])),
  },
});

let used = 0;
const line = (place: number, labels: Readonly<Record<string, string>> = {}): Line => ({
  id: `t-${String(place).padStart(3, '0')}`,
  labels: { region: 'eu', rack: 'r1', state: 'serving', ...labels },
});
const lines = (count: number, labels: Readonly<Record<string, string>> = {}, from = 1): Line[] =>
  Array.from({ length: count }, (_, index) => line(index + from, labels));
const removed = (count: number, from = 1): object[] =>
  lines(count, {}, from).map(({ id }) => ({ id, removed: true }));
const loaded = async (count = 20, query = ''): Promise<string> => {
  const name = `kind-${(used += 1)}`;
  const answer = await on.api.put(name, lines(count), query);
  expect(answer.status, answer.text).toBe(200);
  return name;
};
const expectPatched = async (patch: Promise<Answer>, counts: object): Promise<void> => {
  const answer = await patch;
  expect(answer.status, answer.text).toBe(200);
  expect(answer.body).toMatchObject(counts);
};
const expectRefusedPatch = async (
  name: string,
  body: readonly object[] | string,
  status: number,
  rule: string,
): Promise<Answer> => {
  const before = await on.api.kind(name);
  const answer = await on.api.patch(name, body);
  expectProblem(answer, status, rule);
  expect({ ...(await on.api.kind(name)), age_s: 0 }).toEqual({ ...before, age_s: 0 });
  return answer;
};
const racks = async (name: string) => (await on.api.kind(name))?.dimensions['rack'];

describe('a PATCH', () => {
  it('with a broken line changes nothing, and names the line', async () => {
    const name = await loaded();
    for (const bad of [
      '{"id":',
      '{"id":"t-001"}',
      '{"id":"t-001","removed":false}',
      '{"id":"t-001","removed":true,"labels":{}}',
      '{"removed":true}',
      '{"id":"*","removed":true}',
    ]) {
      const answer = await expectRefusedPatch(
        name,
        `${ndjson([line(99)])}${bad}\n`,
        422,
        'inventory.malformed',
      );
      expect(answer.body.line, bad).toBe(2);
    }
  });

  it('with an id twice changes nothing', async () => {
    const name = await loaded();
    await expectRefusedPatch(name, [line(1), line(1, { rack: 'r2' })], 422, 'inventory.malformed');
  });

  it('sets and takes out single targets, and moves the revision', async () => {
    const name = await loaded();
    const before = await on.api.kind(name);
    await expectPatched(on.api.patch(name, [line(1, { rack: 'r2' }), line(21), ...removed(1, 2)]), {
      revision: (before?.revision ?? 0) + 1,
      count: 20,
      added: 1,
      removed: 1,
      changed: 1,
    });
    expect(await racks(name)).toEqual({ r1: 19, r2: 1 });
  });

  it('does not make the inventory younger', async () => {
    const name = await loaded(
      20,
      `?as_of=${encodeURIComponent(new Date(Date.now() - 600_000).toISOString())}`,
    );
    await expectPatched(on.api.patch(name, [line(1, { rack: 'r2' })]), { changed: 1 });
    expect((await on.api.kind(name))?.age_s).toBeGreaterThanOrEqual(600);
  });

  it('has no as_of, and is told why', async () => {
    const answer = await on.api.patch(await loaded(), [line(1)], '?as_of=2026-11-22T03:00:00Z');
    expectProblem(answer, 422, 'request.invalid');
    expect(answer.body.detail).toContain('a PATCH holds from its arrival');
  });

  it('may take out a tenth, summed over all of them', async () => {
    const name = await loaded();
    await expectPatched(on.api.patch(name, removed(1)), { removed: 1 });
    await expectPatched(on.api.patch(name, removed(1, 2)), { removed: 1 });
    await expectRefusedPatch(name, removed(1, 3), 409, 'inventory.shrunken');
  });

  it('may not hide what it takes out behind what it adds', async () => {
    const name = await loaded();
    await expectRefusedPatch(name, [...removed(3), ...lines(3, {}, 101)], 409, 'inventory.shrunken');
  });

  it('may change a fifth, summed over all of them, the state aside', async () => {
    const name = await loaded();
    await expectPatched(on.api.patch(name, lines(3, { rack: 'r2' })), { changed: 3 });
    await expectPatched(on.api.patch(name, lines(10, { state: 'draining' }, 11)), { count: 20 });
    await expectPatched(on.api.patch(name, [line(4, { rack: 'r2' })]), { changed: 1 });
    await expectRefusedPatch(name, [line(5, { rack: 'r2' })], 409, 'inventory.changed');
  });

  it('over the limit can be forced by an operator with a reason', async () => {
    const name = await loaded();
    const query = '?force=shrink&reason=site+closed';
    expectProblem(await on.api.patch(name, removed(10), query), 403, 'principal.not_allowed');
    expectProblem(
      await on.api.patch(name, removed(10), '?force=shrink', { as: 'operator' }),
      422,
      'request.invalid',
    );
    await expectPatched(on.api.patch(name, removed(10), query, { as: 'operator' }), {
      count: 10,
      removed: 10,
    });
  });

  it('cannot take out the last target, forced or not', async () => {
    const name = await loaded(2);
    const answer = await on.api.patch(name, removed(2), '?force=shrink&reason=x', { as: 'operator' });
    expectProblem(answer, 409, 'inventory.empty');
    expect((await on.api.kind(name))?.count).toBe(2);
  });
});

describe('a line that was set or taken out after a snapshot was read', () => {
  const readThenPatched = async (patch: readonly object[]): Promise<[string, string]> => {
    const name = await loaded();
    await sleep(5);
    const readAt = `?as_of=${encodeURIComponent(new Date().toISOString())}`;
    await sleep(30);
    const answer = await on.api.patch(name, patch);
    expect(answer.status, answer.text).toBe(200);
    return [name, readAt];
  };

  it('stands over that snapshot when it was set', async () => {
    const [name, readAt] = await readThenPatched([line(1, { rack: 'r2' })]);
    expect((await on.api.put(name, lines(20), readAt)).status).toBe(200);
    expect(await racks(name)).toEqual({ r1: 19, r2: 1 });
  });

  it('stays gone when it was taken out', async () => {
    const [name, readAt] = await readThenPatched(removed(1));
    expect((await on.api.put(name, lines(20), readAt)).status).toBe(200);
    expect(await racks(name)).toEqual({ r1: 19 });
    // Other kinds of this file still have the id.
    const answer = await on.api.submit(`act.${name}`, ['t-001']);
    expect(answer.body.reasons?.map(reason => reason.rule)).toEqual(['targets.wrong_kind']);
  });

  it('stays when it was added', async () => {
    const [name, readAt] = await readThenPatched([line(21)]);
    expect((await on.api.put(name, lines(20), readAt)).status).toBe(200);
    expect(await racks(name)).toEqual({ r1: 21 });
  });

  it('falls to a snapshot that was read after it', async () => {
    const [name] = await readThenPatched([line(1, { rack: 'r2' })]);
    await sleep(30);
    expect((await on.api.put(name, lines(20))).status).toBe(200);
    expect(await racks(name)).toEqual({ r1: 20 });
  });
});
