import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { byForm } from '../support/form.ts';
import { THEMES, type Theme } from './any-limits.ts';
import { Play } from './play.ts';
import { playing } from './playing.ts';

// Two whole gates on one store allow, and send, what an operator means by the limits, and turn away nothing else: as told from what was asked, loaded and said, and
// from what the executor received. What gates count, remember or say of it is not looked at.

const playThrough = playing();

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
        await playThrough(place => new Play(place, { seed, theme, clocksMove }), byForm(60, 150), told);
      }),
      {
        numRuns: byForm(1, 40),
        examples: [[...examples[theme]]],
        // One play alone is not ended: it would fail for a slow machine.
        interruptAfterTimeLimit: byForm(60_000, 20_000),
      },
    );
    // A play in which nothing happens proves nothing.
    expect([...told]).toEqual(expect.arrayContaining(['allowed', 'refused', 'reported true']));
  }, 200_000);
});
