import { afterEach, describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  hosts,
  names,
  withNothingForwarded,
  type Answer,
  type Body,
} from '../support/api.ts';
import { wideLimits, type Doc } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// One limit of one action is loosened, for one principal or for targets that all match, and counted by id.

const HOUR_MS = 3_600_000;
const at = (fromNowMs: number): string => new Date(Date.now() + fromNowMs).toISOString();
const until = at(HOUR_MS);
const few = { ...wideLimits, max_targets: 2, ceiling: { max_targets: 8 } };

const limited: Readonly<Record<string, Doc>> = {
  'few.act': few,
  'back.act': few,
  'late.act': few,
  'order.act': few,
  'many.act': few,
  'frozen.act': few,
  'both.act': { ...few, max_values: { rack: 1 }, ceiling: { max_targets: 8, max_values: { rack: 2 } } },
  'rack.act': { ...wideLimits, max_values: { rack: 1 }, ceiling: { max_values: { rack: 2 } } },
  'window.act': {
    ...wideLimits,
    windows: [{ per: 'fleet', over: '1h', max_targets: 2 }],
    ceiling: { windows: [{ per: 'fleet', over: '1h', max_targets: 5 }] },
  },
  'share.act': {
    ...wideLimits,
    max_share: { fleet: '100%', region: '50%', rack: '1%' },
    ceiling: { max_share: { rack: '100%' } },
  },
  'least.act': {
    ...wideLimits,
    min_remaining: { rack: 2 },
    ceiling: { min_remaining: { rack: 1 } },
  },
};
const exception = (id: string, action: string, more: Doc): Doc => ({
  ...{ id, action, owner: 'jo', ticket: 'DC-1', until, max_targets: 100 },
  ...('selector' in more ? {} : { principal: 'bot' }),
  ...more,
});
const exceptions = [
  exception('few', 'few.act', { set: { max_targets: 5 }, max_targets: 9 }),
  exception('back', 'back.act', { set: { max_targets: 5 }, max_targets: 6 }),
  exception('late', 'late.act', { set: { max_targets: 5 }, until: at(-1) }),
  exception('small', 'order.act', { set: { max_targets: 3 } }),
  exception('large', 'order.act', { set: { max_targets: 6 } }),
  exception('many', 'many.act', { set: { max_targets: 6 } }),
  exception('frozen', 'frozen.act', { set: { max_targets: 5 } }),
  exception('both-1', 'both.act', { set: { max_targets: 5 } }),
  exception('both-2', 'both.act', { set: { max_values: { rack: 2 } } }),
  exception('rack', 'rack.act', { set: { max_values: { rack: 2 } }, selector: { rack: ['r8', 'r9'] } }),
  exception('window', 'window.act', {
    set: { windows: [{ per: 'fleet', over: '1h', max_targets: 5 }] },
    max_targets: 3,
  }),
  exception('share', 'share.act', { set: { max_share: { rack: '100%' } } }),
  exception('least', 'least.act', { set: { min_remaining: { rack: 1 } } }),
];

const on = standing({
  config: { actions: Object.fromEntries(Object.keys(limited).map(name => [name, {}])) },
  limits: {
    actions: limited,
    exceptions,
    freezes: [{ actions: ['frozen.act'], from: at(-HOUR_MS), reason: 'a freeze' }],
  },
  inventory: {
    host: [
      ...hosts('host', 60),
      ...hosts('old', 3, { rack: 'r8' }),
      ...hosts('older', 3, { rack: 'r9', region: 'us' }),
      ...hosts('live', 3, { rack: 'r7', state: 'serving' }),
    ],
  },
  script: ({ body }) => ({ type: 'answer', status: body.includes('"back.act"') ? 400 : 200 }),
});

const submit = async (action: string, ids: readonly string[], as = 'bot'): Promise<Answer> =>
  await on.api.submit(action, ids, { as });
const from = (first: number, count: number): string[] => names('host', count, first);

const exceptionsOf = (body: Body): unknown => new Map(Object.entries(body)).get('exceptions');
async function expectUnder(id: string, answer: Answer): Promise<Body> {
  const body = await expectDelivered(on.api, answer);
  expect(exceptionsOf(body)).toEqual([id]);
  expect(exceptionsOf(await on.api.request(body.id))).toEqual([id]);
  const entry = (await on.api.audit()).find(one => one.body?.['id'] === body.id);
  expect(entry?.body?.['exceptions']).toEqual([id]);
  return body;
}
async function expectWithout(answer: Answer): Promise<void> {
  expect(exceptionsOf(await expectDelivered(on.api, answer))).toBeUndefined();
}
async function expectNo(
  action: string,
  ids: readonly string[],
  rules: readonly string[],
  { as = 'bot', status = 403 } = {},
): Promise<Body> {
  const answer = await withNothingForwarded(on.executor, async () => await submit(action, ids, as));
  const body = await expectRefusal(on.api, answer, status, rules);
  expect(exceptionsOf(body)).toBeUndefined();
  return body;
}
const shownOf = async (id: string) => {
  const { body } = await on.api.get('/v1/policy');
  const list: unknown = exceptionsOf(body);
  const found: unknown = Array.isArray(list) ? list.find(one => Object(one).id === id) : undefined;
  return found;
};

afterEach(async () => {
  for (const { id } of (await on.api.get('/v1/kill-switch')).body.engaged ?? []) await on.api.release(id);
});

const TOO_MANY = ['blast_radius.max_targets'];

describe('an exception for a principal', () => {
  it('lets through what its one limit refuses, says so, and is used up to the last target by all its requests', async () => {
    await expectUnder('few', await submit('few.act', from(1, 5)));
    expect(await shownOf('few')).toMatchObject({ used: 5, left: 4, status: 'in_force' });
    const body = await expectNo('few.act', from(6, 5), TOO_MANY);
    expect(body.reasons?.[0]?.message).toBe(
      'The request has 5 targets; the limit is 2 targets in one request. Exception few has 4 targets left, and this request has 5 targets.',
    );
    expect(body.passes).toBe(4);
    expect(body.reasons?.[0]?.remedy).toBe(
      'at most 2 targets in one request; or the first 4 of these targets, under exception few',
    );
    await expectUnder('few', await submit('few.act', from(6, 4)));
    expect(await shownOf('few')).toMatchObject({ used: 9, left: 0, status: 'used_up' });
    const last = await expectNo('few.act', from(10, 3), TOO_MANY);
    expect(last.reasons?.[0]?.message).toMatch(
      / Exception few has 0 targets left, and this request has 3 targets\.$/,
    );
    expect(last.passes).toBe(2);
    expect(last.reasons?.[0]?.remedy).toBe('at most 2 targets in one request');
  });

  it('is not used for what passes without it, nor by others, nor by a pre-flight', async () => {
    await expectWithout(await submit('many.act', from(1, 2)));
    await expectNo('many.act', from(1, 3), TOO_MANY, { as: 'other-bot' });
    for (let round = 0; round < 2; round += 1) {
      const asked = await on.api.preflight('many.act', from(1, 6));
      expect(asked.body).toMatchObject({ decision: 'allowed', exceptions: ['many'], status: 200 });
    }
    expect(await shownOf('many')).toMatchObject({ used: 0, left: 100 });
  });

  it('lets no more through than it says, and `passes` counts with it', async () => {
    const body = await expectNo('many.act', from(1, 7), TOO_MANY);
    expect(body.reasons?.[0]).toMatchObject({ measured: 7, limit: 2 });
    expect(body.passes).toBe(6);
    await expectUnder('many', await submit('many.act', from(1, 6)));
  });

  it('gives nothing back of what its executor refused', async () => {
    const answer = await submit('back.act', from(1, 5));
    expect(answer.status, answer.text).toBe(502);
    expect(exceptionsOf(answer.body)).toEqual(['back']);
    expect(await shownOf('back')).toMatchObject({ used: 5, left: 1 });
    await expectNo('back.act', from(1, 3), TOO_MANY);
  });

  it('answers a repeat as it answered the first, and is used once', async () => {
    const before = await shownOf('many');
    const options = { key: 'an-exception', as: 'bot' };
    const first = await on.api.submit('many.act', from(11, 3), options);
    const again = await on.api.submit('many.act', from(11, 3), options);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(exceptionsOf(again.body)).toEqual(['many']);
    expect(again.body.id).toBe(first.body.id);
    expect(Object(await shownOf('many')).used - Object(before).used).toBe(3);
  });

  it('that is over loosens nothing', async () => {
    const body = await expectNo('late.act', from(1, 3), TOO_MANY);
    expect(body.reasons?.[0]?.message).not.toContain('xception');
    expect(await shownOf('late')).toMatchObject({ status: 'over', used: 0 });
  });

  it('is the first of the file that is enough, and never two at once', async () => {
    await expectUnder('small', await submit('order.act', from(1, 3)));
    await expectUnder('large', await submit('order.act', from(4, 5)));
    await expectUnder('both-1', await submit('both.act', from(1, 3)));
    await expectUnder('both-2', await submit('both.act', ['old-001', 'older-001']));
    await expectNo(
      'both.act',
      ['old-001', 'old-002', 'older-001'],
      ['blast_radius.max_targets', 'blast_radius.max_values'],
    );
  });

  it('loosens no freeze and no switch', async () => {
    await expectNo('frozen.act', from(1, 3), ['blast_radius.max_targets', 'freeze.in_force']);
    await expectNo('frozen.act', from(1, 2), ['freeze.in_force']);
    await on.api.engage({ scope: { action: 'many.act' }, reason: 'a test' });
    const body = await expectNo('many.act', from(1, 3), ['blast_radius.max_targets', 'kill_switch.engaged'], {
      status: 423,
    });
    expect(body.passes).toBeUndefined();
  });
});

describe('an exception for a selector', () => {
  it('covers a request whose targets all match, whoever asks', async () => {
    await expectUnder('rack', await submit('rack.act', ['old-001', 'older-001'], 'other-bot'));
  });

  it('covers none with one target that does not', async () => {
    const rules = ['blast_radius.max_values'];
    await expectNo('rack.act', ['old-001', 'host-001'], rules);
    await expectNo('rack.act', ['host-001', 'old-001', 'older-001'], rules);
    const body = await expectNo('rack.act', ['live-001', 'old-002', 'older-002'], rules);
    // In the order of their ids the first one matches not.
    expect(body.passes).toBe(1);
  });
});

describe('an exception of', () => {
  it('windows leaves what was spent, and what it lets through is spent too', async () => {
    await expectWithout(await submit('window.act', from(1, 2)));
    await expectUnder('window', await submit('window.act', from(3, 2)));
    const body = await expectNo('window.act', from(5, 2), ['budget.window'], { status: 429 });
    expect(body.reasons?.[0]).toMatchObject({ measured: 6, limit: 2, unit: 'targets' });
    expect(body.reasons?.[0]?.message).toMatch(
      /Exception window has 1 target left, and this request has 2 targets\.$/,
    );
    const { items = [] } = (await on.api.get('/v1/budgets')).body;
    expect(
      items.find(({ action, rule }) => action === 'window.act' && rule === 'budget.window'),
    ).toMatchObject({
      used: 4,
      limit: 2,
    });
    await expectUnder('window', await submit('window.act', from(5, 1)));
    await expectNo('window.act', from(6, 1), ['budget.window'], { status: 429 });
  });

  it('one value of a share leaves the others', async () => {
    await expectUnder('share', await submit('share.act', from(1, 2)));
    const body = await expectNo('share.act', names('older', 3), ['blast_radius.share', 'blast_radius.share']);
    expect(body.reasons?.map(({ dimension }) => dimension)).toEqual(['rack', 'region']);
    expect(body.passes).toBe(1);
  });

  it('what must stay is looser with less', async () => {
    await expectUnder('least', await submit('least.act', names('live', 2)));
    await expectNo('least.act', ['live-003'], ['blast_radius.min_remaining']);
  });
});
