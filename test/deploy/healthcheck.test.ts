import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { selfSigned } from '../support/self-signed.ts';

const script = fileURLToPath(new URL('../../deploy/healthcheck.mjs', import.meta.url));
const pair = selfSigned('gate.example', { ca: true });
const answers =
  (status: number): RequestListener =>
  (_req, res) =>
    res.writeHead(status).end('{}');

async function check(server: Server, scheme: string): Promise<unknown> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const INTERLOCK_HEALTH = `${scheme}://127.0.0.1:${address.port}/livez`;
    const child = spawn(process.execPath, [script], { env: { INTERLOCK_HEALTH }, stdio: 'ignore' });
    const [code]: unknown[] = await once(child, 'exit');
    return code;
  } finally {
    server.close();
  }
}

it.each<[string, number, string, () => Server]>([
  ['that answers is alive', 0, 'http', () => createServer(answers(200))],
  ['that says it is not well is not', 1, 'http', () => createServer(answers(503))],
  ['whose certificate is not trusted here is alive', 0, 'https', () => createTlsServer(pair, answers(200))],
  [
    'that hears only who shows a certificate is alive',
    0,
    'https',
    () =>
      createTlsServer({ ...pair, ca: pair.cert, requestCert: true, rejectUnauthorized: true }, answers(200)),
  ],
  ['that speaks no TLS where it should is not', 1, 'https', () => createServer(answers(200))],
])('a gate %s', async (_, code, scheme, make) => {
  expect(await check(make(), scheme)).toBe(code);
});
