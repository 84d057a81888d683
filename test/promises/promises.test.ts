import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { ChainVerifier } from '../../src/audit/verify-chain.ts';
import { verifyStore } from '../../src/audit/verify-store.ts';
import type { Store } from '../../src/db/store.ts';
import { byForm } from '../support/form.ts';
import { wipeStore } from '../support/gate-parts.ts';
import { memoryStore, temporaryFolder, type TemporaryFolder } from '../support/store.ts';
import { someSaid, THEMES, type Theme } from './any-limits.ts';
import { Chance } from './chance.ts';
import { Clocks } from './clocks.ts';
import { writeFiles } from './gates.ts';
import { Play, type Plot } from './play.ts';
import { limitsDoc } from './said.ts';
import { ToldExecutor } from './told-executor.ts';

// Two whole gates on one store allow, and send, what an operator means by the limits, and turn away nothing else: as told from what was asked, loaded and said, and
// from what the executor received. What gates count, remember or say of it is not looked at.

let store: Store;
let clocks: Clocks;
let folder: TemporaryFolder;
let executor: ToldExecutor;
beforeAll(async () => {
  store = await memoryStore();
  clocks = await Clocks.stop(store);
  folder = await temporaryFolder();
  executor = await ToldExecutor.start();
  writeFiles(folder.path, executor, limitsDoc(someSaid(new Chance(1), clocks.databaseMs, 'all')));
});
/** The one that runs: time that is up ends the property, and not what it has begun. */
let running: Promise<void> | undefined;
afterEach(async () => await running?.catch(() => undefined));
afterAll(async () => {
  executor.close();
  await store.close();
  await folder.remove();
});

async function playThrough(plot: Plot, steps: number, told: Set<string>): Promise<void> {
  await wipeStore(store);
  await clocks.agree();
  const play = new Play({ folder: folder.path, store, clocks, executor }, plot);
  try {
    await play.begin();
    for (let step = 0; step < steps; step += 1) await play.step();
  } finally {
    await play.end();
  }
  const { rows } = await verifyStore(store.db, [play.kind], new ChainVerifier());
  expect(rows).toEqual([]);
  for (const what of play.told.keys()) told.add(what);
}

/** A play of each, in which much comes to be. */
const examples: Readonly<Record<Theme, readonly [seed: number, clocksMove: boolean]>> = {
  all: [5000, false],
  windows: [5016, true],
  exceptions: [4, false],
  flight: [5008, false],
  evidence: [5014, false],
};

describe.each(THEMES)('what an operator means by limits, most of all of: %s', theme => {
  it('is what gates let through, and no more', async () => {
    const told = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.nat()), fc.boolean(), async (seed, clocksMove) => {
        running = playThrough({ seed, theme, clocksMove }, byForm(60, 150), told);
        await running;
      }),
      {
        numRuns: byForm(1, 40),
        examples: [[...examples[theme]]],
        interruptAfterTimeLimit: 20_000,
      },
    );
    // A play in which nothing happens proves nothing.
    expect([...told]).toEqual(expect.arrayContaining(['allowed', 'refused', 'reported true']));
  }, 200_000);
});
