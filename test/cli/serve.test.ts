import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { publishedProgram } from '../support/program.ts';
import { temporaryFolder } from '../support/store.ts';

const script = fileURLToPath(new URL('serve-process.ts', import.meta.url));

/** A process that serves a gate that is none. Its log is read here, at once or when `readLog` is called, or goes to a file, or is read by nobody. */
function serve(
  how: string,
  args: readonly string[] = [],
  variables: Readonly<Record<string, string>> = {},
  log: 'read' | 'late' | 'unread' | number = 'read',
) {
  const { INTERLOCK_CONFIG: _config, INTERLOCK_LOG: _log, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', script, how, ...args], {
    env: { ...env, ...variables },
    stdio: ['pipe', 'pipe', typeof log === 'number' ? log : 'pipe'],
  });
  if (log === 'unread') child.stderr?.pause();
  const lines: string[] = [];
  let errors = '';
  const readLog = (): void =>
    void child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      errors += chunk;
    });
  if (log === 'read') readLog();
  const waiting = new Map<string, () => void>();
  createInterface(outOf(child.stdout)).on('line', line => {
    lines.push(line);
    for (const [part, resolve] of waiting) if (line.includes(part)) resolve();
  });
  const code = new Promise<number | null>(resolve => {
    // Its log may never be read to its end.
    child.once(log === 'unread' ? 'exit' : 'close', resolve);
  });
  return {
    lines,
    code,
    errors: (): string => errors,
    readLog,
    /** Resolves when a line with this in it was said. */
    said: async (part: string): Promise<void> =>
      await new Promise((resolve, reject) => {
        if (lines.some(line => line.includes(part))) return resolve();
        waiting.set(part, resolve);
        void code.then(() =>
          reject(new Error(`ended without saying ${part}: ${lines.join(' | ')} ${errors}`)),
        );
      }),
    signal: (signal: NodeJS.Signals): void => void child.kill(signal),
    goOn: (): void => void child.stdin?.write('x\n'),
  };
}

function outOf(stdout: Readable | null): Readable {
  if (stdout === null) throw new Error('a process without an answer');
  return stdout;
}

/** For `--import`: sends the process SIGHUP as soon as it loads a module of ours after its first, and lets it come to that. */
const HANG_UP_WHILE_LOADING = (() => {
  const hooks = `let sent = false;
    export async function load(url, context, next) {
      if (!sent && /\\/dist\\/(?!main)/.test(url)) {
        sent = true;
        process.kill(process.pid, 'SIGHUP');
        await new Promise(resolve => setTimeout(resolve, 200));
      }
      return next(url, context);
    }`;
  const url = (text: string): string => `data:text/javascript,${encodeURIComponent(text)}`;
  return url(`import { register } from 'node:module'; register(${JSON.stringify(url(hooks))});`);
})();

describe('the program', () => {
  test.each([
    ['serve', null, 2],
    ['help', 'SIGHUP', null],
  ])('that gets SIGHUP while its code is loaded, for %s', (command, signal, status) => {
    const none = ['--config', '/there/is/none.yaml'];
    const args = ['--import', HANG_UP_WHILE_LOADING, publishedProgram, command];
    const ran = spawnSync(process.execPath, command === 'serve' ? [...args, ...none] : args, {
      encoding: 'utf8',
    });
    expect(ran).toMatchObject({ signal, status });
    if (command === 'serve') expect(ran.stderr).toContain('/there/is/none.yaml');
  });
});

describe('a gate that is served', () => {
  test('ends with 0 after SIGTERM, when it has closed', async () => {
    const gate = serve('well', ['some.yaml']);
    await gate.said('listens on http://127.0.0.1:7070');
    gate.signal('SIGTERM');
    expect(await gate.code).toBe(0);
    expect(gate.lines).toEqual([
      'starting some.yaml false',
      'Interlock listens on http://127.0.0.1:7070',
      'closing',
      'closed',
    ]);
    const log: { msg: string }[] = gate
      .errors()
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    expect(log.map(entry => entry.msg)).toEqual([expect.stringContaining('stopping'), 'stopped']);
  });

  test('serves, and ends with 0, though nobody reads its log', async () => {
    const gate = serve('talks', [], {}, 'unread');
    await gate.said('listens on http://127.0.0.1:7070');
    gate.signal('SIGTERM');
    expect(await gate.code).toBe(0);
  });

  test('that has stopped leaves all of its log to a reader that is behind', async () => {
    const gate = serve('talks', [], {}, 'late');
    await gate.said('listens on http://127.0.0.1:7070');
    gate.signal('SIGTERM');
    await gate.said('closed');
    gate.readLog();
    expect(await gate.code).toBe(0);
    expect(gate.errors().trimEnd().split('\n').at(-1)).toContain('stopped');
  });

  test('serves, and ends with 0, though the disk of its log is full', async () => {
    const full = openSync('/dev/full', 'w');
    const gate = serve('talks', [], {}, full);
    await gate.said('listens on http://127.0.0.1:7070');
    gate.signal('SIGTERM');
    expect(await gate.code).toBe(0);
    closeSync(full);
  });

  test('reads its files again on SIGHUP, as often as it comes, and goes on', async () => {
    const gate = serve('well');
    await gate.said('listens');
    gate.signal('SIGHUP');
    await gate.said('reloading');
    gate.signal('SIGTERM');
    expect(await gate.code).toBe(0);
    expect(gate.lines.slice(-3)).toEqual(['reloading', 'closing', 'closed']);
  });

  test('that gets SIGHUP while it starts reads its files again once it has started', async () => {
    const gate = serve('start waits');
    await gate.said('starting');
    gate.signal('SIGHUP');
    gate.goOn();
    await gate.said('reloading');
    gate.signal('SIGTERM');
    expect(await gate.code).toBe(0);
  });

  test('closes for as long as it takes', async () => {
    const gate = serve('close waits');
    await gate.said('listens');
    gate.signal('SIGINT');
    await gate.said('closing');
    gate.goOn();
    expect(await gate.code).toBe(0);
    expect(gate.lines.at(-1)).toBe('closed');
  });

  test('that gets a second signal while it closes ends at once, with 3', async () => {
    const gate = serve('close waits');
    await gate.said('listens');
    gate.signal('SIGTERM');
    await gate.said('closing');
    gate.signal('SIGTERM');
    expect(await gate.code).toBe(3);
    expect(gate.errors()).toContain('a second signal');
  });

  test('that gets a signal while it starts is closed once it has started', async () => {
    const gate = serve('start waits');
    await gate.said('starting');
    gate.signal('SIGTERM');
    gate.goOn();
    expect(await gate.code).toBe(0);
    expect(gate.lines.at(-1)).toBe('closed');
  });

  test('that cannot close ends with 3', async () => {
    const gate = serve('close fails');
    await gate.said('listens');
    gate.signal('SIGTERM');
    expect(await gate.code).toBe(3);
    expect(gate.errors()).toContain('the store is gone');
  });

  test.each(['crash', 'rejection'])(
    'that meets an error which nothing caught (a %s) logs it and ends with 3',
    async how => {
      const gate = serve(how);
      expect(await gate.code).toBe(3);
      expect(gate.errors()).toMatch(new RegExp(`^\\{.*"level":60.*a ${how}`, 'm'));
      expect(gate.errors()).not.toContain('interlock crashed');
    },
  );

  test('that has closed ends while a disk hangs', async () => {
    const folder = await temporaryFolder();
    const pipe = path.join(folder.path, 'a.pipe');
    spawnSync('mkfifo', [pipe]);
    const gate = serve('well', [pipe]);
    await gate.said('listens');
    gate.signal('SIGTERM');
    expect(await gate.code).toBeNull();
    expect(gate.errors()).toContain('a disk hangs');
    await folder.remove();
  });

  test('that gets a second signal ends while a disk hangs, once that is known', async () => {
    const folder = await temporaryFolder();
    const pipe = path.join(folder.path, 'a.pipe');
    spawnSync('mkfifo', [pipe]);
    const gate = serve('close waits', [pipe]);
    await gate.said('listens');
    gate.signal('SIGTERM');
    await gate.said('closing');
    await sleep(4_000);
    gate.signal('SIGTERM');
    expect(await gate.code).toBeNull();
    expect(gate.errors()).toContain('a second signal');
    await folder.remove();
  });

  test('says its address as JSON if asked, and passes --activate on', async () => {
    const gate = serve('well', ['--json', '--activate']);
    await gate.said('address');
    gate.signal('SIGTERM');
    await gate.code;
    expect(gate.lines.slice(0, 2)).toEqual([
      'starting ./interlock.yaml true',
      '{"address":"http://127.0.0.1:7070"}',
    ]);
  });

  test('takes its configuration from INTERLOCK_CONFIG, and from --config before that', async () => {
    const both = serve('well', ['other.yaml'], { INTERLOCK_CONFIG: '/etc/interlock.yaml' });
    const one = serve('well', [], { INTERLOCK_CONFIG: '/etc/interlock.yaml' });
    await Promise.all([both.said('starting other.yaml'), one.said('starting /etc/interlock.yaml')]);
    await Promise.all([both.said('listens'), one.said('listens')]);
    both.signal('SIGTERM');
    one.signal('SIGTERM');
    expect(await Promise.all([both.code, one.code])).toEqual([0, 0]);
  });
});
