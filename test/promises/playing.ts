import { afterAll, afterEach, beforeAll, expect } from 'vitest';

import { ChainVerifier } from '../../src/audit/verify-chain.ts';
import { verifyStore } from '../../src/audit/verify-store.ts';
import { wipeStore } from '../support/gate-parts.ts';
import { memoryStore, temporaryFolder } from '../support/store.ts';
import type { AnyPlay, Place } from './any-play.ts';
import { Clocks } from './clocks.ts';
import type { Story, Told } from './story.ts';
import { ToldExecutor } from './told-executor.ts';

/** Any play, whatever it tells. */
type Played = Pick<AnyPlay<Told, Story<Told>>, 'begin' | 'step' | 'end' | 'kind' | 'told'>;

/**
 * One store, clocks and executor for all plays of a file. What is returned plays one through, and verifies what it leaves behind.
 * @param told is added what came to be
 */
export function playing() {
  let place: Place | undefined;
  let leave: () => Promise<void> = async () => undefined;
  beforeAll(async () => {
    const store = await memoryStore();
    const [clocks, folder] = [await Clocks.stop(store), await temporaryFolder()];
    const executor = await ToldExecutor.start();
    place = { store, clocks, executor, folder: folder.path };
    leave = async () => {
      executor.close();
      await store.close();
      await folder.remove();
    };
  });
  /** The one that runs: time that is up ends the property, and not what it has begun. */
  let running: Promise<void> | undefined;
  afterEach(async () => await running?.catch(() => undefined));
  afterAll(async () => await leave());

  async function through(make: (place: Place) => Played, steps: number, told: Set<string>): Promise<void> {
    if (place === undefined) throw new Error('there is no place to play in yet');
    const { store, clocks } = place;
    await wipeStore(store);
    await clocks.agree();
    const play = make(place);
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
  return async (...args: Parameters<typeof through>): Promise<void> => {
    running = through(...args);
    await running;
  };
}
