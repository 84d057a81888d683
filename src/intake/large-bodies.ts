import { InFlight } from '../kit/in-flight.ts';
import { Lane } from '../kit/lane.ts';
import { letOthersGo } from '../kit/let-others-go.ts';

/**
 * Large bodies, one after the other, with turns of the event loop for all else between: to read and check what one says takes up to half a second.
 * While a switch is engaged or released there is none: that takes more turns than are between two, and with a body in each gap it was a 503.
 */
export class LargeBodies {
  readonly #lane: Lane;
  readonly #switching = new InFlight();

  constructor(patienceMs: number) {
    this.#lane = new Lane(1, patienceMs);
  }

  /** Ends when it is the turn of the next one. */
  async turn(): Promise<void> {
    await this.#lane.run(async () => {
      await letOthersGo();
      // For no later one: a body has its turn, however many are engaged.
      await this.#switching.endedSoFar();
    });
  }

  /** Does what a switch needs, its own body read already, and begins no large body meanwhile. */
  async standStill<T>(work: () => Promise<T>): Promise<T> {
    return await this.#switching.run(work);
  }
}
