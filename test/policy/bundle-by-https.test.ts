import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { publishedProgram } from '../support/program.ts';
import { selfSigned } from '../support/self-signed.ts';
import { writeGateFiles } from '../support/gate.ts';
import { readShipped, shippedArchive } from './samples.ts';

const { key, cert } = selfSigned('localhost');
const asked: string[] = [];
let folder = '';
let server: Server;
let address = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'interlock-https-'));
  await writeFile(path.join(folder, 'trusted.pem'), cert);
  const archive = await readFile(shippedArchive);
  server = createServer({ key, cert }, (request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/bundle.tar.gz') response.end(archive);
    else if (request.url === '/moved') response.writeHead(302, { location: '/bundle.tar.gz' }).end();
    else if (request.url === '/large') response.end(Buffer.alloc(17 * 1024 * 1024));
    else if (request.url === '/cut-off')
      response.writeHead(200, { 'content-length': archive.length }).end(archive.subarray(0, 1000), () => {
        request.socket.destroy();
      });
    else response.writeHead(404).end(archive);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server that listens has no other kind of address
  address = `https://localhost:${port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

/** What becomes of bundles of these paths in a process that trusts the server, or not: node reads what it trusts at its start only. */
async function load(trusted: boolean, ...paths: readonly string[]): Promise<string[]> {
  asked.length = 0;
  const program = new URL('load-from.ts', import.meta.url).pathname;
  const sources = paths.map(one => `${address}${one}`);
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, ...sources], {
    env: { ...env, ...(trusted && { NODE_EXTRA_CA_CERTS: path.join(folder, 'trusted.pem') }) },
  });
  return stdout.trim().split('\n');
}

it('a bundle is not taken from a server that cannot prove who it is', async () => {
  const { digest } = await readShipped();
  expect(await load(false, '/bundle.tar.gz')).not.toContain(digest);
  expect(asked).toEqual([]);
});

it('nor is it in the program where NODE_TLS_REJECT_UNAUTHORIZED=0 would have it so', async () => {
  asked.length = 0;
  writeGateFiles(folder, { config: { policies: `${address}/bundle.tar.gz` } });
  const config = path.join(folder, 'interlock.yaml');
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const checked = promisify(execFile)(
    process.execPath,
    [publishedProgram, 'serve', '--check-config', '--config', config],
    { env: { ...env, NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
  );
  await expect(checked).rejects.toMatchObject({ code: 2 });
  expect(asked).toEqual([]);
});

it('a bundle is fetched by https whole, straight, and not of any size', async () => {
  const { digest } = await readShipped();
  const [whole, nowhere, moved, large, cutOff] = await load(
    true,
    '/bundle.tar.gz',
    '/nowhere',
    '/moved',
    '/large',
    '/cut-off',
  );
  expect(whole).toBe(digest);
  expect(nowhere).toContain('answered 404');
  expect(large).toContain('sends more than 16777216 bytes');
  expect([moved, cutOff]).not.toContain(digest);
  // The redirect was not followed.
  expect(asked).toEqual(['/bundle.tar.gz', '/nowhere', '/moved', '/large', '/cut-off']);
});
