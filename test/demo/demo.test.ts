import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { QUICK_TO_START } from '../support/gate.ts';
import { publishedProgram } from '../support/program.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** `interlock demo`, its temporary folder in ours. */
function start(...args: string[]): {
  child: ChildProcess;
  ended: Promise<{ code: number | null; said: string }>;
} {
  const child = spawn(process.execPath, [...QUICK_TO_START, publishedProgram, 'demo', ...args], {
    env: { PATH: process.env['PATH'], TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  const ended = new Promise<{ code: number | null; said: string }>(resolve => {
    child.once('close', code => resolve({ code, said }));
  });
  return { child, ended };
}

async function untilSaid(child: ChildProcess, words: string): Promise<void> {
  await new Promise<void>(resolve => {
    let said = '';
    child.stdout?.on('data', chunk => {
      said += String(chunk);
      if (said.includes(words)) resolve();
    });
  });
}

describe('the demo', () => {
  it('that is interrupted leaves no process and no file behind', async () => {
    const { child, ended } = start();
    await untilSaid(child, 'Interlock listens on');
    child.kill('SIGINT');
    const { code, said } = await ended;
    expect([code, readdirSync(folder)]).toEqual([130, []]);
    // No terminal, no colours.
    expect(said).not.toContain('\u001b');
    const gate = /Interlock listens on (\S+?),/.exec(said)?.[1] ?? '';
    await expect(fetch(`${gate}/livez`)).rejects.toThrow('fetch failed');
  });

  it('ends with 1, and names the step, when a disk is gone that nobody was allowed to wipe', async () => {
    const { child, ended } = start();
    await untilSaid(child, 'a file stands for each disk');
    const [demo = ''] = readdirSync(folder);
    // Of a rack that no scene touches.
    rmSync(join(folder, demo, 'disks', 'eu-2-r50-m01.disk'));
    const { code, said } = await ended;
    const [, told = ''] = said.split('steps did not go as told:\n');
    expect([code, readdirSync(folder)]).toEqual([1, []]);
    expect(told).toContain('1. A rack of satellites is retired — the disks of');
    expect(told).toContain('The end — no more disks are gone than were meant to be');
    expect(told).not.toContain('the tool was asked once');
  });

  it('tells 2014 against the real gate, and everything goes as told', { timeout: 180_000 }, async () => {
    const { code, said } = await start('--json').ended;
    const told: unknown = JSON.parse(said);
    expect(told).toMatchObject({ ok: true, disks: { before: 12_000, gone: 100, left: 11_900 } });
    expect([code, readdirSync(folder)]).toEqual([0, []]);
  });
});
