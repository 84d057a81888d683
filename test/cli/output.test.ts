import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

/** How the first program of the line ends. */
function ended(line: string): { code: number | null; complained: string } {
  const { status, stderr } = spawnSync('bash', ['-c', `${line}; exit \${PIPESTATUS[0]}`], {
    env: { ...process.env, PROGRAM: `${process.execPath} ${main}` },
    encoding: 'utf8',
  });
  return { code: status, complained: stderr };
}

test.each(['completion bash', '--help', 'keygen wiper --json'])(
  'a reader that goes away ends `%s` with what it would have ended with, and without a word',
  command => {
    expect(ended(`$PROGRAM ${command} | true`)).toEqual({ code: 0, complained: '' });
  },
);

test('a disk that is full is told, and an answer that nobody can read is no yes', () => {
  const { code, complained } = ended('$PROGRAM --version > /dev/full');
  expect(code).toBe(3);
  expect(complained).toMatch(/^interlock: the answer cannot be written: ENOSPC.*\n$/);
});

test.each([
  ['that is full is told', '> /dev/full', /^interlock: the answer cannot be written: ENOSPC[^\n]*\n$/],
  ['that nobody reads any more is told to nobody', '| true', /^$/],
])('an export to a place %s, and is not whole', async (_, to, expected) => {
  const server = createServer((_req, res) => {
    res.setHeader('content-type', 'application/x-ndjson');
    res.end(`${JSON.stringify({ seq: 1, reason: 'x'.repeat(1 << 20) })}\n`);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const child = spawn('bash', ['-c', `$PROGRAM audit export ${to}; exit \${PIPESTATUS[0]}`], {
    env: {
      ...process.env,
      PROGRAM: `${process.execPath} ${main}`,
      INTERLOCK_URL: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
      INTERLOCK_KEY: 'ilk_key',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complained = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complained += text));
  const [code] = await once(child, 'close');
  server.close();
  expect(code).toBe(3);
  expect(complained).toMatch(expected);
});
