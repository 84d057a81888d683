import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createClient, type Retry } from '../../src/client/create-client.ts';
import { Interrupted } from '../../src/cli/interrupt.ts';
import { runSubmit } from '../../src/cli/submit.ts';
import { problem, scriptedServer, targetsOf } from '../client/scripted-server.ts';
import { temporaryFolder } from '../config/files.ts';
import { CTRL_C, onTerminal, type OnTerminal } from '../support/pseudo-terminal.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const files = temporaryFolder();
let server: Awaited<ReturnType<typeof scriptedServer>>;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => {
  server.close();
  files.remove();
});

const ID = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';

const outcome = (status: string, attempts = 1): object => ({
  ...{ id: ID, mode: 'request', decision: 'allowed', action: 'disk.wipe', reasons: [] },
  ...{ targets: targetsOf('a'), outcome: { status, attempts } },
});
const pending = { status: 202, body: outcome('pending') };

const submit = (...more: string[]): OnTerminal =>
  onTerminal(['submit', 'disk.wipe', 'a', '--reason', 'r', ...more], {
    INTERLOCK_URL: server.url,
    INTERLOCK_KEY: 'ilk_secret',
    HOME: path.dirname(files.write('home', '')),
  });

const hasTerminals = spawnSync('script', ['--version']).status === 0;

describe.skipIf(!hasTerminals)('a submit that waits, on a terminal', () => {
  beforeEach(() => server.script(pending));

  test('says who has it, how long, and what comes then; and clears that away', async () => {
    server.script(
      { status: 202, body: outcome('pending', 0) },
      { status: 200, body: outcome('pending', 0) },
      { status: 200, body: outcome('pending') },
    );
    const terminal = submit('--wait', '90s');
    await terminal.shows(
      /allowed as request 5b0f6e3e\S+; its outcome is waited for, 1m 30s at most\. Ctrl-C ends/,
    );
    await terminal.shows(/\r.\[2Kdisk\.wipe: waits its turn, 2s so far; 1m \d+s left, then exit code 3/);
    await terminal.shows(/\r.\[2Kdisk\.wipe: at its executor, \ds so far; 1m \d+s left/);
    server.script({ status: 200, body: outcome('delivered') });
    expect(await terminal.exited).toBe(0);
    expect(terminal.shown()).toMatch(/\r.\[2K[^\r\n]*done[^\r\n]*: disk\.wipe of 1 target/);
  });

  test('is interrupted, which ends the waiting alone, and says how to go on', async () => {
    server.script({ status: 202, body: outcome('pending', 0) }, { status: 200, body: outcome('pending', 0) });
    const terminal = submit();
    await terminal.shows(/Ctrl-C ends the waiting/);
    terminal.type(CTRL_C);
    expect(await terminal.exited).toBe(3);
    const shown = terminal.shown();
    expect(shown).toContain(`Interrupted, and only the waiting: request ${ID} is allowed, and goes on.`);
    expect(shown).toContain(`Look:   interlock audit show ${ID}`);
    expect(shown).toContain(`Cancel: interlock cancel ${ID}`);
    const key = server.received[0]?.headers['idempotency-key'];
    expect(shown).toContain(`the same command with --idempotency-key ${String(key)}`);
    expect(server.received.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('is not said to be cancelled any more once its executor has it, whatever the first answer was', async () => {
    server.script({ status: 202, body: outcome('pending', 0) }, { status: 200, body: outcome('pending') });
    const terminal = submit();
    await terminal.shows(/at its executor/);
    terminal.type(CTRL_C);
    expect(await terminal.exited).toBe(3);
    expect(terminal.shown()).toContain(`Look:   interlock audit show ${ID}`);
    expect(terminal.shown()).not.toContain('Cancel:');
  });

  test('is interrupted before the answer: what became of it is not known', async () => {
    let asked = (): void => undefined;
    const arrived = new Promise<void>(resolve => {
      asked = resolve;
    });
    server.script(() => asked());
    const terminal = submit('--json');
    await arrived;
    terminal.type(CTRL_C);
    expect(await terminal.exited).toBe(3);
    const key = String(server.received[0]?.headers['idempotency-key']);
    expect(terminal.shown()).toContain('Whether it is decided is not known');
    expect(terminal.shown()).toContain(`--idempotency-key ${key}`);
    expect(terminal.shown()).toContain(
      `{"error":"interrupted before the answer","tried":{"idempotencyKey":"${key}"}}`,
    );
  });
});

describe('an interrupt between two attempts', () => {
  const asked = { action: 'disk.wipe', targets: ['a'] };
  const options = { reason: 'r', selector: [], param: [], assert: [], effect: [], waitMs: 1000 } as const;

  /** Interrupts in the pause behind an attempt that ended so. */
  async function interruptedBehind(
    retry: Omit<Retry, 'attempt' | 'pauseMs' | 'why'>,
    signal: NodeJS.Signals,
  ) {
    const controller = new AbortController();
    const terminal = recordedTerminal();
    const never = async (): Promise<never> => await Promise.reject(new Error('not asked'));
    const code = await runSubmit(asked, options, terminal, {
      watch: () => ({ signal: controller.signal, leave: () => undefined }),
      connect: (_options, _terminal, told) => ({
        url: server.url,
        next: words => `interlock ${words}`,
        gate: {
          ...createClient({ url: server.url }),
          one: never,
          submit: async () => {
            told({ attempt: 1, pauseMs: 60_000, why: 'broken', ...retry });
            throw new Interrupted(signal);
          },
        },
      }),
    });
    return { code, complained: terminal.complained.join('\n') };
  }

  test('of which none had a connection sent nothing', async () => {
    expect(await interruptedBehind({ neverConnected: true }, 'SIGINT')).toEqual({
      code: 130,
      complained: 'disk.wipe: 1 target: a\nInterrupted; nothing was sent.',
    });
    expect((await interruptedBehind({ neverConnected: true }, 'SIGTERM')).code).toBe(143);
  });

  test('of which one may have arrived is no "nothing was sent"', async () => {
    const { code, complained } = await interruptedBehind({}, 'SIGINT');
    expect(code).toBe(3);
    expect(complained).toContain('Whether it is decided is not known');
  });
});

test('the client gives back the very reason of its signal, in a pause too', async () => {
  server.script({ status: 503, body: problem('gate.stopping', 503), headers: { 'retry-after': '20' } });
  const controller = new AbortController();
  const reason = new Interrupted('SIGINT');
  const gate = createClient({ url: server.url, onRetry: () => controller.abort(reason) });
  const asked: Promise<unknown> = gate.policy({ signal: controller.signal });
  await expect(asked).rejects.toBe(reason);
});
