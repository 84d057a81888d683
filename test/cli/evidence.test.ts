import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { scriptedServer } from '../client/scripted-server.ts';
import { hosts } from '../support/api.ts';
import { keyOf, wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const stands = standing({
  store: 'embedded',
  inventory: { host: hosts('web', 3) },
  limits: {
    actions: {
      'test.act': {
        ...wideLimits,
        require_evidence: ['canary', 'health'].map(name => ({ name, max_age: '24h' })),
      },
    },
  },
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
  const code = await runProgram(['evidence', ...args], terminal);
  return { code, said: terminal.said, complained: terminal.complained.join('\n') };
}

const run = async (as: string, ...args: string[]) => await runAt(stands.gate.url, as, args);

const artifact = (digit: string): string => `sha256:${digit.repeat(64)}`;
const A = artifact('a');

const listed = async (of: string): Promise<Record<string, unknown>[]> => {
  const { said } = await run('auditor', 'list', '--artifact', of, '--json');
  return said.map((line): Record<string, unknown> => Object(JSON.parse(line)));
};

describe('evidence post', () => {
  test.each<[string, string[], RegExp]>([
    ['without a status', [A, 'canary'], /missing required argument 'status'/],
    ['with a status that there is not', [A, 'canary', 'ok'], /Allowed choices are passed, failed, unknown/],
    ['of a blank artifact', ['', 'canary', 'passed'], /the artifact "" is not a digest/],
    ['of a name', ['agent', 'canary', 'passed'], /the artifact "agent" is not a digest/],
    ['under no name', [A, ' ', 'passed'], /has a name, like canary. Nothing was recorded/],
    ['of half a value', [A, 'canary', 'passed', '--dimension', 'region'], /belong together/],
    ['of a value of nothing', [A, 'canary', 'passed', '--value', 'eu'], /belong together/],
    ['of a blank value', [A, 'canary', 'passed', '--dimension', 'region', '--value', ''], /not blank/],
    ['of a blank dimension', [A, 'canary', 'passed', '--dimension', ' ', '--value', 'eu'], /not blank/],
    [
      'of two values',
      [A, 'canary', 'passed', '--dimension', 'region', '--value', 'eu', '--value', 'us'],
      /--value.*twice/,
    ],
    [
      'of a label that there is not',
      [A, 'canary', 'passed', '--dimension', 'regoin', '--value', 'eu'],
      /did you mean "region"/i,
    ],
  ])('%s records nothing, and ends with 2', async (_, args, told) => {
    const { code, complained, said } = await run('observer', 'post', ...args);
    expect(complained).toMatch(told);
    expect({ code, said }).toEqual({ code: 2, said: [] });
    expect(await listed(A)).toEqual([]);
  });

  test.each(['bot', 'auditor', 'operator'])('is not the business of %s', async as => {
    expect(await run(as, 'post', A, 'canary', 'passed')).toMatchObject({ code: 2 });
    expect(await listed(A)).toEqual([]);
  });

  test('records what was seen, of the whole or of one value, and a failure is no failure of the command', async () => {
    const of = artifact('b');
    const whole = await run('observer', 'post', of, 'canary', 'passed');
    expect(whole.said.join()).toMatch(
      /^Recorded: canary passed of the whole, as entry \d+ of the audit trail\. Requests by observer itself do not see it\.$/,
    );
    const part = ['--dimension', 'region', '--value', 'eu'];
    const failed = await run('observer', 'post', of, 'canary', 'failed', ...part, '--json');
    expect([whole.code, failed.code]).toEqual([0, 0]);
    expect(JSON.parse(failed.said.join())).toMatchObject({ artifact: of, status: 'failed', by: 'observer' });
    expect(await listed(of)).toMatchObject([
      { name: 'canary', status: 'failed', dimension: 'region', value: 'eu', by: 'observer' },
      { name: 'canary', status: 'passed' },
    ]);
  });

  test('of what nothing answers to is recorded, and warns of it on stderr', async () => {
    const of = artifact('e');
    const slip = ['post', of, 'canry', 'failed', '--dimension', 'region', '--value', 'eu1'];
    const warnings = [
      'warning: No target of any kind has region eu1 now: did you mean eu?',
      'warning: No limit asks for evidence of the name canry: did you mean canary?',
    ].join('\n');
    const posted = await run('observer', ...slip);
    expect(posted).toMatchObject({ code: 0, complained: warnings });
    expect(posted.said.join()).toMatch(/^Recorded: canry failed of region=eu1, as entry/);
    const json = await run('observer', ...slip, '--json');
    expect(json).toMatchObject({ code: 0, complained: warnings });
    expect(JSON.parse(json.said.join())).toMatchObject({
      name: 'canry',
      warnings: [{}, {}].map(() => expect.any(String)),
    });
    expect(await listed(of)).toHaveLength(2);
    const right = await run(
      'observer',
      'post',
      of,
      'canary',
      'failed',
      '--dimension',
      'region',
      '--value',
      'eu',
    );
    expect(right).toMatchObject({ code: 0, complained: '' });
  });

  test('that broke off is not sent twice, and says how to look', async () => {
    server.script(res => res.destroy());
    const ran = await runAt(server.url, 'observer', ['post', A, 'canary', 'failed']);
    expect(ran.code).toBe(3);
    expect(ran.complained).toContain(
      `It is not known whether it is recorded: interlock evidence list --artifact ${A} tells.`,
    );
    expect(server.received).toHaveLength(1);
  });
});

describe('evidence list', () => {
  const of = artifact('c');
  beforeAll(async () => {
    for (const status of ['failed', 'unknown', 'passed'])
      expect((await run('observer', 'post', of, 'health', status)).code).toBe(0);
  });

  test('shows the newest first, and says that there is more', async () => {
    const { code, said, complained } = await run('auditor', 'list', '--artifact', of, '--limit', '2');
    expect(code).toBe(0);
    expect(said.map(line => line.split(/ {2,}/))).toEqual([
      ['SEEN', 'NAME', 'STATUS', 'WHERE', 'BY'],
      [expect.any(String), 'health', 'passed', 'the whole', 'observer'],
      [expect.any(String), 'health', 'unknown', 'the whole', 'observer'],
    ]);
    expect(complained).toMatch(/The newest 2 entries are shown; --all shows all/);
    const all = await run('auditor', 'list', '--artifact', of, '--all', '--json');
    expect(all.said).toHaveLength(3);
    expect(all.complained).toBe('');
  });

  test('names the artifact where it shows all of them', async () => {
    const { said } = await run('observer', 'list');
    expect(said[0]).toMatch(/ARTIFACT$/);
    expect(said[1]).toContain(of);
  });

  test('that finds none says so', async () => {
    const { code, said } = await run('auditor', 'list', '--artifact', artifact('d'));
    expect({ code, said }).toEqual({ code: 0, said: ['There is no evidence of this artifact.'] });
  });

  test('takes no blank for all', async () => {
    expect(await run('auditor', 'list', '--artifact', '')).toMatchObject({ code: 2, said: [] });
    expect(await run('bot', 'list')).toMatchObject({ code: 2, said: [] });
  });
});
