import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openStore } from '../../src/db/store.ts';
import { hosts, names, type Answer } from '../support/api.ts';
import { startExecutor, type FakeExecutor } from '../support/executor.ts';
import { apiAt, startFleet, type FleetGate } from '../support/fleet.ts';
import { wideLimits } from '../support/gate.ts';
import { quiet } from '../support/gate-parts.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

const ACTION = 'test.act';
const CLIENTS = 40;
const EACH = 2;
/** Fifteen requests, and one target that none of them fits into. */
const MOST = 31;

describeWithPostgres('two gates, and an exception that all want to use', () => {
  let database: FreshDatabase;
  let executor: FakeExecutor;
  let fleet: FleetGate[] = [];
  let answers: Answer[] = [];

  beforeAll(async () => {
    database = await freshDatabase();
    executor = await startExecutor();
    fleet = await startFleet(2, {
      store: database.url,
      executor: executor.url,
      limits: {
        actions: { [ACTION]: { ...wideLimits, max_targets: 1, ceiling: { max_targets: EACH } } },
        exceptions: [
          {
            ...{ id: 'e1', action: ACTION, set: { max_targets: EACH }, selector: { region: 'eu' } },
            ...{ owner: 'jo', ticket: 'DC-1', until: '2999-01-01T00:00:00Z', max_targets: MOST },
          },
        ],
      },
    });
    expect((await apiAt(fleet, 0).put('host', hosts('h', CLIENTS * EACH))).status).toBe(200);
    answers = await Promise.all(
      Array.from(
        { length: CLIENTS },
        async (_, index) => await apiAt(fleet, index).submit(ACTION, names('h', EACH, 1 + index * EACH)),
      ),
    );
  }, 60_000);
  afterAll(async () => {
    await Promise.all(fleet.map(async ({ gate }) => await gate.close()));
    await executor.close();
    await database.drop();
  });

  const verify = async () => {
    const { code, stdout, stderr } = (await fleet[0]?.gate.verify()) ?? {};
    return { code, said: `${stdout}${stderr}` };
  };

  it('let through as many as it has targets for, and not one more', () => {
    const allowed = answers.filter(({ status }) => status === 200);
    expect(allowed).toHaveLength(Math.floor(MOST / EACH));
    expect(executor.received()).toHaveLength(allowed.length);
    const refused = answers.filter(({ status }) => status === 403);
    expect(refused).toHaveLength(CLIENTS - allowed.length);
    for (const { body } of refused)
      expect(body.reasons?.map(({ rule }) => rule)).toEqual(['blast_radius.max_targets']);
  });

  it('have used it as the trail says; a use that is taken away is found', async () => {
    expect(await verify()).toMatchObject({ code: 0 });
    const store = await openStore({ type: 'server', url: database.url }, quiet);
    try {
      await sql`update operations set exception = null where seq = (select max(seq) from operations)`.execute(
        store.db,
      );
    } finally {
      await store.close();
    }
    const { code, said } = await verify();
    expect(code).toBe(1);
    expect(said).toMatch(/operations: operation [0-9a-f-]{36} is not what was allowed/);
  });
});
