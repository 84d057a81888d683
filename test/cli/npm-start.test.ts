import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test, vi } from 'vitest';
import { temporaryFolder, writeGateFiles } from '../support/gate.ts';
import { putPreparedStore } from '../support/store.ts';

vi.setConfig({ testTimeout: 120_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = temporaryFolder();
let npm: ChildProcess | undefined;

afterEach(() => {
  // A group of its own: whatever npm left behind ends with it.
  if (npm?.pid !== undefined) {
    try {
      process.kill(-npm.pid, 'SIGKILL');
    } catch {
      // Nobody is left of it: as it should be.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

/** The gate's own process, which its log and its store's lock name nowhere: whoever answers at the address. */
async function answers(address: string): Promise<boolean> {
  return await fetch(`${address}/livez`).then(
    () => true,
    () => false,
  );
}

test('`npm start -- --config FILE` starts a gate, and a signal to npm stops it', async () => {
  writeGateFiles(folder, {});
  await putPreparedStore(join(folder, 'store'));
  const child = spawn('npm', ['start', '--', '--config', join(folder, 'interlock.yaml')], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  npm = child;
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk;
  });
  const address = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      const url = /listens on (http:\S+)/.exec(said)?.[1];
      if (url !== undefined) resolve(url);
    });
    child.once('close', code => reject(new Error(`npm ended with ${code}: ${said}${log}`)));
  });
  expect(await answers(address)).toBe(true);
  const ended = once(child, 'close');
  child.kill('SIGTERM');
  // Its pipes are the gate's too: they close when the last of both has ended.
  const left = await Promise.race([ended.then(() => 'nobody'), sleep(30_000, 'the gate')]);
  expect(left).toBe('nobody');
  expect(await answers(address)).toBe(false);
  expect(log).toContain('"msg":"stopped"');
});
