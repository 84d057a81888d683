import fc from 'fast-check';
import { Client } from 'pg';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openStore, type Store } from '../../src/db/store.ts';
import type { Limits } from '../../src/policy/limits.ts';
import type { Bundle } from '../../src/policy/bundle.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import { shippedBundle } from '../policy/samples.ts';
import { ownDatabaseClock, type DatabaseClock } from '../support/database-clock.ts';
import { byForm } from '../support/form.ts';
import { quiet, wipeStore } from '../support/gate-parts.ts';
import { freshDatabase, postgresAbsent, type FreshDatabase } from '../support/postgres.ts';
import { memoryStore } from '../support/store.ts';
import { BudgetRun } from './budget-run.ts';
import { anyLimits, anyStep, examples, IDS, REQUESTERS, traits, type AnyStep } from './budget-steps.ts';

// Two gates on one store say, of every request, what a slow model says that counts everything anew; as time passes from edge to edge.

const START = Date.UTC(2026, 0, 1);

/** A store to run on, again and again, and its clock. */
interface Stage {
  readonly store: Store;
  /** As the superuser: only it may empty what is append-only. */
  readonly admin: Store;
  readonly clock: DatabaseClock;
  readonly bundle: Bundle;
  close(): Promise<void>;
}

async function embeddedStage(): Promise<Stage> {
  const store = await memoryStore();
  const clock = await ownDatabaseClock(async statement => await sql.raw(statement).execute(store.db));
  return {
    store,
    admin: store,
    clock,
    bundle: await shippedBundle(),
    close: async () => await store.close(),
  };
}

async function serverStage(): Promise<Stage> {
  const database: FreshDatabase = await freshDatabase();
  const store = await openStore({ type: 'server', url: database.url }, quiet);
  const admin = await openStore({ type: 'server', url: database.adminUrl }, quiet, { poolSize: 1 });
  const client = new Client({ connectionString: database.adminUrl });
  await client.connect();
  const clock = await ownDatabaseClock(async statement => await client.query(statement));
  const close = async (): Promise<void> => {
    await client.end();
    await admin.close();
    await store.close();
    await database.drop();
  };
  return { store, admin, clock, bundle: await shippedBundle(), close };
}

/** @returns what requests were told */
async function runOn(stage: Stage, limits: Limits, steps: readonly AnyStep[]): Promise<ReadonlySet<string>> {
  await wipeStore(stage.admin);
  let nowMs = START;
  const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
  const policy = createPolicy(stage.bundle, limits);
  const time = {
    set: async (atMs: number) => {
      nowMs = atMs;
      await stage.clock.stand(atMs);
    },
  };
  const options = { store: stage.store, policy, traits, requesters: REQUESTERS, ids: IDS, clock };
  const run = await BudgetRun.begin(limits, options, time, START);
  for (const step of steps) await run.step(step);
  await run.end();
  return run.told;
}

/** Of some twenty rules and statuses. Which of them few runs meet is chance. */
const OFTEN_TOLD = 8;

const steps = fc.array(anyStep, { minLength: 1, maxLength: byForm(40, 60), size: 'max' });

describe.each([
  ['the embedded store', embeddedStage, { numRuns: byForm(18, 60) }],
  ['PostgreSQL', serverStage, { numRuns: byForm(8, 30) }],
] as const)('the ledger on %s', (name, open, { numRuns }) => {
  const isAbsent = name === 'PostgreSQL' && postgresAbsent() !== undefined;
  let stage: Stage;
  beforeAll(async () => {
    if (!isAbsent) stage = await open();
  });
  afterAll(async () => {
    if (!isAbsent) await stage.close();
  });

  it.skipIf(isAbsent)(
    'says what the model says',
    async () => {
      const told = new Set<string>();
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(anyLimits, steps, async (limits, some) => {
          runs += 1;
          for (const one of await runOn(stage, limits, some)) told.add(one);
        }),
        // What is shrunk for longer is shown as far as it got.
        { numRuns, examples, interruptAfterTimeLimit: 80_000 },
      );
      // The time limit also ends runs that pass: few of them would be no proof.
      expect(runs).toBeGreaterThanOrEqual(numRuns / 2);
      // A model that agrees where nothing happens says nothing.
      expect([...told]).toEqual(expect.arrayContaining(['200', 'budget.window']));
      expect(told.size).toBeGreaterThanOrEqual(OFTEN_TOLD);
    },
    180_000,
  );
});
