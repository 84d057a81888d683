import fc from 'fast-check';
import { expect, it } from 'vitest';

import { byForm } from '../support/form.ts';
import { playing } from './playing.ts';
import { RolloutPlay } from './rollout-play.ts';

// Rollouts in stages over a fleet that several sources bring, each a part, with limits on weights: two whole gates on one store allow, and send, what an operator
// means by all of that together. What is stale, withdrawn, declared anew or not said at all is a no wherever it is needed.

const playThrough = playing();

it('goes by its stages, its sources and its weights together', async () => {
  const told = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.noShrink(fc.nat()), fc.boolean(), async (seed, clocksMove) => {
      await playThrough(place => new RolloutPlay(place, { seed, clocksMove }), byForm(45, 120), told);
    }),
    { numRuns: byForm(1, 40), examples: [[6083, false]], interruptAfterTimeLimit: 60_000 },
  );
  // A play in which nothing happens proves nothing.
  expect([...told]).toEqual(
    expect.arrayContaining(['allowed', 'refused', 'stage.baking', 'put true', 'reported true']),
  );
}, 200_000);
