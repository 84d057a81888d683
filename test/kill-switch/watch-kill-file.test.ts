import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { sayKillFile } from '../../src/kill-switch/kill-file.ts';
import { watchKillFile } from '../../src/kill-switch/watch-kill-file.ts';
import { recordedLogger } from '../support/recorded-logger.ts';

const folder = mkdtempSync(join(tmpdir(), 'interlock-kill-'));
const file = join(folder, 'KILL');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('says once that the kill file engages the gate, and once that it is gone', () => {
  const { logger, said } = recordedLogger();
  const watch = watchKillFile(file, logger);
  watch.look();
  expect(said()).toEqual([]);
  writeFileSync(file, '');
  watch.look();
  watch.look();
  expect(said()).toEqual([[50, expect.stringContaining('the kill file engages this gate')]]);
  rmSync(file);
  watch.look();
  watch.look();
  watch.stop();
  expect(said().slice(1)).toEqual([[40, expect.stringContaining('the kill file is gone')]]);
});

it('says at the start that it is there already', () => {
  writeFileSync(file, '');
  const { logger, said } = recordedLogger();
  watchKillFile(file, logger).stop();
  expect(said()).toHaveLength(1);
  rmSync(file);
});

it('says that its folder is gone where that is why', () => {
  const { logger, whole } = recordedLogger();
  watchKillFile(join(folder, 'gone', 'KILL'), logger).stop();
  expect(whole()).toMatchObject([{ level: 50, why: expect.stringContaining('its folder is gone') }]);
});

it('is told in a sentence, there or not', () => {
  expect(sayKillFile(file)).toBe(
    `The kill file works without the database: make ${file}, and this gate forwards nothing.`,
  );
  writeFileSync(file, '');
  expect(sayKillFile(file)).toContain(`The kill file ${file} engages this gate now`);
  expect(sayKillFile(join(file, 'KILL'))).toContain('it cannot be told whether the kill file');
});
