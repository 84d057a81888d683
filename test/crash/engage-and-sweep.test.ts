import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { hosts, names, until, type Answer, type Body } from '../support/api.ts';
import { byForm } from '../support/form.ts';
import {
  CONCURRENCY,
  engagePoints,
  startCrashingGate,
  stores,
  sweepPoints,
  type CrashingGate,
  type Death,
  type EngagePoint,
  type Executors,
} from './crashing-gate.ts';

const both: readonly Executors[] = ['not idempotent', 'idempotent'];

const WAITING = 3;
const REQUESTS = CONCURRENCY + WAITING;

interface Row {
  readonly title: string;
  readonly point: EngagePoint;
  readonly executors: Executors;
  readonly action: string;
  readonly targets: readonly string[];
}

const actionFor = (executors: Executors, index: number): string =>
  `${executors === 'idempotent' ? 'again' : 'once'}.number-${index}`;

const rows: readonly Row[] = engagePoints
  .flatMap((point, index) =>
    byForm(
      both.filter((_, turn) => turn === index % 2),
      both,
    ).map(executors => ({ point, executors })),
  )
  .map((row, index) => ({
    ...row,
    title: `${row.point}, with an executor that is ${row.executors}`,
    action: actionFor(row.executors, index),
    targets: names(`h${index}`, REQUESTS),
  }));

/** Requests that a gate had claimed when it was killed, swept by gates that were killed as they did. */
const swept = both.map((executors, index) => ({
  executors,
  action: actionFor(executors, rows.length + index),
  targets: names(`h${rows.length + index}`, 1),
}));

/** What a crash in the middle of an engage left. */
interface Left {
  readonly death: Death;
  readonly heard: Answer | undefined;
  readonly engaged: readonly Body[];
  /** Of the requests that were on the wire, and of those that waited. */
  readonly wire: readonly string[];
  readonly waiting: readonly string[];
}

const isOf = (json: unknown, action: string): boolean =>
  typeof json === 'object' && json !== null && 'action' in json && json.action === action;

/** The embedded store takes seconds to start after a crash: it has its turn in the long form, or where there is no server. */
const inTurn = byForm(stores.slice(0, 1), stores);

describe.each(inTurn)('a gate on %s', store => {
  let one: CrashingGate;
  const left = new Map<string, Left>();
  const sweepDeaths: Death[] = [];
  const lost = new Map<string, string>();

  beforeAll(async () => {
    const all = [...rows, ...swept];
    one = await startCrashingGate({
      store,
      actions: new Map(all.map(({ action, executors }) => [action, executors])),
      inventory: all.flatMap(({ targets }, index) => hosts(`h${index}`, targets.length)),
    });
    for (const row of rows) left.set(row.title, await dieEngaging(row));
    await dieSweeping();
    await nothingUnderWay();
  }, 600_000);

  afterAll(async () => {
    await one.close();
  });

  /** Asks for each target without waiting for the outcome, while the executor keeps its answers back. */
  async function fill(action: string, targets: readonly string[], onTheWire: number): Promise<string[]> {
    // What an earlier crash left waiting, or lost, may be on its way meanwhile.
    one.executor.behave(({ json }) =>
      isOf(json, action) ? { type: 'hold' } : { type: 'answer', status: 200 },
    );
    const ids: string[] = [];
    for (const target of targets) {
      const { status, body } = await one.api.submit(action, [target], { prefer: 'respond-async' });
      expect(status).toBe(202);
      ids.push(body.id ?? '');
    }
    await until(
      async () => await Promise.resolve(one.received(action)),
      received => received.length >= onTheWire,
    );
    return ids;
  }

  async function dieEngaging({ point, action, targets }: Row): Promise<Left> {
    const ids = await fill(action, targets, CONCURRENCY);
    one.arm(point);
    const heard = await one.api.engage({ scope: { action }, reason: 'an incident' }).catch(() => undefined);
    const death = await one.died();
    one.executor.behave({ type: 'answer', status: 200 });
    await one.startAgain();
    const { body } = await one.api.get('/v1/kill-switch', { as: 'operator' });
    const engaged = (body.engaged ?? []).filter(({ scope }) => scope?.['action'] === action);
    // The next crash would find what waited on its way, and an idempotent executor would rightly be asked again.
    await until(
      async () => await one.api.search({ outcome: 'pending', action }),
      found => !found.some(({ id = '' }) => ids.slice(CONCURRENCY).includes(id)),
    );
    return { death, heard, engaged, wire: ids.slice(0, CONCURRENCY), waiting: ids.slice(CONCURRENCY) };
  }

  async function dieSweeping(): Promise<void> {
    for (const { action, targets } of swept) {
      const [id = ''] = await fill(action, targets, 1);
      lost.set(action, id);
    }
    await one.gate.kill9();
    one.executor.behave({ type: 'answer', status: 200 });
    for (const point of sweepPoints) {
      await one.startAgain(point);
      sweepDeaths.push(await one.died());
    }
    await one.startAgain();
  }

  async function nothingUnderWay(): Promise<void> {
    const again = [...rows, ...swept]
      .filter(({ action, executors }) => executors === 'idempotent' && !isStopped(action))
      .map(({ action }) => action);
    await until(
      async () => [
        ...(await one.api.search({ outcome: 'pending' })),
        ...(await one.api.search({ outcome: 'unknown' })).filter(({ action = '' }) => again.includes(action)),
      ],
      found => found.length === 0,
      30_000,
    );
  }

  const isStopped = (action: string): boolean =>
    rows.some(row => row.action === action && (left.get(row.title)?.engaged.length ?? 0) > 0);
  const leftBy = ({ title }: Row): Left => {
    const found = left.get(title);
    if (found === undefined) throw new Error(`nobody died at ${title}`);
    return found;
  };
  const outcomesOf = async (ids: readonly string[]): Promise<readonly unknown[]> => {
    const found = await Promise.all(ids.map(async id => await one.api.request(id)));
    return [...new Set(found.map(({ outcome }) => outcome?.status))];
  };

  describe.each(rows)('that is killed as it engages, at $title', row => {
    const isEngaged = row.point === 'engage.committed';

    it('was there, and its operator heard nothing', () => {
      const { death, heard } = leftBy(row);
      expect(death.reached).toEqual([row.point]);
      expect(death.exit.signal).toBe('SIGKILL');
      expect(heard).toBeUndefined();
    });

    it('has the switch engaged if it was committed, and else not', () => {
      expect(leftBy(row).engaged).toHaveLength(isEngaged ? 1 : 0);
    });

    it('forwards what waited once if nothing is engaged, and else never', async () => {
      const { waiting } = leftBy(row);
      expect(waiting).toHaveLength(WAITING);
      expect(await outcomesOf(waiting)).toEqual([isEngaged ? 'stopped' : 'delivered']);
      const received = one.received(row.action).filter(id => waiting.includes(id));
      expect(received.toSorted()).toEqual(isEngaged ? [] : waiting.toSorted());
    });

    it('lists what was on the wire as unknown, or asks an idempotent executor again, but not where it is stopped', async () => {
      const { wire } = leftBy(row);
      expect(wire).toHaveLength(CONCURRENCY);
      const isTriedAgain = row.executors === 'idempotent' && !isEngaged;
      const timesReceived = wire.map(wanted => one.received(row.action).filter(id => id === wanted).length);
      // The second attempt may have been on its way at the next crash: then there was a third, and never more.
      const allowed = isTriedAgain ? [2, 3] : [1];
      expect(timesReceived.filter(times => !allowed.includes(times))).toEqual([]);
      expect((await one.listed(row.action, 'unknown')).toSorted()).toEqual(
        isTriedAgain ? [] : wire.toSorted(),
      );
    });

    it('holds the targets of what is unknown, and no other', async () => {
      const unknown = await one.listed(row.action, 'unknown');
      for (const { id } of leftBy(row).engaged) await one.api.release(id);
      const held = await one.held(row.action, row.targets);
      expect([...held.values()].toSorted()).toEqual(unknown.toSorted());
    });

    it('engages when the operator calls again', async () => {
      const before = one.executor.received().length;
      const again = await one.api.engage({ scope: { action: row.action }, reason: 'an incident' });
      expect(again.status, again.text).toBe(201);
      expect(again.body).toMatchObject({ on_the_wire: [], stopped: [] });
      const free = row.targets.slice(CONCURRENCY);
      expect((await one.api.submit(row.action, free)).status).toBe(423);
      expect(one.executor.received()).toHaveLength(before);
    });
  });

  describe('that is killed as it sweeps what a gate before it had claimed', () => {
    it('was there each time', () => {
      expect(sweepDeaths.map(({ reached }) => reached)).toEqual(sweepPoints.map(point => [point]));
      expect(sweepDeaths.map(({ exit }) => exit.signal)).toEqual(['SIGKILL', 'SIGKILL']);
    });

    it.each(swept)('leaves one outcome, with an executor that is $executors', async row => {
      const id = lost.get(row.action) ?? '';
      const { outcome } = await one.api.request(id);
      const isAgain = row.executors === 'idempotent';
      expect(outcome).toMatchObject(
        isAgain ? { status: 'delivered', attempts: 2 } : { status: 'unknown', attempts: 1 },
      );
      expect(one.received(row.action)).toEqual(isAgain ? [id, id] : [id]);
      expect(await one.listed(row.action, 'unknown')).toEqual(isAgain ? [] : [id]);
      expect([...(await one.held(row.action, row.targets)).values()]).toEqual(isAgain ? [] : [id]);
      const told = (await one.api.audit()).filter(
        ({ type, body }) => type === 'outcome' && body?.['request'] === id && body['event'] === 'lost',
      );
      expect(told).toHaveLength(1);
    });
  });

  it('leaves a chain that is whole, and tables that agree with it', async () => {
    const { code, stdout, stderr } = await one.verify();
    expect(code, stdout + stderr).toBe(0);
  });
});
