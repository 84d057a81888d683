import { sql } from 'kysely';
import { describe, expect, it, vi } from 'vitest';

import { isRecorded } from '../../src/checkpoint/queries.ts';
import type { Principal } from '../../src/config/config.ts';
import type { Attempted } from '../../src/forward/attempted.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { Outcomes, type OutcomesOptions } from '../../src/outcome/outcomes.ts';
import { countedStatements } from '../support/counted-statements.ts';
import { bot, definitions, gateParts, host, limits, quiet, wipe, type Parts } from '../support/gate-parts.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

const store = storeOfHosts(2_000);

const outcomesOf = (parts: Parts, more: Partial<OutcomesOptions> = {}): Outcomes =>
  new Outcomes({
    gateId: 'gate-1',
    db: store.db,
    ledger: parts.ledger,
    actions: new Map([[wipe.name, wipe]]),
    kinds: new Map([[host.name, host]]),
    definitions,
    observers: new Set(),
    policyDigest: 'sha256:policy',
    limits,
    killFileEngages: () => false,
    resolveIds: async () => await Promise.reject(new Error('nothing has drifted')),
    logger: quiet,
    clock: systemClock,
    alone: false,
    forward: async (): Promise<Attempted> =>
      await Promise.resolve({ kind: 'delivered', httpStatus: 200, detail: 'done' }),
    observe: () => undefined,
    ...more,
  });

const rows = async (): Promise<{ phase: string; outcome: string }[]> =>
  (
    await sql<{ phase: string; outcome: string }>`select phase, outcome from operations order by seq`.execute(
      store.db,
    )
  ).rows;

describe('what became of an attempt', () => {
  it('is recorded, though what waits behind it cannot be claimed', async () => {
    const parts = await gateParts(store);
    const [first] = await Promise.all([1, 2, 3].map(index => parts.ask([`h${index}`], `k${index}`)));
    if (first === undefined || 'repeat' in first || first.claimed === undefined)
      throw new Error('the first was not claimed');
    const outcomes = outcomesOf(parts, {
      killFileEngages: () => {
        throw new Error('the claim fails');
      },
    });
    outcomes.start(first.claimed);
    await outcomes.ended();
    expect(await rows()).toEqual([
      { phase: 'ended', outcome: 'delivered' },
      { phase: 'claimed', outcome: 'pending' },
      { phase: 'waiting', outcome: 'pending' },
    ]);
  });
});

describe('an attempt on the wire', () => {
  const by = (roles: readonly ('executor' | 'operator')[], action: string): Principal => ({
    name: 'worker',
    keys: [],
    roles: new Set(roles),
    actions: new Set([action]),
  });

  // Whoever else said "refused" would give back targets that a tool is working on.
  it('is reported by an executor that names its action, and by nobody else', async () => {
    const parts = await gateParts(store);
    await parts.ask(['h1'], 'k1');
    const outcomes = outcomesOf(parts);
    const id = await parts.ledger.enqueue(({ book }) => [...book.operations()][0]?.id ?? '');
    const report = async (principal: Principal): Promise<unknown> =>
      await outcomes.report(id, principal, { status: 'refused' }, () => true);
    for (const [principal, rule] of [
      [bot, 'principal.not_allowed'],
      [by(['executor'], 'config.push'), 'principal.not_allowed'],
      [by(['operator'], wipe.name), 'request.conflict'],
      [by(['operator', 'executor'], 'config.push'), 'request.conflict'],
    ] as const)
      expect(await report(principal)).toMatchObject({ reasons: [{ rule }] });
    expect(await rows()).toEqual([{ phase: 'claimed', outcome: 'pending' }]);
    expect(await report(by(['executor'], wipe.name))).toMatchObject({ outcome: 'refused' });
    await outcomes.ended();
  });

  // One whose record waited for the database so long that another gate gave it up; then this gate asked an idempotent executor again.
  it('is waited for at the end, though an earlier one of the same request ends meanwhile', async () => {
    const [here, there] = [await gateParts(store), await gateParts(store)];
    const action = { ...wipe, executor: { ...wipe.executor, idempotent: true } };
    const first = await here.ask(['h1'], 'k1', { action });
    if ('repeat' in first || first.claimed === undefined) throw new Error('it was not claimed');
    const answers: ((attempted: Attempted) => void)[] = [];
    const outcomes = outcomesOf(here, {
      forward: async () => await new Promise(answer => answers.push(answer)),
    });
    outcomes.start(first.claimed);
    await sql`update operations set claimed_at = claimed_at - interval '7 seconds'`.execute(store.db);
    await outcomesOf(there, { gateId: 'gate-2' }).tick();
    await sql`update operations set not_before = null`.execute(store.db);
    await outcomes.tick();
    await vi.waitFor(() => expect(answers).toHaveLength(2));
    answers[0]?.({ kind: 'unknown', detail: 'no answer' });
    await vi.waitFor(async () => {
      const { rows: ends } = await sql`select from entries where body ->> 'event' = 'attempt'`.execute(
        store.db,
      );
      expect(ends).toHaveLength(1);
    });
    outcomes.stop();
    let hasEnded = false;
    const ending = outcomes.ended().then(() => (hasEnded = true));
    await rows();
    expect(hasEnded).toBe(false);
    answers[1]?.({ kind: 'delivered', detail: 'done' });
    await ending;
    expect(await rows()).toEqual([{ phase: 'ended', outcome: 'delivered' }]);
  });
});

/** A claim under a time-out of a minute, as if it had been made so long ago; another gate reads it. */
const claimedAgo = async (seconds: number, by = 'gone', more: Parameters<typeof gateParts>[1] = {}) => {
  const parts = await gateParts(store);
  await parts.ask(['h1'], 'k1');
  await sql`update operations set claimed_by = ${by}, claimed_at = claimed_at - interval '1 second' * ${seconds},
    timeout_ms = 60000`.execute(store.db);
  return await gateParts(store, more);
};
const onTheWire = { phase: 'claimed', outcome: 'pending' };

describe('a claim of a gate that is gone', () => {
  it.each([
    [61, 'claimed', 'pending'],
    [66, 'ended', 'unknown'],
  ])(
    'made %d s ago is %s, also for a gate that does not declare its action',
    async (seconds, phase, outcome) => {
      await outcomesOf(await claimedAgo(seconds), {
        actions: new Map(),
        policyDigest: 'sha256:another',
      }).tick();
      expect(await rows()).toEqual([{ phase, outcome }]);
    },
  );

  it('is swept at once where no other gate can be on the store', async () => {
    await outcomesOf(await claimedAgo(0), { alone: true }).tick();
    expect(await rows()).toEqual([{ phase: 'ended', outcome: 'unknown' }]);
  });

  it('is left alone while the clocks are not agreed, for nobody knows how old it is', async () => {
    const clock = { ...systemClock, wallMs: () => Date.now() + 3_600_000 };
    await outcomesOf(await claimedAgo(66, 'gone', { clock })).tick();
    expect(await rows()).toEqual([onTheWire]);
  });

  it('is nobody’s to sweep once its executor has accepted it, however long it takes', async () => {
    await claimedAgo(66);
    await sql`update operations set phase = 'accepted'`.execute(store.db);
    await outcomesOf(await gateParts(store), { alone: true }).tick();
    expect(await rows()).toEqual([{ phase: 'accepted', outcome: 'pending' }]);
  });
});

describe('a claim of this gate', () => {
  // Its commit got no answer, and so it was never begun.
  it('is swept where it is not on the wire, and not before its time, though no other gate can be on the store', async () => {
    await outcomesOf(await claimedAgo(0, 'gate-1'), { alone: true }).tick();
    expect(await rows()).toEqual([onTheWire]);
    await sql`update operations set claimed_at = claimed_at - interval '66 seconds'`.execute(store.db);
    await outcomesOf(await gateParts(store)).tick();
    expect(await rows()).toEqual([{ phase: 'ended', outcome: 'unknown' }]);
  });

  it('is not swept while it is on the wire, for this gate has the answer to come', async () => {
    const parts = await gateParts(store);
    const first = await parts.ask(['h1'], 'k1');
    if ('repeat' in first || first.claimed === undefined) throw new Error('it was not claimed');
    await sql`update operations set claimed_at = claimed_at - interval '7 seconds'`.execute(store.db);
    let answer = (_attempted: Attempted): void => undefined;
    const outcomes = outcomesOf(await gateParts(store), {
      forward: async () => await new Promise(resolve => (answer = resolve)),
    });
    outcomes.start(first.claimed);
    await outcomes.tick();
    expect(await rows()).toEqual([onTheWire]);
    answer({ kind: 'delivered', detail: 'done' });
    await outcomes.ended();
  });
});

describe('what another gate has ended', () => {
  it('is told to all who wait for it here, by one statement outside of the ledger', async () => {
    const [there, here] = [await gateParts(store), await gateParts(store)];
    for (const index of [1, 2, 3, 4, 5]) await there.ask([`h${index}`], `k${index}`);
    const { db, begun } = countedStatements(store.db);
    const outcomes = outcomesOf(here, { db, actions: new Map() });
    const waiting = await here.ledger.enqueue(({ book }) =>
      [...book.operations()].filter(({ phase }) => phase === 'waiting'),
    );
    const told = waiting.map(async one => await outcomes.waiters.wait(one, 20_000, () => () => undefined));
    for (const { id } of waiting) await outcomesOf(there).cancel(id, bot, undefined, () => true);
    await outcomes.tick();
    const ended = await Promise.all(told);
    expect(ended.map(one => one?.outcome)).toEqual(['stopped', 'stopped', 'stopped']);
    expect(begun()).toBe(1);
    await outcomes.ended();
  });
});

describe('what waits in a database that was put back', () => {
  const entries = async () =>
    (
      await sql<{ body: Record<string, unknown> }>`
        select body from entries where type = 'outcome' and body ->> 'event' = 'restored' order by seq`.execute(
        store.db,
      )
    ).rows;
  /** Two are on the wire; two wait. */
  const putBack = async (idempotent: boolean) => {
    const parts = await gateParts(store);
    const action = { ...wipe, executor: { ...wipe.executor, idempotent } };
    for (const index of [1, 2, 3, 4]) await parts.ask([`h${index}`], `k${index}`, { action });
    const gate = await gateParts(store);
    return { gate, outcomes: outcomesOf(gate) };
  };

  it('is unknown before anything is claimed, each with an entry that says why, and only once', async () => {
    const { outcomes } = await putBack(false);
    expect(await outcomes.doubtRestored('0a1b2c3d')).toBe(2);
    const unknown = { phase: 'ended', outcome: 'unknown' };
    const then = [onTheWire, onTheWire, unknown, unknown];
    expect(await rows()).toEqual(then);
    const said = await entries();
    expect(said.map(({ body }) => [body['by'], body['attempts']])).toEqual([
      ['gate-1', 1],
      ['gate-1', 1],
    ]);
    // Again, as at a second gate.
    expect(await outcomesOf(await gateParts(store)).doubtRestored('4e5f6071')).toBe(0);
    expect(await rows()).toEqual(then);
    expect(await entries()).toHaveLength(2);
    const held = await sql`select from holds where phase = 'operating'`.execute(store.db);
    expect(held.rows).toHaveLength(4);
  });

  it('is not cancelled where it waits for another try: it may have been sent', async () => {
    const { gate, outcomes } = await putBack(true);
    await outcomes.doubtRestored('0a1b2c3d');
    const waiting = await gate.ledger.enqueue(({ book }) => [...book.waiting(wipe.name)]);
    expect(waiting).toHaveLength(2);
    for (const id of waiting)
      expect(await outcomes.cancel(id, bot, undefined, () => true)).toMatchObject({
        reasons: [{ rule: 'request.conflict' }],
      });
    expect((await rows()).map(({ phase }) => phase)).toEqual(['claimed', 'claimed', 'waiting', 'waiting']);
  });

  it('is recorded in the same turn by an entry of its own, also where nothing waits', async () => {
    const { gate, outcomes } = await putBack(false);
    const before = gate.ledger.lastEntry();
    await outcomes.doubtRestored('0a1b2c3d');
    await outcomes.doubtRestored('4e5f6071');
    const { rows: found } = await sql<{ body: unknown }>`
      select body from entries where seq > ${before?.seq ?? 0} order by seq`.execute(store.db);
    expect(found.map(({ body }) => body)).toMatchObject([
      { event: 'restored', given_up: '0a1b2c3d', by: 'gate-1' },
      { event: 'restored', request: expect.any(String) },
      { event: 'restored', request: expect.any(String) },
      { event: 'restored', given_up: '4e5f6071', by: 'gate-1' },
    ]);
    for (const said of ['0a1b2c3d', '4e5f6071']) expect(await isRecorded(store.db, said)).toBe(true);
    for (const said of ['0a1b2c3e', 'unsigned']) expect(await isRecorded(store.db, said)).toBe(false);
    // Another gate reads it as what changes nothing.
    expect(await gate.ledger.enqueue(({ book }) => book.seq)).toBe((before?.seq ?? 0) + 4);
  });

  it('waits on for an executor that is idempotent, and counts as unknown meanwhile', async () => {
    const { outcomes } = await putBack(true);
    expect(await outcomes.doubtRestored('0a1b2c3d')).toBe(2);
    const unknown = { phase: 'waiting', outcome: 'unknown' };
    expect(await rows()).toEqual([onTheWire, onTheWire, unknown, unknown]);
    expect(await outcomes.doubtRestored('4e5f6071')).toBe(0);
  });

  it('is unknown also while the clocks are not agreed, for it is claimed when they are', async () => {
    const { gate } = await putBack(false);
    const behind = await gateParts(store, {
      clock: { ...systemClock, wallMs: () => Date.now() + 3_600_000 },
    });
    expect(await behind.ledger.enqueue(({ clockJumped }) => clockJumped)).toBe(true);
    expect(await outcomesOf(behind).doubtRestored('0a1b2c3d')).toBe(2);
    expect(await gate.ledger.enqueue(({ book }) => [...book.waiting(wipe.name)])).toHaveLength(0);
  });
});
