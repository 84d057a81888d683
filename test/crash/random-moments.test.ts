import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { apiOf, hosts, names, until, type Api, type Body } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { byForm } from '../support/form.ts';
import { startGate, type Gate } from '../support/gate.ts';
import { freshDatabase, postgresAbsent, type FreshDatabase } from '../support/postgres.ts';

/** The embedded store takes seconds to start after a crash. */
const KILLS = { PostgreSQL: byForm(3, 10), 'the embedded store': byForm(1, 5) };
const CLIENTS = 8;

/** What a client heard: nothing at all if the gate died before it answered. */
interface Heard {
  readonly key: string;
  readonly status: number;
  readonly id: string | undefined;
}

const stores =
  postgresAbsent() === undefined
    ? (['PostgreSQL', 'the embedded store'] as const)
    : (['the embedded store'] as const);

describe.each(stores)('a gate on %s that is killed at any moment', store => {
  let gate: Gate;
  let api: Api;
  let executor: FakeExecutor;
  let database: FreshDatabase | undefined;
  const heard: Heard[] = [];
  const ids = names('h', 4_000);

  beforeAll(async () => {
    executor = await startExecutor({ type: 'answer', status: 200 });
    if (store === 'PostgreSQL') database = await freshDatabase();
    gate = await startGate({
      executor: executor.url,
      ...(database !== undefined && { store: database.url }),
      config: { actions: { 'test.act': { executor: { timeout: '1s', concurrency: 4, valid_for: '5s' } } } },
    });
    api = apiOf(gate);
    const loaded = await api.put('host', hosts('h', 4_000));
    if (loaded.status !== 200) throw new Error(loaded.text);
    await killUnderLoad();
  }, 600_000);

  afterAll(async () => {
    await gate.close();
    await executor.close();
    await database?.drop();
  });

  /** Clients ask without a pause; the gate is killed in the middle, and started again on the same store. */
  async function killUnderLoad(): Promise<void> {
    let next = 0;
    for (let kill = 0; kill < KILLS[store]; kill += 1) {
      let dead = false;
      const clients = Array.from({ length: CLIENTS }, async () => {
        while (!dead) {
          next += 1;
          const key = `key-${next}`;
          const answer = await api.submit('test.act', [ids[next] ?? ''], { key }).catch(() => undefined);
          if (answer !== undefined) heard.push({ key, status: answer.status, id: answer.body.id });
        }
      });
      // In the middle of the stream, each time at another point of it.
      const enough = heard.length + 5 + 7 * kill;
      await until(
        async () => await Promise.resolve(heard.length),
        length => length >= enough,
        20_000,
      );
      await gate.kill9();
      dead = true;
      await Promise.all(clients);
      await gate.restart();
    }
    await new Promise(resolve => setTimeout(resolve, 500));
  }

  const allOf = async (query: string): Promise<readonly Body[]> => {
    const answer = await api.get(`/v1/requests?${query}`, { headers: { accept: 'application/x-ndjson' } });
    expect(answer.status).toBe(200);
    return answer.text
      .split('\n')
      .filter(line => line !== '')
      .map((line): Body => JSON.parse(line));
  };

  it('sends nothing twice to an executor that is not idempotent', () => {
    const ids = executor.received().map(({ headers }) => headers['idempotency-key']);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('sends nothing that was not decided, allowed and recorded first', async () => {
    const allowed = new Set((await allOf('decision=allowed')).map(({ id }) => id));
    for (const { headers } of executor.received()) expect(allowed).toContain(headers['idempotency-key']);
  });

  it('loses no decision that a client heard of', async () => {
    const recorded = new Map((await allOf('since=2020-01-01T00:00:00Z')).map(body => [body.id, body]));
    expect(heard.length).toBeGreaterThan(0);
    const delivered = heard
      .filter(({ status }) => status === 200)
      .map(({ id }) => recorded.get(id)?.outcome?.status);
    expect(new Set(delivered)).toEqual(new Set(['delivered']));
  });

  it('has an outcome for everything it allowed: nothing hangs, and what is unknown is listed', async () => {
    await until(
      async () => await allOf('outcome=pending'),
      pending => pending.length === 0,
      20_000,
    );
    const received = new Set(executor.received().map(({ headers }) => headers['idempotency-key']));
    for (const one of await allOf('outcome=delivered')) expect(received).toContain(one.id);
    for (const one of await allOf('outcome=stopped')) expect(received).not.toContain(one.id);
  });

  it('goes on in one chain', async () => {
    const entries = await api.audit();
    const broken = entries.filter(
      (entry, index) =>
        entry['seq'] !== index + 1 || (index > 0 && entry['prev'] !== entries[index - 1]?.['hash']),
    );
    expect(entries.length).toBeGreaterThan(0);
    expect(broken).toEqual([]);
  });
});
