import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';

import { ChainVerifier } from '../../src/audit/verify-chain.ts';
import { verifyStore } from '../../src/audit/verify-store.ts';
import type { Store } from '../../src/db/store.ts';
import { byForm } from '../support/form.ts';
import { wipeStore } from '../support/gate-parts.ts';
import { memoryStore, temporaryFolder, type TemporaryFolder } from '../support/store.ts';
import { Clocks } from './clocks.ts';
import { RolloutPlay } from './rollout-play.ts';
import { ToldExecutor } from './told-executor.ts';

// Rollouts in stages over a fleet that several sources bring, each a part, with limits on weights: two whole gates on one store allow, and send, what an operator
// means by all of that together. What is stale, withdrawn, declared anew or not said at all is a no wherever it is needed.

let store: Store;
let clocks: Clocks;
let folder: TemporaryFolder;
let executor: ToldExecutor;
beforeAll(async () => {
  store = await memoryStore();
  clocks = await Clocks.stop(store);
  folder = await temporaryFolder();
  executor = await ToldExecutor.start();
});
/** The one that runs: time that is up ends the property, and not what it has begun. */
let running: Promise<void> | undefined;
afterEach(async () => await running?.catch(() => undefined));
afterAll(async () => {
  executor.close();
  await store.close();
  await folder.remove();
});

async function playThrough(seed: number, clocksMove: boolean, told: Set<string>): Promise<void> {
  await wipeStore(store);
  await clocks.agree();
  const play = new RolloutPlay({ folder: folder.path, store, clocks, executor }, { seed, clocksMove });
  try {
    await play.begin();
    for (let step = 0; step < byForm(45, 120); step += 1) await play.step();
  } finally {
    await play.end();
  }
  const { rows } = await verifyStore(store.db, [play.kind], new ChainVerifier());
  expect(rows).toEqual([]);
  for (const what of play.told.keys()) told.add(what);
}

it('goes by its stages, its sources and its weights together', async () => {
  const told = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.noShrink(fc.nat()), fc.boolean(), async (seed, clocksMove) => {
      running = playThrough(seed, clocksMove, told);
      await running;
    }),
    { numRuns: byForm(1, 40), examples: [[6083, false]], interruptAfterTimeLimit: byForm(20_000, 60_000) },
  );
  // A play in which nothing happens proves nothing.
  expect([...told]).toEqual(
    expect.arrayContaining(['allowed', 'refused', 'stage.baking', 'put true', 'reported true']),
  );
}, 200_000);
