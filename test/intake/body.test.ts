import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { onLeft, readWhole } from '../../src/intake/body.ts';
import { LargeBodies } from '../../src/intake/large-bodies.ts';
import { PATIENCE } from '../../src/intake/patience.ts';
import { letOthersGo } from '../../src/kit/let-others-go.ts';

/** In which turns of the event loop bodies of that size are given that have all come at once. */
async function turnsOf(bytes: number): Promise<readonly number[]> {
  let turn = 0;
  let isOver = false;
  const count = (): void => {
    turn += 1;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  const largeBodies = new LargeBodies(PATIENCE.bodyMs);
  const turns: number[] = [];
  await Promise.all(
    [1, 2, 3].map(async () => {
      const req = new IncomingMessage(new Socket());
      req.complete = true;
      req.push(Buffer.alloc(bytes));
      req.push(null);
      const res = new ServerResponse(req);
      await readWhole({ req, res, patience: PATIENCE, largeBodies, isStillKnown: () => true });
      turns.push(turn);
    }),
  );
  isOver = true;
  return turns;
}

it('gives large bodies that come together one after the other, with turns for who wants to stop between', async () => {
  const [first = 0, second = 0, third = 0] = await turnsOf(2 * 1024 * 1024);
  expect(second - first).toBeGreaterThanOrEqual(10);
  expect(third - second).toBeGreaterThanOrEqual(10);
});

it('lets no other body wait', async () => {
  const [first = 0, , third = 0] = await turnsOf(1000);
  expect(third - first).toBeLessThan(3);
});

it('hears of each request of a connection that its client has left, without a word on stderr', () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  const req = new IncomingMessage(new Socket());
  let left = 0;
  const ends = Array.from({ length: 20 }, () => onLeft(req, () => (left += 1)));
  ends[0]?.();
  req.socket.emit('end');
  expect([left, warned.mock.calls.length]).toEqual([19, 0]);
  for (const end of ends) end();
  warned.mockRestore();
});

it('begins no large body while a switch is engaged, and the next one before any later switch is over', async () => {
  const bodies = new LargeBodies(PATIENCE.bodyMs);
  const said: string[] = [];
  const ends: (() => void)[] = [];
  const engage = (name: string): Promise<void> =>
    bodies.standStill(async () => {
      await new Promise<void>(resolve => ends.push(resolve));
      said.push(name);
    });
  const first = engage('first');
  const body = bodies.turn().then(() => said.push('body'));
  await bodiesHaveTurns();
  const second = engage('second');
  await bodiesHaveTurns();
  expect(said).toEqual([]);
  ends[0]?.();
  await Promise.all([first, body]);
  ends[1]?.();
  await second;
  expect(said).toEqual(['first', 'body', 'second']);
});

const bodiesHaveTurns = async (): Promise<void> => {
  await letOthersGo();
  await letOthersGo();
};
