import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { killFileEngages } from '../../src/kill-switch/kill-file.ts';

describe('the kill file', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'interlock-kill-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('engages when its folder is gone', () => {
    expect(killFileEngages(join(folder, 'gone', 'KILL'))).toBe(true);
  });

  it('engages when its folder is a link to nowhere, or to a file', () => {
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    expect(killFileEngages(join(folder, 'link', 'KILL'))).toBe(true);
    writeFileSync(join(folder, 'nowhere'), '');
    expect(killFileEngages(join(folder, 'link', 'KILL'))).toBe(true);
  });

  it('does not engage when its folder is a link to a folder, and engages when it is there then', () => {
    mkdirSync(join(folder, 'state'));
    symlinkSync(join(folder, 'state'), join(folder, 'link'));
    expect(killFileEngages(join(folder, 'link', 'KILL'))).toBe(false);
    writeFileSync(join(folder, 'state', 'KILL'), '');
    expect(killFileEngages(join(folder, 'link', 'KILL'))).toBe(true);
  });

  it('engages when its folder is a file', () => {
    writeFileSync(join(folder, 'file'), '');
    expect(killFileEngages(join(folder, 'file', 'KILL'))).toBe(true);
  });

  it('engages when it is a link to nowhere', () => {
    symlinkSync(join(folder, 'nowhere'), join(folder, 'KILL'));
    expect(killFileEngages(join(folder, 'KILL'))).toBe(true);
  });

  it('engages when it is a folder', () => {
    mkdirSync(join(folder, 'KILL'));
    expect(killFileEngages(join(folder, 'KILL'))).toBe(true);
  });

  it('engages when it is there, empty or not', () => {
    writeFileSync(join(folder, 'KILL'), '');
    expect(killFileEngages(join(folder, 'KILL'))).toBe(true);
  });

  it('engages when its name cannot be looked up', () => {
    expect(killFileEngages(join(folder, 'x'.repeat(5_000)))).toBe(true);
    expect(killFileEngages(`${folder}/KI\0LL`)).toBe(true);
  });

  it('does not engage when it is plainly absent in a folder that is there', () => {
    expect(killFileEngages(join(folder, 'KILL'))).toBe(false);
  });
});
