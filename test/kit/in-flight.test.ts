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
  const failed = expect(
    inFlight.run(async () => await Promise.reject(new Error('fails'))),
  ).rejects.toThrow('fails');
  await inFlight.ended();
  order.push('ended');
  await first;
  await failed;
  expect(order).toEqual(['first', 'second', 'ended']);
});
