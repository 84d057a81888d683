import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { troubleIn } from '../../src/drill/gate-log.ts';
import { temporaryFolder } from '../support/store.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(async () => await folder.remove());

const logOf = (...lines: readonly string[]): string => {
  const file = path.join(folder.path, 'gate.log');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
};

it('what a gate that did not stand has logged is told by its warnings, its errors and what is no JSON', () => {
  expect(
    troubleIn(
      logOf(
        '{"level":30,"msg":"starting"}',
        '{"level":50,"err":{"message":"no such file"},"msg":"the policy could not be loaded"}',
        'node: out of memory',
        '{"level":30,"msg":"stopped"}',
      ),
    ),
  ).toBe('the policy could not be loaded: no such file\nnode: out of memory');
});

it('a cause is told behind its error as one sentence', () => {
  expect(
    troubleIn(logOf('{"level":50,"msg":"no policy","err":{"message":"Not loaded.: no such file"}}')),
  ).toBe('no policy: Not loaded: no such file');
});

it('where nothing went wrong by its log, the last lines tell, and a log that is not there is said', () => {
  expect(troubleIn(logOf('{"level":30,"msg":"ready"}'))).toBe('{"level":30,"msg":"ready"}');
  expect(troubleIn(path.join(folder.path, 'nothing'))).toBe('(the gate left no log)');
});
