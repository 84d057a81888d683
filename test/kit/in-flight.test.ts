import { expect, it } from 'vitest';
import { InFlight } from '../../src/kit/in-flight.ts';

it('has ended when all works have, failed ones and those that began meanwhile included', async () => {
  const inFlight = new InFlight();
  const order: string[] = [];
  const tick = async (): Promise<void> => await new Promise(resolve => setImmediate(resolve));
  const first = inFlight.run(async () => {
    await tick();
    order.push('first');
    void inFlight.run(async () => {
      await tick();
      order.push('second');
    });
  });
  const failed = inFlight.run(async () => await Promise.reject(new Error('fails'))).catch(() => 'failed');
  await inFlight.ended();
  order.push('ended');
  await first;
  expect(await failed).toBe('failed');
  expect(order).toEqual(['first', 'second', 'ended']);
});
