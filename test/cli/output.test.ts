import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { scriptedServer } from '../client/scripted-server.ts';
import { program } from '../support/program.ts';

const PROGRAM = `${process.execPath} ${program}`;

/** How the first program of the line ends. */
function ended(line: string): { code: number | null; complained: string } {
  const { status, stderr } = spawnSync('bash', ['-c', `${line}; exit \${PIPESTATUS[0]}`], {
    env: { ...process.env, PROGRAM },
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

/** What a command says to a reader that is no quicker than others, where it ends with another code than 0. */
async function saidByNo(
  args: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{ code: number; said: string }> {
  const reasons = Array.from({ length: 2_000 }, (_, at) => ({
    rule: 'targets.unknown',
    message: `There is no target host-${at}. ${'It was asked for. '.repeat(20)}`,
  }));
  const problem = { type: '/problems/targets.unknown', title: 'no', status: 422, detail: 'no', reasons };
  const server = await scriptedServer();
  server.script({ status: 422, body: { ...problem, id: 'r', decision: 'refused' } });
  const env = { ...process.env, INTERLOCK_URL: server.url, INTERLOCK_KEY: 'ilk_key', ...environment };
  const line = `$PROGRAM ${args} | cat; exit \${PIPESTATUS[0]}`;
  const child = spawn('bash', ['-c', line], {
    env: { ...env, PROGRAM },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = await once(child, 'close');
  server.close();
  return { code, said };
}

test.each(['preflight', 'submit'])(
  'a no of `%s` that is larger than any pipe is written to its end',
  async command => {
    const { code, said } = await saidByNo(`${command} test.act host-0 --reason x --json`);
    expect(code).toBe(1);
    expect(JSON.parse(said)).toHaveProperty('reasons.length', 2_000);
  },
);

test('each reason of a no is an annotation, however many there are', async () => {
  const { code, said } = await saidByNo('preflight test.act host-0 --reason x', { GITHUB_ACTIONS: 'true' });
  expect(code).toBe(1);
  expect(said.match(/^::error .*$/gm)).toHaveLength(2_000);
});

test('no word of the request is a command to the runner of GitHub Actions', async () => {
  const args = `preflight '::warning title=x::##[error]y' host-0 --reason x 2>&1`;
  const { said } = await saidByNo(args, { GITHUB_ACTIONS: 'true' });
  expect(said).toMatch(/^\\u003a:warning title=x::#\\u0023\[error\]y: 1 target: host-0$/m);
  expect(said).toMatch(/^::error /m);
  expect(said).not.toMatch(/^::warning/m);
});

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
      PROGRAM,
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

test.each([
  "$'fo\\e[31mo'",
  "preflight a b --reason r --junit $'/no\\e[31m/x'",
  "serve --config $'/no\\e[31m'",
])('what `%s` brings into a complaint steers no terminal', args => {
  const { code, complained } = ended(`$PROGRAM ${args}`);
  expect(code).toBe(2);
  expect(complained).toContain('\\u001b[31m');
  expect(complained).not.toContain('\u001b');
});
