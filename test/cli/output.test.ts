import { spawnSync } from 'node:child_process';
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
