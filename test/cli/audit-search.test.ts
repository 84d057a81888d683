import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { problem, scriptedServer, type Step } from '../client/scripted-server.ts';
import { recordedTerminal } from './recorded-terminal.ts';

let server: Awaited<ReturnType<typeof scriptedServer>>;
beforeAll(async () => {
  server = await scriptedServer();
});
afterAll(() => server.close());
beforeEach(() => {
  vi.stubEnv('INTERLOCK_URL', server.url);
  vi.stubEnv('INTERLOCK_KEY', 'ilk_secret');
  // Each pause is as short as it may be.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const NOTHING: Step = { status: 200, body: { items: [], next: null } };

const POLICY: Step = { status: 200, body: { revision: 'r', limits: { actions: { 'disk.wipe': {} } } } };
const NOT_ALLOWED: Step = { status: 403, body: problem('principal.not_allowed', 403) };
const REQUEST = { id: 'i', action: 'config.push', principal: 'p', decision: 'refused', reasons: [] };
const ONE: Step = { status: 200, body: { items: [REQUEST], next: null } };

async function searchBy(args: readonly string[], ...steps: readonly Step[]) {
  server.script(...steps);
  const terminal = recordedTerminal();
  const code = await runProgram(['audit', 'search', ...args], terminal);
  return { code, complained: terminal.complained.join('\n') };
}

describe('a key that sees only a part', () => {
  test.each([['--csv'], ['--json'], ['--all']])('is told so, whatever is found: %s', async option => {
    for (const found of [NOTHING, ONE]) {
      const { code, complained } = await searchBy([option], found, NOT_ALLOWED);
      expect(code).toBe(0);
      expect(complained).toMatch(/^This key sees only a part: .* An auditor's key sees all\.$/);
      expect(await searchBy([option], found, POLICY)).toEqual({ code: 0, complained: '' });
    }
  });
});

describe('an action that nothing was found for', () => {
  test.each<[string, string, readonly Step[], number, RegExp]>([
    ['has limits', 'disk.wipe', [POLICY, NOTHING, NOTHING, POLICY], 0, /^$/],
    ['was asked for once', 'config.push', [POLICY, ONE, POLICY], 0, /^$/],
    ['was tried once', 'config.push', [POLICY, NOTHING, ONE, POLICY], 0, /^$/],
    [
      'is near to one',
      'disk.wip',
      [POLICY, NOTHING, NOTHING],
      2,
      /knows no action .*did you mean "disk.wipe"/,
    ],
    ['is near to none', 'nope', [POLICY, NOTHING, NOTHING], 2, /the gate knows no action "nope"/],
    ['this key cannot know', 'nope', [NOT_ALLOWED, NOTHING, NOTHING, NOT_ALLOWED], 0, /so there may be one/],
  ])('%s', async (_, action, steps, wanted, says) => {
    const { code, complained } = await searchBy(['--action', action], NOTHING, NOTHING, ...steps);
    expect(complained).toMatch(says);
    expect(code).toBe(wanted);
  });
});

async function search(rules: Step, rule = 'budget.window') {
  server.script(NOTHING, NOTHING, rules, POLICY);
  const terminal = recordedTerminal();
  const code = await runProgram(['audit', 'search', '--rule', rule, '--json'], terminal);
  return { code, complained: terminal.complained.join('\n') };
}

describe('nothing was found for a rule', () => {
  test.each<[string, Step]>([
    ['broke off', res => void res.destroy()],
    ['is a page', { status: 200, body: '<html>sign on</html>' }],
    ['is JSON of something else', { status: 200, body: { status: 'ok' } }],
    ['lists none', { status: 200, body: { rules: {} } }],
    ['lists them otherwise', { status: 200, body: { rules: 'budget.window' } }],
    ['has no list', { status: 200, body: { rules: null } }],
    ['is a no', { status: 406, body: problem('request.not_acceptable', 406) }],
    ['is not found', { status: 404, body: 'not found' }],
  ])('of which it is not known whether there is one: the list of rules %s', async (_, rules) => {
    const { code, complained } = await search(rules);
    expect(code).toBe(3);
    expect(complained).toMatch(/did not say which rules it knows, so "budget\.window" may be none/);
    expect(complained).not.toMatch(/crashed|knows no rule/);
  });

  test('that there is, and of one that there is not', async () => {
    const info = { step: 'decide', status: 429, title: 'x', explain: 'y' };
    const body = (name: string): Step => ({ status: 200, body: { rules: { [name]: info } } });
    expect(await search(body('budget.window'))).toEqual({ code: 0, complained: '' });
    expect(await search(body('budget.windows'))).toMatchObject({
      code: 2,
      complained: expect.stringContaining('knows no rule "budget.window": did you mean "budget.windows"?'),
    });
    expect(server.received.at(-1)).toMatchObject({ path: '/problems', method: 'GET' });
  });

  test('by which nothing is ever recorded', async () => {
    const body = { rules: { 'action.unknown': { step: 'shape', status: 422, title: 'x', explain: 'y' } } };
    const { code, complained } = await search({ status: 200, body }, 'action.unknown');
    expect(code).toBe(2);
    expect(complained).toMatch(/refused by action\.unknown is never recorded.*the log of the gate has it/);
  });
});
