import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fileLooks } from '../../src/kit/file-looks.ts';

describe('how a file looks', () => {
  let folder: string;
  const file = (name: string): string => path.join(folder, name);
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'interlock-looks-'));
    writeFileSync(file('one'), 'one');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is the same while nothing was done to it', async () => {
    expect(await fileLooks(file('one'))).toBe(await fileLooks(file('one')));
    expect(await fileLooks(folder)).toBe(await fileLooks(folder));
    expect(await fileLooks(file('none'))).toBe(await fileLooks(file('none')));
  });

  it.each<[string, () => void]>([
    ['it grows', () => writeFileSync(file('one'), 'more')],
    ['it is touched', () => utimesSync(file('one'), 1, 1)],
    ['it is gone', () => rmSync(file('one'))],
    [
      'another one of its size and time takes its place',
      () => {
        writeFileSync(file('two'), 'two');
        renameSync(file('two'), file('one'));
      },
    ],
    [
      'it becomes a folder',
      () => {
        rmSync(file('one'));
        mkdirSync(file('one'));
      },
    ],
  ])('is another, and so is its folder, when %s', async (_, change) => {
    const before = [await fileLooks(file('one')), await fileLooks(folder)];
    change();
    expect(await fileLooks(file('one'))).not.toBe(before[0]);
    expect(await fileLooks(folder)).not.toBe(before[1]);
  });
});
