import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

async function endOf(stdout: number | 'gone') {
  const child = spawn(process.execPath, [program, 'completion', 'bash'], {
    stdio: ['ignore', stdout === 'gone' ? 'pipe' : stdout, 'pipe'],
  });
  child.stdout?.destroy();
  let complained = '';
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => (complained += piece));
  const [code]: unknown[] = await once(child, 'close');
  return { code, complained };
}

test('a reader that has left is no crash, and no answer that was read', async () => {
  expect(await endOf('gone')).toEqual({ code: 3, complained: '' });
});

test.skipIf(!existsSync('/dev/full'))('an answer that cannot be written is told in a line', async () => {
  const full = openSync('/dev/full', 'w');
  const { code, complained } = await endOf(full);
  closeSync(full);
  expect(code).toBe(3);
  expect(complained).toMatch(/^interlock: the answer cannot be written: ENOSPC.*\n$/);
});
