import { beforeEach, describe, expect, it } from 'vitest';
import {
  expectDelivered,
  expectRefusal,
  forwardedFor,
  hosts,
  until,
  withNothingForwarded,
  type Answer,
} from '../support/api.ts';
import type { Script } from '../support/executor.ts';
import { wideLimits, type Doc, type GateOptions } from '../support/gate.ts';
import { loadAgain, standing } from '../support/standing.ts';

// Nothing in that time, at decision and claim, but for the requesters named.

const HOUR_MS = 3_600_000;
const at = (fromNowMs: number): string => new Date(Date.now() + fromNowMs).toISOString();
const soon = at(HOUR_MS);

const actions = {
  'now.push': {},
  'open.push': {},
  'over.push': {},
  'later.push': {},
  'free.push': {},
  'line.push': { executor: { concurrency: 1, timeout: '20s' } },
};
const freezes: readonly Doc[] = [
  {
    actions: ['now.push', 'open.push'],
    from: at(-HOUR_MS),
    until: soon,
    reason: 'quarter end',
    except: ['oncall-bot'],
  },
  { actions: ['open.push'], from: at(-HOUR_MS), reason: 'after the incident of May' },
  { actions: ['over.push'], from: at(-2 * HOUR_MS), until: at(-HOUR_MS), reason: 'last quarter' },
  { actions: ['later.push'], from: soon, reason: 'next quarter' },
];
const optionsWith = (more: readonly Doc[], most = 200_000): Pick<GateOptions, 'config' | 'limits'> => ({
  config: { actions },
  limits: {
    actions: Object.fromEntries(
      Object.keys(actions).map(name => [name, { ...wideLimits, max_targets: most }]),
    ),
    freezes: [...freezes, ...more],
  },
});

const script: Script = ({ body }) =>
  body.includes('"host-020"') ? { type: 'hold' } : { type: 'answer', status: 200 };
const on = standing({
  ...optionsWith([]),
  inventory: { host: hosts('host', 40) },
  script,
});
beforeEach(() => on.executor.behave(script));

const submit = async (action: string, id: string, as = 'bot'): Promise<Answer> =>
  await on.api.submit(action, [id], { as });
const queue = async (id: string) =>
  (await on.api.submit('line.push', [id], { prefer: 'respond-async' })).body.id ?? '';

/** Brings these freezes into force beside the others. */
async function load(more: readonly Doc[], most: number): Promise<void> {
  await loadAgain(on.gate, optionsWith(more, most));
}

describe('a freeze', () => {
  it('in force refuses, says why, until when and who may, and nothing is sent', async () => {
    const answer = await withNothingForwarded(on.executor, async () => await submit('now.push', 'host-001'));
    const { reasons } = await expectRefusal(on.api, answer, 403, ['freeze.in_force']);
    expect(reasons).toEqual([
      {
        rule: 'freeze.in_force',
        message: `Entry 1 of \`freezes\` in the limits file freezes now.push until ${soon}. Its reason: quarter end`,
        remedy: `the same request from ${soon} on, with a new idempotency key, or now by oncall-bot, if that one may ask for it`,
      },
    ]);
    expect(answer.headers.get('retry-after')).toBeNull();
  });

  it('is told to a pre-flight too', async () => {
    const answer = await withNothingForwarded(
      on.executor,
      async () => await on.api.preflight('now.push', ['host-001']),
    );
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ status: 403, reasons: [{ rule: 'freeze.in_force' }] });
  });

  it('lets the requesters through that it excepts, and each of two must', async () => {
    await expectDelivered(on.api, await submit('now.push', 'host-002', 'oncall-bot'));
    const answer = await withNothingForwarded(
      on.executor,
      async () => await submit('open.push', 'host-003', 'oncall-bot'),
    );
    const { reasons } = await expectRefusal(on.api, answer, 403, ['freeze.in_force']);
    expect(reasons?.[0]).toMatchObject({
      message:
        'Entry 2 of `freezes` in the limits file freezes open.push, without an end. Its reason: after the incident of May',
      remedy: 'nothing, until the entry is taken out of the limits file',
    });
  });

  it('is one reason of several', async () => {
    const answer = await withNothingForwarded(on.executor, async () => await submit('open.push', 'host-003'));
    await expectRefusal(on.api, answer, 403, ['freeze.in_force', 'freeze.in_force']);
  });

  it.each(['over.push', 'later.push', 'free.push'])(
    'that is over, has not begun or is of others does not hold %s',
    async action => {
      await expectDelivered(on.api, await submit(action, 'host-004'));
    },
  );

  it('is shown by the policy, whether it is in force, and counted by the metrics', async () => {
    const { body } = await on.api.get('/v1/policy');
    expect(Object.fromEntries(Object.entries(body))['freezes']).toEqual([
      {
        actions: ['now.push', 'open.push'],
        from: freezes[0]?.['from'],
        until: soon,
        reason: 'quarter end',
        except: ['oncall-bot'],
        status: 'in_force',
      },
      expect.objectContaining({ status: 'in_force' }),
      expect.objectContaining({ status: 'over' }),
      expect.objectContaining({ status: 'to_come' }),
    ]);
    const { text } = await on.api.get('/metrics', { as: null });
    expect(text).toMatch(/^interlock_freezes_in_force 2$/mu);
  });
});

describe('what was allowed before and waits for its executor', () => {
  it('is held back while a freeze is in force that began meanwhile, and sent when it is over', async () => {
    const [fromMs, untilMs] = [Date.now() + 2_000, Date.now() + 6_000];
    await load(
      [
        {
          actions: ['line.push'],
          from: new Date(fromMs).toISOString(),
          until: new Date(untilMs).toISOString(),
          reason: 'a short one',
          except: ['oncall-bot'],
        },
      ],
      1_000,
    );
    const held = await queue('host-020');
    const waiting = await queue('host-021');
    await until(
      async () => await on.api.preflight('line.push', ['host-030']),
      ({ body }) => body.status === 403,
    );
    on.executor.release();
    await on.api.untilOutcome(held, 'delivered');
    // Who is excepted passes it by.
    await expectDelivered(on.api, await submit('line.push', 'host-022', 'oncall-bot'));
    expect(Date.now()).toBeLessThan(untilMs);
    expect((await on.api.request(waiting)).outcome?.status).toBe('pending');
    await on.api.untilOutcome(waiting, 'delivered');
    const [sent, ...more] = forwardedFor(on.executor, { id: waiting });
    expect(sent?.atMs).toBeGreaterThanOrEqual(untilMs);
    expect(more).toEqual([]);
  });

  it('is not sent when a freeze is loaded, nor when that is taken out again', async () => {
    const held = await queue('host-020');
    const waiting = await queue('host-023');
    await load([{ actions: ['line.push'], from: at(-1_000), reason: 'stop', except: ['oncall-bot'] }], 2_000);
    on.executor.release();
    await on.api.untilOutcome(held, 'delivered');
    await expectDelivered(on.api, await submit('line.push', 'host-024', 'oncall-bot'));
    // Looked at, and left: a claim that is held back is no stop.
    expect((await on.api.request(waiting)).outcome?.status).toBe('pending');
    await load([], 3_000);
    await on.api.untilOutcome(waiting, 'stopped');
    expect((await on.api.request(waiting)).outcome?.rule).toBe('forward.drifted');
    expect(forwardedFor(on.executor, { id: waiting })).toEqual([]);
  });
});
