import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { problem, scriptedServer } from '../client/scripted-server.ts';
import { hosts } from '../support/api.ts';
import { keyOf } from '../support/gate.ts';
import { standing } from '../support/standing.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const stands = standing({
  store: 'embedded',
  inventory: { host: hosts('web', 30) },
  config: { actions: { 'test.act': {}, 'test.queued': { executor: { concurrency: 1 } } } },
});

let server: Awaited<ReturnType<typeof scriptedServer>>;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server.close());
afterEach(() => vi.unstubAllEnvs());

async function runAt(url: string, as: string, args: readonly string[]) {
  vi.stubEnv('INTERLOCK_URL', url);
  vi.stubEnv('INTERLOCK_KEY', keyOf(as));
  const terminal = recordedTerminal();
  const code = await runProgram(args, terminal);
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

const run = async (as: string, ...args: string[]) => await runAt(stands.gate.url, as, args);

let next = 0;
const freshHost = (): string => `web-${String((next += 1)).padStart(3, '0')}`;

/** A request whose outcome nobody knows. */
async function unknownOne(): Promise<string> {
  stands.executor.behave({ type: 'close_before_head' });
  const answer = await stands.api.submit('test.act', [freshHost()]);
  expect(answer.body.outcome?.status).toBe('unknown');
  return String(answer.body.id);
}

const statusOf = async (id: string): Promise<string | undefined> =>
  (await stands.api.request(id)).outcome?.status;

describe('settle', () => {
  test.each<[string, string[], RegExp]>([
    ['what became of it', ['--reason', 'seen'], /--delivered if the tool did it, --refused if/],
    ['one of both', ['--delivered', '--refused', '--reason', 'seen'], /one of them/],
    ['how that is known', ['--delivered'], /says how it is known/],
    ['more than blanks', ['--delivered', '--reason', ' '], /says how it is known/],
  ])('wants to be told %s, and settles nothing without', async (_, args, told) => {
    const id = await unknownOne();
    const { code, complained } = await run('operator', 'settle', id, ...args);
    expect(complained).toMatch(told);
    expect(code).toBe(2);
    expect(await statusOf(id)).toBe('unknown');
  });

  test.each<[string, RegExp]>([
    ['', /is like 5b0f6e3e.*Nothing was settled/],
    ['abc', /or its beginning, at least 4 characters, not "abc"/],
    ['web-001', /is like 5b0f6e3e/],
    ['0000000', /there is no open request "0000000": .*Nothing was settled/],
    ['00000000-0000-4000-8000-000000000000', /see .*\/problems\/request\.not_found/],
  ])('guesses at no id: %j', async (given, told) => {
    const { code, complained } = await run('operator', 'settle', given, '--refused', '--reason', 'x');
    expect(complained).toMatch(told);
    expect(code).toBe(2);
  });

  test('takes the beginning of an id, and says what that means for the targets', async () => {
    const id = await unknownOne();
    const short = id.slice(0, 18);
    const { code, said } = await run('operator', 'settle', short, '--refused', '--reason', 'never came');
    expect({ code, said }).toEqual({
      code: 0,
      said: `Settled as refused, nothing was done and its targets are free again: test.act of 1 target, request ${id}.`,
    });
    expect(await statusOf(id)).toBe('refused');
  });

  test('ends with 1 where a delivery stands, which is never taken back', async () => {
    const id = await unknownOne();
    const done = await run('operator', 'settle', id, '--delivered', '--reason', 'seen', '--json');
    expect(done.code).toBe(0);
    expect(JSON.parse(done.said)).toMatchObject({ id, outcome: { status: 'delivered' } });
    const late = await run('operator', 'settle', id, '--refused', '--reason', 'not seen');
    expect(late.code).toBe(1);
    expect(late.said).toMatch(/^It stays delivered: /);
    expect(await statusOf(id)).toBe('delivered');
  });

  test('is the executor’s too, with the whole id', async () => {
    const id = await unknownOne();
    const short = await run('worker', 'settle', id.slice(0, 18), '--delivered', '--reason', 'my log');
    expect(short).toMatchObject({ code: 2, complained: expect.stringContaining('give the whole id') });
    expect(await run('worker', 'settle', id, '--delivered', '--reason', 'my log')).toMatchObject({ code: 0 });
    expect(await run('bot', 'settle', id, '--delivered', '--reason', 'mine')).toMatchObject({ code: 2 });
  });

  test('that broke off says how to look, and is not asked twice', async () => {
    server.script(res => res.destroy());
    const id = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
    const ran = await runAt(server.url, 'operator', ['settle', id, '--delivered', '--reason', 'x']);
    expect(ran.code).toBe(3);
    expect(ran.complained).toContain(
      `It is not known whether it is settled: interlock audit show ${id} tells.`,
    );
    expect(server.received).toHaveLength(1);
  });
});

describe('cancel', () => {
  beforeEach(() => stands.executor.behave({ type: 'hold' }));
  afterEach(() => stands.executor.release());

  test('takes back what waits, and nothing that was sent', async () => {
    const began = stands.executor.received().length;
    const submit = async () =>
      String((await stands.api.submit('test.queued', [freshHost()], { prefer: 'respond-async' })).body.id);
    const sent = await submit();
    await stands.executor.receivedAtLeast(began + 1);
    const waiting = await submit();
    expect(await run('bot', 'cancel', sent)).toMatchObject({
      code: 1,
      complained: expect.stringContaining('it was claimed'),
    });
    expect(await run('other-bot', 'cancel', waiting)).toMatchObject({ code: 2 });
    const { code, said } = await run('bot', 'cancel', waiting.slice(0, 20));
    expect({ code, said }).toEqual({
      code: 0,
      said: `Cancelled, nothing was sent to its executor: test.queued of 1 target, request ${waiting}.`,
    });
    expect(await statusOf(waiting)).toBe('stopped');
    expect(await run('bot', 'cancel', waiting)).toMatchObject({ code: 1 });
    expect(stands.executor.received()).toHaveLength(began + 1);
  });
});

describe('clock accept', () => {
  test('wants a reason, and a jump', async () => {
    expect(await run('operator', 'clock', 'accept')).toMatchObject({ code: 2 });
    expect(await run('operator', 'clock', 'accept', '--reason', '')).toMatchObject({ code: 2 });
    const agree = await run('operator', 'clock', 'accept', '--reason', 'moved');
    expect(agree).toMatchObject({
      code: 1,
      complained: expect.stringContaining('there is no jump to accept'),
    });
    expect(await run('bot', 'clock', 'accept', '--reason', 'moved')).toMatchObject({ code: 2 });
    expect(await run('operator', 'clock')).toMatchObject({ code: 2 });
  });

  test('says which time holds now, and which did before', async () => {
    const body = {
      ...{ seq: 7, at: '2026-11-28T09:00:00.000Z', accepted: '2026-11-28T09:00:00.000Z' },
      ...{ was: '2026-11-28T11:00:00.000Z', reason: 'moved', by: 'operator' },
    };
    server.script({ status: 200, body });
    const { code, said } = await runAt(server.url, 'operator', ['clock', 'accept', '--reason', 'moved']);
    expect(code).toBe(0);
    expect(said).toContain(
      'Accepted 2026-11-28T09:00:00.000Z as the time; it was 2026-11-28T11:00:00.000Z before.',
    );
    expect(JSON.parse(server.received[0]?.body ?? '')).toEqual({ reason: 'moved' });
    server.script({ status: 503, body: problem('store.unavailable', 503) });
    expect(await runAt(server.url, 'operator', ['clock', 'accept', '--reason', 'm'])).toMatchObject({
      code: 3,
    });
  });
});
