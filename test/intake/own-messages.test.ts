import express from 'express';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { expect, it } from 'vitest';
import { ownMessages } from '../../src/intake/own-messages.ts';

it('a request and its answer are born with the prototypes that Express gives them', async () => {
  const app = express();
  const seen: (readonly [object | null, object | null])[] = [];
  const look = (req: IncomingMessage, res: ServerResponse): void =>
    void seen.push([Object.getPrototypeOf(req) as object, Object.getPrototypeOf(res) as object]);
  app.use((req, res) => {
    look(req, res);
    res.json({ path: req.path });
  });
  const server = createServer(ownMessages(app));
  server.on('request', look).on('request', app);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('not listening');
    const answer = await fetch(`http://127.0.0.1:${address.port}/here?a=1`);
    expect(await answer.json()).toEqual({ path: '/here' });
    const [born, handled] = seen;
    expect(handled?.[0]).toBe(born?.[0]);
    expect(handled?.[1]).toBe(born?.[1]);
  } finally {
    server.close();
  }
});
