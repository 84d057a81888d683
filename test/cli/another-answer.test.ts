import { describe, expect, test } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { targetsOf } from '../client/scripted-server.ts';
import { againstServer } from './against-server.ts';
import { recordedTerminal } from './recorded-terminal.ts';

// A yes to another question, as a cache, a proxy or another gate may give it, is no yes to this one.

const { server } = againstServer();

const ID = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a55';
const OTHER = '5b0f6e3e-6d0c-4a3e-9d57-0b1f6a3f8a56';

async function run(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runProgram(args, terminal);
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

const allowed = (mode: string, more: object = {}): object => ({
  ...{ id: ID, mode, decision: 'allowed', action: 'disk.wipe', targets: targetsOf('b', 'a'), reasons: [] },
  ...{ status: 200, ...(mode === 'request' && { outcome: { status: 'delivered', attempts: 1 } }), ...more },
});
const without = (name: string): object =>
  Object.fromEntries(Object.entries(allowed('preflight')).filter(([member]) => member !== name));

const PREFLIGHT = ['preflight', 'disk.wipe', 'a', 'b', '--reason', 'r'];
const SUBMIT = ['submit', 'disk.wipe', 'a', 'b', '--reason', 'r', '--wait', '1s'];
const SELECTED = ['preflight', 'disk.wipe', '--selector', 'rack=r1', '--expect', '2', '--reason', 'r'];

test.each<[string, object, string[]]>([
  ['a pre-flight', allowed('preflight'), PREFLIGHT],
  ['a pre-flight of a selector', allowed('preflight', { targets: { count: 2 } }), SELECTED],
  ['a request', allowed('request'), SUBMIT],
])('the answer to what was asked is believed: %s', async (_, body, args) => {
  server.script({ status: 200, body });
  expect((await run(...args)).code).toBe(0);
});

describe('an allow could not be told where it is', () => {
  test.each<[string, object, string[]]>([
    ['of another action', allowed('preflight', { action: 'config.push' }), PREFLIGHT],
    ['of fewer targets', allowed('preflight', { targets: targetsOf('a') }), PREFLIGHT],
    ['of other targets', allowed('preflight', { targets: targetsOf('a', 'c') }), PREFLIGHT],
    ['of another number than was expected', allowed('preflight', { targets: { count: 3 } }), SELECTED],
    ['of a request', allowed('request'), PREFLIGHT],
    ['beside a reason', allowed('preflight', { reasons: [{ rule: 'a.b', message: 'no' }] }), PREFLIGHT],
    ['beside another status', allowed('preflight', { status: 423 }), PREFLIGHT],
    ['without an action', without('action'), PREFLIGHT],
    ['without targets', without('targets'), PREFLIGHT],
    ['without reasons', without('reasons'), PREFLIGHT],
    ['a delivery of another action', allowed('request', { action: 'config.push' }), SUBMIT],
    ['a pre-flight', allowed('preflight', { outcome: { status: 'delivered' } }), SUBMIT],
  ])('%s', async (_, body, args) => {
    server.script({ status: 200, body });
    const { code, said, complained } = await run(...args);
    expect({ code, said }).toEqual({ code: 3, said: '' });
    expect(complained).toContain('it answered 200, and not to what was asked: it is ');
    expect(server.received).toHaveLength(1);
  });
});

test('a refusal of another action is none of this one', async () => {
  const body = { ...allowed('preflight'), decision: 'refused', action: 'config.push' };
  server.script({ status: 200, body });
  expect((await run(...PREFLIGHT)).code).toBe(3);
});

test('a look that is answered with another request leaves it as it was', async () => {
  server.script(
    { status: 202, body: allowed('request', { outcome: { status: 'pending', attempts: 1 } }) },
    { status: 200, body: allowed('request', { id: OTHER }) },
  );
  const { code, said } = await run(...SUBMIT);
  expect(code).toBe(3);
  expect(said).toContain('what became of it is not known yet');
});

test.each([
  ['settle', ID, '--delivered', '--reason', 'r'],
  ['cancel', ID],
  ['audit', 'show', ID],
])('what is said of another request is not said of this one: %s', async (...args) => {
  server.script({ status: 200, body: allowed('request', { id: OTHER }) });
  expect(await run(...args)).toMatchObject({ code: 3, said: '' });
  server.script({ status: 200, body: allowed('request', { id: ID.toUpperCase() }) });
  expect((await run(...args)).complained).not.toContain('not to what was asked');
});

test.each<[string, object]>([
  ['another artifact', { artifact: `sha256:${'b'.repeat(64)}` }],
  ['another name', { name: 'health' }],
  ['another status', { status: 'failed' }],
  ['one value', { dimension: 'zone', value: 'eu-1' }],
])('evidence of %s is not what was posted', async (_, other) => {
  const seen = { artifact: `sha256:${'a'.repeat(64)}`, name: 'canary', status: 'passed' };
  const post = ['evidence', 'post', seen.artifact, seen.name, seen.status];
  const entry = { ...seen, seq: 7, by: 'tester', at: '2026-11-28T00:00:00Z' };
  server.script({ status: 201, body: { ...entry, ...other } });
  expect(await run(...post)).toMatchObject({ code: 3, said: '' });
  server.script({ status: 201, body: entry });
  expect((await run(...post)).code).toBe(0);
});

test('a switch of another scope is not the one that was engaged, and the release of another not this one', async () => {
  const engaged = { id: OTHER, scope: { action: 'a.b' }, reason: 'r', except: [], on_the_wire: [] };
  server.script({ status: 201, body: { ...engaged, stopped: [], took_ms: 1 } });
  expect(await run('kill', '--reason', 'r')).toMatchObject({ code: 3, said: '' });
  expect((await run('kill', '--action', 'a.b', '--reason', 'r')).code).toBe(0);
  server.script({ status: 200, body: { ...engaged, released_at: '2026-11-28T00:00:00Z' } });
  expect(await run('kill', 'release', ID, '--reason', 'r')).toMatchObject({ code: 3, said: '' });
});
