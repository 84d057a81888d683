import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { afterEach, expect, test } from 'vitest';
import { outputTaken } from '../../src/cli/end-process.ts';

// What a process has said is more than a pipe holds, and its reader is slow, or hangs, or is gone.

const MUCH = Buffer.alloc(16 * 1024 * 1024, 'x');
const SHORT_MS = 50;
const PAUSE_MS = 20;
const LONG_MS = 60_000;

const opened: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.destroy();
});

/** Where one writes, and where another reads: nothing yet. */
async function pipe(): Promise<{ writer: Socket; reader: Socket }> {
  const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const incoming = once(server, 'connection');
  const writer = connect(port, '127.0.0.1').on('error', () => undefined);
  const [reader]: Socket[] = await incoming;
  if (reader === undefined) throw new Error('nobody reads');
  server.close();
  opened.push(writer, reader);
  return { writer, reader };
}

const silent = new PassThrough();

test('nothing that waits is waited for', async () => {
  const { writer } = await pipe();
  await outputTaken(LONG_MS, { stdout: writer, stderr: silent });
  expect(writer.listenerCount('timeout')).toBe(0);
});

test('a reader that hangs for ever is not waited for for ever, on stdout or on stderr', async () => {
  const { writer } = await pipe();
  writer.write(MUCH);
  await outputTaken(SHORT_MS, { stdout: writer, stderr: silent });
  await outputTaken(SHORT_MS, { stdout: silent, stderr: writer });
  expect(writer.writableLength).toBeGreaterThan(0);
});

test('a reader that is gone is not waited for', async () => {
  const { writer, reader } = await pipe();
  writer.write(MUCH);
  reader.destroy();
  await outputTaken(LONG_MS, { stdout: writer, stderr: silent });
  expect(writer.destroyed).toBe(true);
});

test('a reader that takes a little now and then gets all of it, however long that takes in all', async () => {
  const { writer, reader } = await pipe();
  writer.write(MUCH);
  let bytes = 0;
  let pauses = 0;
  reader.on('data', (piece: Buffer) => {
    bytes += piece.length;
    if (bytes < (pauses + 1) * 512 * 1024) return;
    pauses += 1;
    reader.pause();
    setTimeout(() => reader.resume(), PAUSE_MS);
  });
  reader.resume();
  await outputTaken(5 * SHORT_MS, { stdout: writer, stderr: silent });
  expect(writer.writableLength).toBe(0);
  expect(pauses * PAUSE_MS).toBeGreaterThan(5 * SHORT_MS);
});
