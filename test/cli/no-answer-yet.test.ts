import type { ServerResponse } from 'node:http';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { sendOnce } from '../../src/cli/send-once.ts';
import { problem } from '../client/scripted-server.ts';
import { againstServer } from './against-server.ts';
import { recordedTerminal } from './recorded-terminal.ts';

// The gate has the request, and does not answer: seconds go by on the test's own clock.

const { files, server } = againstServer();

beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const ID = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const ARTIFACT = `sha256:${'a'.repeat(64)}`;
const hosts = files.write('hosts.ndjson', '{"id":"a","labels":{}}\n');
const config = files.write('interlock.yaml', 'kill_file: ./stop/NOW\n');
const TOUCH = `touch ${path.join(files.folder, 'stop/NOW')}`;
const ENGAGED = {
  ...{ id: ID, scope: {}, reason: '', except: [], engaged_at: '2026-11-28T03:00:00Z', engaged_by: 'oncall' },
  ...{ on_the_wire: [], stopped: [], took_ms: 1 },
};

/** A command that waits for an answer. */
async function waiting(...args: string[]) {
  const terminal = recordedTerminal();
  const arrived = new Promise<ServerResponse>(resolve => server.script(resolve));
  const ended = runProgram(args, terminal);
  const res = await Promise.race([arrived, ended]);
  if (typeof res === 'number') throw new Error(`ended before: ${terminal.complained.join('\n')}`);
  return {
    terminal,
    /** As it stands on a terminal. */
    shown: () => terminal.progressed.filter(line => line?.startsWith('no answer yet') === true),
    complained: () => terminal.complained.join('\n'),
    answered: async (status: number, body: object): Promise<number> => {
      const type = status >= 400 ? 'application/problem+json' : 'application/json';
      res.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
      return await ended;
    },
    interrupted: async (): Promise<number> => {
      process.emit('SIGINT', 'SIGINT');
      return await ended;
    },
  };
}

test.each<[string, string[]]>([
  ['kill', ['kill']],
  ['kill release', ['kill', 'release', ID, '--reason', 'r']],
  ['settle', ['settle', ID, '--refused', '--reason', 'r']],
  ['cancel', ['cancel', ID]],
  ['clock accept', ['clock', 'accept', '--reason', 'r']],
  ['inventory load', ['inventory', 'load', 'host', hosts]],
  ['evidence post', ['evidence', 'post', ARTIFACT, 'canary', 'passed']],
])('%s shows from 2 s on that there is no answer, and for how long', async (_, args) => {
  const { terminal, shown, interrupted } = await waiting(...args);
  vi.advanceTimersByTime(1_900);
  expect(shown()).toEqual([]);
  vi.advanceTimersByTime(11_000);
  expect(shown()[0]).toBe('no answer yet, 2 s; Ctrl-C ends the waiting only, and not what was sent');
  expect(shown().at(-1)).toContain('no answer yet, 12 s');
  expect(shown()).toHaveLength(11);
  expect(await interrupted()).toBe(3);
  expect(terminal.progressed.at(-1)).toBeUndefined();
  vi.advanceTimersByTime(5_000);
  expect(shown()).toHaveLength(11);
});

describe('kill that gets no answer', () => {
  test.each([[[]], [['--json']]])(
    'says after 2 s, once, the way that needs no gate; with %j too',
    async more => {
      const { terminal, complained, answered } = await waiting('kill', '--config', config, ...more);
      vi.advanceTimersByTime(1_000);
      expect(complained()).toBe('');
      vi.advanceTimersByTime(4_000);
      expect(terminal.complained).toEqual([
        'No answer yet: the gate or its database may hang. It is waited for; another gate on the same database stops this one too (--url URL --key-file FILE), and without any the kill file does.',
        `Without the gate: on each machine that runs a gate,\n  ${TOUCH}`,
      ]);
      expect(await answered(201, ENGAGED)).toBe(0);
      expect(terminal.complained).toHaveLength(2);
      expect(terminal.said.join('\n')).toContain(ID);
    },
  );

  test('does not say it again at its end', async () => {
    const interrupted = await waiting('kill', '--config', config);
    vi.advanceTimersByTime(3_000);
    expect(await interrupted.interrupted()).toBe(3);
    expect(interrupted.complained().split(TOUCH)).toHaveLength(2);
    expect(interrupted.complained()).toContain('It is not known whether the switch is engaged');

    const away = await waiting('kill');
    vi.advanceTimersByTime(3_000);
    const named = {
      ...problem('store.unavailable', 503),
      detail: 'The kill file /run/KILL stops this gate.',
    };
    expect(await away.answered(503, named)).toBe(3);
    expect(away.complained().split(/make the kill file of each gate|make each/)).toHaveLength(2);
    expect(away.complained()).toContain('Nothing was engaged.');
  });

  test('says it at its end where it ends before', async () => {
    const { complained, interrupted } = await waiting('kill', '--config', config);
    vi.advanceTimersByTime(1_500);
    expect(await interrupted()).toBe(3);
    expect(complained()).not.toContain('No answer yet');
    expect(complained().split(TOUCH)).toHaveLength(2);
  });
});

test('what goes out piece by piece has no answer yet from the last piece on', async () => {
  const terminal = recordedTerminal();
  let end = (): void => undefined;
  let piece = (): void => undefined;
  const ended = sendOnce(
    async (_, goesOn) => {
      piece = goesOn;
      await new Promise<void>(resolve => (end = resolve));
    },
    { untold: 'not known', terminal },
  );
  vi.advanceTimersByTime(1_500);
  piece();
  vi.advanceTimersByTime(1_000);
  expect(terminal.progressed).toEqual([]);
  vi.advanceTimersByTime(1_500);
  expect(terminal.progressed[0]).toContain('no answer yet, 2 s');
  end();
  await ended;
  expect(terminal.complained).toEqual([]);
});
