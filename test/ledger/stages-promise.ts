import { expect } from 'vitest';
import { BAKES_MS, holdsOf, isOpen, reachedBy, type ModelRequest, type StagesModel } from './stages-model.ts';

/**
 * What stages are for, whatever the runs of an artifact are and however a stage is told: of what happened, and of no rule of the gate or of
 * the model, which can be wrong together.
 */
export class StagesPromise {
  readonly #model: StagesModel;
  /** By artifact: the most that was reached with an allow. */
  readonly #most = new Map<string, number>();

  constructor(model: StagesModel) {
    this.#model = model;
  }

  /** The gate allows this, of so many targets in all: no more is reached than the last stage holds, and no stage is passed for the first time but when all is settled, has baked, and is well. */
  expectKeptBy(request: ModelRequest, total: number): void {
    const all = this.#model.operations.filter(({ artifact }) => artifact === request.artifact);
    const ever = new Set(reachedBy(all));
    const together = new Set([...ever, ...request.ids]).size;
    const most = Math.max(this.#most.get(request.artifact) ?? 0, ...all.map(({ entered }) => entered));
    this.#most.set(request.artifact, Math.max(most, together));
    if (together === ever.size) return;
    const holds = holdsOf(total);
    expect(together).toBeLessThanOrEqual(Math.max(...holds));
    const lastMs = Math.max(...all.filter(one => one.outcome === 'delivered').map(one => one.settledMs));
    for (const [index, bakeMs] of BAKES_MS.entries()) {
      const holdsHere = holds[index] ?? 0;
      if (most > holdsHere || together <= holdsHere) continue;
      expect(all.filter(isOpen)).toEqual([]);
      expect(this.#model.nowMs).toBeGreaterThanOrEqual(lastMs + bakeMs);
      expect(lastMs).toBeGreaterThan(0);
      expect(this.#model.health(request, lastMs)).toBe('passed');
    }
  }
}
