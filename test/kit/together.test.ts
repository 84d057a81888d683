import { describe, expect, it } from 'vitest';
import { Together } from '../../src/kit/together.ts';

const tick = async (): Promise<void> => await new Promise(resolve => setImmediate(resolve));

describe('what is asked together', () => {
  it('is read at once when nothing is under way, then all that waits in one read, in order and up to a bound', async () => {
    const reads: (readonly number[])[] = [];
    const together = new Together(
      async (asks: readonly number[]) => {
        reads.push(asks);
        await tick();
        return asks.map(ask => ask * 2);
      },
      { most: 3, patienceMs: 10_000 },
    );
    const found = await Promise.all([1, 2, 3, 4, 5].map(async ask => await together.ask(ask)));
    expect(found).toEqual([2, 4, 6, 8, 10]);
    expect(reads).toEqual([[1], [2, 3, 4], [5]]);
    expect(await together.ask(6)).toBe(12);
  });

  it('fails together, and those that come after are read', async () => {
    const together = new Together(
      async (asks: readonly number[]) => {
        await tick();
        if (asks.includes(2)) throw new Error('away');
        return asks;
      },
      { most: 10, patienceMs: 10_000 },
    );
    const ends = await Promise.allSettled([1, 2, 3].map(async ask => await together.ask(ask)));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(await together.ask(4)).toBe(4);
  });

  it('is not kept by a read that is silent, nor given the answers of another', async () => {
    let reads = 0;
    const together = new Together(
      async (asks: readonly number[]) => {
        reads += 1;
        if (reads === 1) await new Promise(() => undefined);
        return reads === 2 ? [] : asks;
      },
      { most: 10, patienceMs: 20 },
    );
    await expect(together.ask(1)).rejects.toThrow('silent');
    await expect(together.ask(2)).rejects.toThrow('0 answers');
    expect(await together.ask(3)).toBe(3);
  });
});
