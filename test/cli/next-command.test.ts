import { spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { describe, expect, test, vi } from 'vitest';
import { nextCommandOf } from '../../src/cli/next-command.ts';
import { runProgram } from '../../src/cli/program.ts';
import { shellWord } from '../../src/cli/shell-word.ts';
import { problem, type Step, targetsOf } from '../client/scripted-server.ts';
import { againstServer } from './against-server.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const { files, server } = againstServer();

function keyFile(name: string, key: string): string {
  const file = files.write(name, `${key}\n`);
  chmodSync(file, 0o600);
  return file;
}

const ID = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const ARTIFACT = `sha256:${'a'.repeat(64)}`;
const ENGAGED = {
  ...{ id: ID, scope: {}, reason: '', except: [], engaged_at: '2026-11-28T03:00:00Z', engaged_by: 'oncall' },
  ...{ on_the_wire: [], stopped: [], took_ms: 1 },
};

async function run(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runProgram(args, terminal);
  return { code, all: [...terminal.said, ...terminal.complained].join('\n'), terminal };
}

/** What a POSIX shell makes of a line that was printed. */
function typed(line: string): string[] {
  const ran = spawnSync('sh', ['-c', `interlock() { printf '%s\\0' "$@"; }\n${line}`], { encoding: 'utf8' });
  expect(ran.stderr).toBe('');
  return ran.stdout.split('\0').slice(0, -1);
}

const printed = (all: string, command: string): string =>
  new RegExp(`interlock ${command}.*`).exec(all)?.[0] ?? '';

describe('how to release what was engaged', () => {
  test('runs as it is printed: by the gate and the key that kill was given', async () => {
    vi.stubEnv('INTERLOCK_URL', undefined);
    vi.stubEnv('INTERLOCK_KEY', undefined);
    const key = keyFile("on call's $(touch BROKEN) `key`.txt", 'ilk_on_call');
    server.script({ status: 201, body: ENGAGED });
    const { all } = await run('kill', '--url', server.url, '--key-file', key);
    const line = printed(all, 'kill release');
    expect(line).toContain('--reason "…"');
    expect(all).not.toContain('ilk_on_call');

    server.script({
      status: 200,
      body: { ...ENGAGED, released_at: '', released_by: '', release_reason: '' },
    });
    await run(...typed(line));
    const [received] = server.received;
    expect(received?.path).toBe(`/v1/kill-switch/${ID}/release`);
    expect(received?.headers.authorization).toBe('Bearer ilk_on_call');
  });

  test('names the gate that --config gave', async () => {
    vi.stubEnv('INTERLOCK_URL', undefined);
    const config = files.write('listening.yaml', `listen: "${new URL(server.url).host}"\n`);
    server.script({ status: 201, body: ENGAGED });
    const { all } = await run('kill', '--config', config);
    expect(typed(printed(all, 'kill release')).slice(3)).toEqual(['--reason', '…', '--url', server.url]);
  });

  test('says nothing again that the environment says', async () => {
    server.script({ status: 201, body: ENGAGED });
    const { all } = await run('kill');
    expect(all).toMatch(new RegExp(`^ {2}interlock kill release ${ID} --reason "…"$`, 'm'));
  });
});

const lost: Step = res => void res.destroy();
const unknown = {
  ...{ id: ID, mode: 'request', decision: 'allowed', action: 'disk.wipe', reasons: [] },
  ...{ targets: targetsOf('a'), outcome: { status: 'unknown' } },
};
const pending = { ...unknown, outcome: { status: 'pending', attempts: 0 } };
const ask = ['submit', 'disk.wipe', 'a', '--reason', 'r', '--no-wait'];

describe('every command that is printed as the next step names the same gate', () => {
  test.each<[string, string[], Step, string]>([
    ['kill', ['kill'], lost, 'kill status'],
    ['kill release', ['kill', 'release', ID, '--reason', 'r'], lost, 'kill status'],
    ['settle', ['settle', ID, '--refused', '--reason', 'r'], lost, `audit show ${ID}`],
    ['cancel', ['cancel', ID], lost, `audit show ${ID}`],
    ['clock accept', ['clock', 'accept', '--reason', 'r'], lost, 'doctor'],
    [
      'inventory load',
      ['inventory', 'load', 'host', files.write('h.ndjson', '{"id":"a"}\n')],
      lost,
      'inventory summary',
    ],
    ['evidence post', ['evidence', 'post', ARTIFACT, 'canary', 'passed'], lost, 'evidence list'],
    ['submit', ask, { status: 202, body: pending }, `audit show ${ID}`],
    ['submit', ask, { status: 202, body: pending }, `cancel ${ID}`],
  ])('%s', async (_, args, step, command) => {
    const key = keyFile('own.key', 'ilk_own');
    server.script(step);
    const { all } = await run(...args, '--url', server.url, '--key-file', key);
    expect(printed(all, command)).toContain(` --url ${server.url} --key-file ${key}`);
  });

  test.each<[string, string[], Step, string]>([
    [
      'a settlement',
      ask,
      { status: 504, body: { ...problem('executor.unknown', 504), ...unknown } },
      'settle',
    ],
    ['a load', ['inventory', 'summary'], { status: 200, body: { kinds: [] } }, 'inventory load'],
  ])('but %s, which is by another role, takes no key of this one', async (_, args, step, command) => {
    const key = keyFile('own.key', 'ilk_own');
    server.script(step);
    const { all } = await run(...args, '--url', server.url, '--key-file', key);
    // Nothing stands behind it that would be pasted, too.
    expect(printed(all, command)).toMatch(new RegExp(` --url ${server.url}$`));
    expect(printed(all, command)).not.toContain('--key-file');
  });
});

test('certificates are named as they were given, and those of another are not', () => {
  const next = nextCommandOf({
    ...{ url: 'https://[::1]:7070', keyFile: 'k', ca: 'own ca.pem', cert: 'c', certKey: 'c.key' },
  });
  expect(next('kill status')).toBe(
    "interlock kill status --url 'https://[::1]:7070' --ca 'own ca.pem' --key-file k --cert c --cert-key c.key",
  );
  expect(next('settle x', 'another')).toBe("interlock settle x --url 'https://[::1]:7070' --ca 'own ca.pem'");
});

test.each([
  '',
  'a b',
  "it's",
  '$HOME',
  '`x`',
  '~root',
  '=ls',
  'a;b',
  '*',
  '#x',
  'a\\b',
  '!x',
  'ü',
  'a.b/c:1',
])('a shell reads %j as the one word that it is', text => {
  expect(typed(`interlock ${shellWord(text)}`)).toEqual([text]);
});

test.each([
  [0, true],
  [1, false],
])('after %d attempts that a request can be cancelled is said: %j', async (attempts, isSaid) => {
  server.script({ status: 202, body: { ...pending, outcome: { status: 'pending', attempts } } });
  const { all } = await run(...ask);
  expect(all).toContain(`Look:   interlock audit show ${ID}`);
  expect(all.includes(`Cancel: interlock cancel ${ID}`)).toBe(isSaid);
});
