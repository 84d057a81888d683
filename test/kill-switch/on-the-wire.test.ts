import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Store } from '../../src/db/store.ts';
import type { Operation } from '../../src/ledger/operation.ts';
import { MAX_JOBS } from '../../src/ledger/queue.ts';
import { bot, fakePolicy, gateParts, loadHosts, wipe } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';
import { killSwitchOver } from './kill-switch-over.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
  await loadHosts(store, 2_000);
});
afterAll(async () => {
  await store.close();
});

/** More than two turns stop. */
const MANY = 2 * MAX_JOBS + 10;
const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `h${index}`);

it('is a second attempt too whose outcome a late answer to the first has settled; a first one that was reported is not', async () => {
  const { ask, ledger } = await gateParts(store);
  await Promise.all([1, 2].map(async index => await ask([`h${index}`], `k${index}`)));
  const ids = await ledger.enqueue(({ book, draft }) => {
    const [first, second] = [...book.operations()];
    if (first === undefined || second === undefined) throw new Error('two were claimed');
    const settle = (operation: Operation, attempts: number): void => {
      const after: Operation = { ...operation, phase: 'claimed', attempts, outcome: 'delivered' };
      draft.setOperation(after, operation);
      book.setOperation(after);
    };
    settle(first, 1);
    settle(second, 2);
    return [first.id, second.id];
  });
  const killSwitch = killSwitchOver(ledger);
  const engaged = await killSwitch.engage({ scope: {}, reason: 'a test', except: [] }, bot);
  expect(engaged).toMatchObject({ on_the_wire: [ids[1]], stopped: [] });
  if ('id' in engaged) await killSwitch.release(engaged.id, 'a test', bot, () => true);
});

it('is also what was allowed under a name that the gate does not declare; where its own is not declared it stops everything', async () => {
  const active = await gateParts(store);
  await active.ask(['h3'], 'k3');
  const id = await active.ledger.enqueue(({ book }) => [...book.operations()].at(-1)?.id);
  // It was started before the action got its name, and stays in reach of whoever stops.
  const shred = { ...wipe, name: 'disk.shred' };
  const stale = await gateParts(store, { actions: new Set([shred.name]) });
  const scope = { action: shred.name };
  const engaged = await killSwitchOver(stale.ledger, { action: shred }).engage(
    { scope, reason: 'a test', except: [] },
    bot,
  );
  // The executor is full of the two before it.
  expect(engaged).toMatchObject({ on_the_wire: [expect.any(String), expect.any(String)], stopped: [id] });
  expect(await active.ask(['h4'], 'k4')).toMatchObject({
    document: { decision: 'refused', reasons: [{ rule: 'kill_switch.engaged' }] },
  });
});

it('is not all that waits in one turn, which others wait for: what is left is stopped before the switch can be released', async () => {
  const own = await memoryStore();
  try {
    await loadHosts(own, MANY);
    const { ask, ledger } = await gateParts(own, { policy: fakePolicy(() => ({ allow: true })) });
    await Promise.all(names(MANY).map(async id => await ask([id], id)));
    const waits = async (): Promise<number> =>
      await ledger.enqueue(({ book }) => [...book.waiting(wipe.name)].length);
    const waiting = await waits();
    const killSwitch = killSwitchOver(ledger);
    const engaged = await killSwitch.engage({ scope: {}, reason: 'a test', except: [] }, bot);
    if (!('id' in engaged)) throw new Error('it was refused');
    expect(engaged.stopped).toHaveLength(waiting);
    expect(waiting - (await waits())).toBeLessThanOrEqual(MAX_JOBS);
    expect(await waits()).toBeGreaterThan(0);
    expect(await killSwitch.release(engaged.id, 'a test', bot, () => true)).toMatchObject({ id: engaged.id });
    expect(await waits()).toBe(0);
    const { rows } = await sql<{ id: string }>`
      select id from operations where phase = 'ended' and outcome = 'stopped' and settled_by = ${bot.name}`.execute(
      own.db,
    );
    expect(rows.map(({ id }) => id).toSorted()).toEqual(engaged.stopped.toSorted());
  } finally {
    await own.close();
  }
});
