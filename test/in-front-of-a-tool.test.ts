import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { until } from './support/api.ts';
import { freePort } from './support/postgres-server.ts';
import { temporaryFolder, type TemporaryFolder } from './support/store.ts';

// The programs that docs/in-front-of-a-tool.md shows, as they stand there but for their ports.

const page = readFileSync(fileURLToPath(new URL('../docs/in-front-of-a-tool.md', import.meta.url)), 'utf8');
const [door = '', shim = ''] = [...page.matchAll(/^```js\n(.*?)^```$/gmsu)].map(([, block]) => block);

let folder: TemporaryFolder | undefined;
let started: ChildProcess | undefined;

afterEach(async () => {
  started?.kill('SIGKILL');
  await folder?.remove();
});

/** Starts the program that the page shows, and gives the port on which it listens. */
async function start(program: string, shownPort: string, env: NodeJS.ProcessEnv = {}): Promise<number> {
  const port = await freePort();
  folder = await temporaryFolder();
  writeFileSync(path.join(folder.path, 'wipe.key'), 'secret\n');
  writeFileSync(path.join(folder.path, 'shown.mjs'), program.replace(shownPort, String(port)));
  const child = spawn(process.execPath, ['shown.mjs', 'wipe.key'], {
    cwd: folder.path,
    env,
    stdio: 'ignore',
  });
  started = child;
  await until(
    async () => await canConnect(port),
    connected => connected,
  );
  return port;
}

const canConnect = async (port: number): Promise<boolean> =>
  await new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });

/** A caller that is gone in the middle of what it says, once it was told to go on. */
async function hangUp(port: number): Promise<void> {
  const socket = net.connect(port, '127.0.0.1');
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer secret\r\nContent-Length: 100';
  socket.write(`${head}\r\nExpect: 100-continue\r\n\r\n`);
  await new Promise(resolve => socket.once('data', resolve));
  await new Promise<void>(resolve => socket.write('{', () => resolve()));
  socket.destroy();
}

async function ask(port: number, body: string, headers: Record<string, string> = {}): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body, headers });
  return answer.status;
}

it('the door takes what was decided and nothing else, and a caller that hangs up does not end it', async () => {
  const port = await start(door, '9000');
  const digest = `sha256:${createHash('sha256').update('old-1\n').digest('hex')}`;
  const order = { request: 'a', action: 'disk.wipe', targets: ['old-1'], digest };
  const key = { authorization: 'Bearer secret' };
  await hangUp(port);
  expect(await ask(port, JSON.stringify(order))).toBe(401);
  expect(await ask(port, JSON.stringify({ ...order, targets: [] }), key)).toBe(422);
  expect(await ask(port, JSON.stringify({ ...order, targets: ['old-2'] }), key)).toBe(422);
  expect(await ask(port, '', key)).toBe(422);
  expect(await ask(port, JSON.stringify(order), key)).toBe(200);
});

it('the shim says what it did not ask, and a caller that hangs up does not end it', async () => {
  const nobody = await freePort();
  const port = await start(shim, '8000', { INTERLOCK_URL: `http://127.0.0.1:${nobody}`, INTERLOCK_KEY: 'k' });
  await hangUp(port);
  expect(await ask(port, 'no JSON')).toBe(400);
  expect(await ask(port, '{"hosts": ["old-1"], "why": "retired"}', { 'x-request-id': 'a' })).toBe(502);
});
