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

async function search(rules: Step, rule = 'budget.window') {
  server.script(NOTHING, NOTHING, rules);
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
