import { expect, it } from 'vitest';
import { Lane } from '../../src/kit/lane.ts';

it('lets no more run at once than it is wide, in the order they came, also when one fails', async () => {
  const lane = new Lane(2, 10_000);
  const order: number[] = [];
  let running = 0;
  let most = 0;
  const works = Array.from({ length: 6 }, async (_, index) => {
    await lane.run(async () => {
      order.push(index);
      running += 1;
      most = Math.max(most, running);
      await new Promise(resolve => setImmediate(resolve));
      running -= 1;
      if (index === 1) throw new Error('fails');
    });
  });
  const ends = await Promise.allSettled(works);
  expect(ends.map(({ status }) => status === 'fulfilled')).toEqual([true, false, true, true, true, true]);
  expect(order).toEqual([0, 1, 2, 3, 4, 5]);
  expect(most).toBe(2);
});

it('gives the place of a work that is silent to the next', async () => {
  const lane = new Lane(1, 20);
  const silent = lane.run(async () => await new Promise(() => undefined));
  const next = lane.run(async () => 'answered');
  await expect(silent).rejects.toThrow('silent');
  expect(await next).toBe('answered');
});
