import { describe, expect, it } from 'vitest';
import { Together } from '../../src/kit/together.ts';

const tick = async (): Promise<void> => await new Promise(resolve => setImmediate(resolve));

describe('what is asked together', () => {
  it('is read together when it comes together, in order and up to a bound, and what waits for a read is in the next', async () => {
    const reads: (readonly number[])[] = [];
    const together = new Together(
      async (asks: readonly number[]) => {
        reads.push(asks);
        await tick();
        return asks.map(ask => ask * 2);
      },
      { most: 3, patienceMs: 10_000 },
    );
    const first = [1, 2, 3, 4, 5].map(async ask => await together.ask(ask));
    await tick();
    expect(reads).toEqual([[1, 2, 3]]);
    const found = await Promise.all([...first, together.ask(6)]);
    expect(found).toEqual([2, 4, 6, 8, 10, 12]);
    expect(reads).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(await together.ask(7)).toBe(14);
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
    const first = together.ask(1);
    await tick();
    const ends = await Promise.allSettled([first, ...[2, 3].map(async ask => await together.ask(ask))]);
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
