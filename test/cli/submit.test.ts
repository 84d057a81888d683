import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { problem, scriptedServer, targetsOf, type Step } from '../client/scripted-server.ts';
import { temporaryFolder } from '../config/files.ts';
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
beforeEach(() => {
  vi.stubEnv('INTERLOCK_URL', server.url);
  vi.stubEnv('INTERLOCK_KEY', 'ilk_secret');
  vi.stubEnv('XDG_CONFIG_HOME', path.dirname(files.write('nothing/here', '')));
  vi.stubEnv('GITHUB_ACTIONS', '');
  // Each pause is as short as it may be.
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

async function run(...args: string[]) {
  const terminal = recordedTerminal();
  const code = await runProgram(args, terminal);
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

const SUBMIT = ['submit', 'disk.wipe', 'a', '--reason', 'r'];
const PREFLIGHT = ['preflight', 'disk.wipe', 'a', '--reason', 'r'];
const decided = (decision: string, more: object = {}): object => ({
  ...{ id: '1', mode: 'request', decision, action: 'disk.wipe', reasons: [], targets: targetsOf('a') },
  ...more,
});
const outcome = (status: string, attempts = 1): object =>
  decided('allowed', { outcome: { status, attempts } });
const sentBody = (): unknown => JSON.parse(server.received[0]?.body ?? '');

describe('the exit code says what became of it', () => {
  test.each<[number, string, Step]>([
    [0, 'done', { status: 200, body: outcome('delivered') }],
    [1, 'refused there', { status: 502, body: problem('executor.refused', 502, outcome('refused')) }],
    [1, 'stopped', { status: 423, body: problem('kill_switch.engaged', 423, outcome('stopped')) }],
    [
      1,
      'refused',
      {
        status: 403,
        body: problem('a.b', 403, decided('refused', { reasons: [{ rule: 'a.b', message: 'no' }] })),
      },
    ],
    [2, 'a wrong key', { status: 401, body: problem('request.unauthenticated', 401) }],
    [2, 'a malformed request', { status: 400, body: problem('request.malformed', 400) }],
    [
      2,
      'a field that is not as it must be',
      {
        status: 422,
        body: problem(
          'request.invalid',
          422,
          decided('refused', { reasons: [{ rule: 'request.invalid', message: 'no' }] }),
        ),
      },
    ],
    [
      2,
      'a role that may not',
      {
        status: 403,
        body: problem(
          'principal.not_allowed',
          403,
          decided('refused', { reasons: [{ rule: 'principal.not_allowed', message: 'no' }] }),
        ),
      },
    ],
    [3, 'unknown', { status: 504, body: problem('executor.unknown', 504, outcome('unknown')) }],
    [3, 'an outcome that is not known here', { status: 200, body: outcome('perhaps') }],
    [3, 'an allow without an outcome', { status: 200, body: decided('allowed') }],
    [3, 'a decision that is not known here', { status: 200, body: decided('maybe') }],
    [3, 'no answer of a gate', { status: 404, body: '<html>' }],
  ])('%i: %s', async (code, _, step) => {
    server.script(step);
    expect((await run(...SUBMIT)).code).toBe(code);
    expect(server.received).toHaveLength(1);
  });

  test('3 for a 200 that is no answer of a gate, which no further attempt mends', async () => {
    server.script({ status: 200, body: {} });
    const { code, complained } = await run(...SUBMIT);
    expect(code).toBe(3);
    expect(complained).toMatch(/It may have been decided .* --idempotency-key [0-9a-f-]{36}$/);
    expect(server.received).toHaveLength(1);
  });

  test('0 with --no-wait while it is under way, and 3 where the wait ends first', async () => {
    server.script({ status: 202, body: outcome('pending') });
    expect((await run(...SUBMIT, '--no-wait')).code).toBe(0);
    expect(server.received[0]?.headers['prefer']).toBe('wait=0');
    server.script({ status: 202, body: outcome('pending') });
    const late = await run(...SUBMIT, '--wait', '1s');
    expect(late.code).toBe(3);
    expect(late.complained).toMatch(/--idempotency-key [0-9a-f-]{36}$/);
    expect(late.said).toContain('allowed and sent; what became of it is not known yet');
  });

  test('0 with --no-wait while it waits for a place at its executor, which it says', async () => {
    server.script({ status: 202, body: outcome('pending', 0) });
    const { code, said } = await run(...SUBMIT, '--no-wait');
    expect(code).toBe(0);
    expect(said).toContain('allowed, and not sent yet: it waits for a place at its executor');
  });

  test('of the outcome that came later, however long it may wait', async () => {
    server.script({ status: 202, body: outcome('pending') }, { status: 200, body: outcome('delivered') });
    expect((await run(...SUBMIT, '--wait', '30d')).code).toBe(0);
    server.script({ status: 202, body: outcome('pending') }, { status: 200, body: outcome('delivered') });
    expect((await run(...SUBMIT, '--wait', '36500d')).code).toBe(0);
  });

  test('of the outcome that came later, where its executor was asked again meanwhile', async () => {
    const asked = { outcome: { status: 'unknown', attempts: 1, tries_again: true } };
    const again = { status: 202, body: decided('allowed', asked) };
    server.script(again, { ...again, status: 200 }, { status: 200, body: outcome('delivered') });
    expect((await run(...SUBMIT)).code).toBe(0);
    server.script(again);
    expect((await run(...SUBMIT, '--no-wait')).code).toBe(0);
    server.script(again, { ...again, status: 200 });
    const late = await run(...SUBMIT, '--wait', '1s');
    expect(late.code).toBe(3);
    expect(late.said).toContain('its executor is asked again');
    expect(late.said).not.toContain('settle');
    expect(late.complained).toMatch(/Look: {3}interlock audit show 1\n.*--idempotency-key [0-9a-f-]{36}$/);
  });

  test('of the outcome that came later', async () => {
    server.script(
      { status: 202, body: outcome('pending') },
      { status: 200, body: outcome('pending') },
      { status: 200, body: outcome('delivered') },
    );
    const { code, said } = await run(...SUBMIT, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(said)).toMatchObject({ outcome: { status: 'delivered' } });
    expect(server.received.map(({ method, path: at }) => `${method} ${at}`)).toEqual([
      'POST /v1/requests',
      'GET /v1/requests/1',
      'GET /v1/requests/1',
    ]);
  });
});

describe('the key to go on with is said', () => {
  const STALE = { reasons: [{ rule: 'inventory.stale', message: 'no' }] };
  test.each<[number, string, Step]>([
    [3, 'that may have been allowed', { status: 503, body: problem('forward.commit_unknown', 503) }],
    [3, 'to a gate that is stopping', { status: 503, body: problem('gate.stopping', 503) }],
    [3, 'that is a fault', { status: 503, body: problem('gate.failed', 503, decided('fault')) }],
    [
      1,
      'refused for an inventory that is too old',
      { status: 503, body: problem('inventory.stale', 503, decided('refused', STALE)) },
    ],
    [
      1,
      'over a budget that is free again later',
      {
        status: 429,
        body: problem('budget.window', 429, decided('refused')),
        headers: { 'retry-after': '3600' },
      },
    ],
  ])('%i: of a request %s', async (code, _, step) => {
    server.script(step);
    const ran = await run(...SUBMIT);
    expect(ran.code).toBe(code);
    expect(ran.complained).toMatch(/--idempotency-key [0-9a-f-]{36}$/);
    expect(ran.complained).toContain(String(server.received[0]?.headers['idempotency-key']));
  });

  test.each<[string, Step]>([
    [
      'keeps its answer for good: an allow that was stopped',
      { status: 503, body: problem('forward.drifted', 503, outcome('stopped')) },
    ],
    ['is answered for good: a refusal', { status: 403, body: problem('a.b', 403, decided('refused')) }],
    ['is done', { status: 200, body: outcome('delivered') }],
  ])('but not of one that %s', async (_, step) => {
    server.script(step);
    expect((await run(...SUBMIT)).complained).not.toContain('--idempotency-key');
  });

  test('but not where no connection was ever made, for nothing was asked', async () => {
    const nobody = await scriptedServer();
    nobody.close();
    const { code, complained } = await run(...SUBMIT, '--url', nobody.url);
    expect(code).toBe(3);
    expect(complained).toContain('Nothing was asked: there was no connection.');
    expect(complained).not.toContain('may have been');
  });
});

describe('wrong use ends with 2, and nothing is sent', () => {
  const list = (name: string, text: string): string => files.write(name, text);
  const key = list('key', '\n');
  chmodSync(key, 0o600);
  test.each<[string, string[], RegExp]>([
    ['no targets', ['--reason', 'r'], /no targets/],
    ['no reason', ['a'], /--reason/],
    ['a blank reason', ['a', '--reason', ' '], /--reason is blank/],
    ['a reason of two lines', ['a', '--reason', 'one\n\ntwo'], /--reason holds line breaks.*its first line/],
    ['a target that is blank', ['', '--reason', 'r'], /a target is blank/],
    ['a range that does not parse', ['a[1-', '--reason', 'r'], /does not parse/],
    ['a selector without --expect', ['--selector', 'rack=r1', '--reason', 'r'], /--expect N/],
    ['a selector without a value', ['--selector', 'rack=', '--expect', '1', '--reason', 'r'], /blank/],
    ['a selector that is none', ['--selector', 'rack', '--expect', '1', '--reason', 'r'], /not label=value/],
    ['a label twice', ['--selector', 'a=1', '--selector', 'a=2', '--expect', '1', '--reason', 'r'], /twice/],
    ['both', ['a', '--selector', 'a=1', '--expect', '1', '--reason', 'r'], /not both/],
    ['nothing expected', ['a', '--expect', '0', '--reason', 'r'], /whole number from 1 to 200,000/],
    ['more than any request may have', ['a', '--expect', '200001', '--reason', 'r'], /from 1 to 200,000/],
    [
      'a file without targets',
      ['--targets-from', list('empty', '# none\n\n'), '--reason', 'r'],
      /holds no target/,
    ],
    [
      'a file that ends within a line',
      ['--targets-from', list('cut-off', 'web-1\nweb-1'), '--reason', 'r'],
      /ends within a line.*"web-1" may be half a name.*Nothing was asked/,
    ],
    [
      'a file that is not there',
      ['--targets-from', '/nowhere', '--reason', 'r'],
      /there is no file "\/nowhere"/,
    ],
    ['a parameter without a name', ['a', '--param', '=1', '--reason', 'r'], /not name=value/],
    ['a parameter twice', ['a', '--param', 'x=1', '--param', 'x=2', '--reason', 'r'], /given twice/],
    ['a number that would become another', ['a', '--param', 'x=12345678901234567890', '--reason', 'r'], /x/],
    ['a wait without a unit', ['a', '--wait', '5', '--reason', 'r'], /number with a unit/],
    ['a key file that is empty', ['a', '--key-file', key, '--reason', 'r'], /is empty/],
    ['a URL that is none', ['a', '--url', 'nowhere', '--reason', 'r'], /URL of the gate/],
    ['an idempotency key with blanks', ['a', '--idempotency-key', 'a b', '--reason', 'r'], /idempotency key/],
  ])('%s', async (_, args, expected) => {
    server.script({ status: 200, body: outcome('delivered') });
    const { code, complained } = await run('submit', 'disk.wipe', ...args);
    expect(complained).toMatch(expected);
    expect(code).toBe(2);
    expect(server.received).toEqual([]);
  });
});

describe('where the key comes from', () => {
  const settings = (text: string, mode: number): void => {
    const file = files.write('xdg/interlock/client.yaml', text);
    chmodSync(file, mode);
    vi.stubEnv('XDG_CONFIG_HOME', path.resolve(path.dirname(file), '..'));
    vi.stubEnv('INTERLOCK_KEY', undefined);
  };

  test('a file that others can read is refused, and its key is not said', async () => {
    settings(`url: ${server.url}\nkey: ilk_other\n`, 0o644);
    const { code, complained } = await run(...SUBMIT);
    expect(code).toBe(2);
    expect(complained).toMatch(/chmod 600/);
    expect(complained).not.toContain('ilk_other');
  });

  test('the file of the user, for the gate that it names and for no other', async () => {
    settings(`url: ${server.url}\nkey: ilk_other\n`, 0o600);
    server.script({ status: 200, body: outcome('delivered') });
    expect((await run(...SUBMIT)).code).toBe(0);
    expect(server.received[0]?.headers.authorization).toBe('Bearer ilk_other');
    server.script({ status: 200, body: outcome('delivered') });
    const elsewhere = await run(...SUBMIT, '--url', server.url.replace('127.0.0.1', 'localhost'));
    expect(elsewhere).toMatchObject({ code: 2, complained: expect.stringContaining('no key for') });
    expect(server.received).toEqual([]);
  });

  test('a variable that is blank is told', async () => {
    vi.stubEnv('INTERLOCK_KEY', '');
    expect(await run(...SUBMIT)).toMatchObject({
      code: 2,
      complained: expect.stringContaining('INTERLOCK_KEY is set, but blank'),
    });
  });
});

test('what a request carries is what was typed', async () => {
  server.script({ status: 200, body: outcome('delivered') });
  const artifact = `sha256:${'0a'.repeat(32)}`;
  await run(
    ...[...SUBMIT, '--assert', 'zone=nyc1', '--assert', 'rack=r1', '--artifact', artifact],
    ...['--plan', 'dns@us-east-1@812', '--effect', 'records=812:811', '--effect', 'zones=0:9007199254740991'],
  );
  expect(sentBody()).toEqual({
    action: 'disk.wipe',
    targets: { ids: ['a'], asserts: { zone: 'nyc1', rack: 'r1' } },
    reason: 'r',
    artifact,
    plan: { name: 'dns@us-east-1', generation: 812 },
    effects: { records: { before: 812, after: 811 }, zones: { before: 0, after: 9_007_199_254_740_991 } },
  });
});

test.each([
  ...['', '=', 'zone', 'zone=', '=nyc1', 'zone= '].map(text => ['--assert', text]),
  ['--assert', 'zone=a', '--assert', 'zone=b'],
  ...['', ' ', 'agent', 'sha256:', `SHA256:${'0a'.repeat(32)}`, `sha256:${'0a '.repeat(32)}`].map(text => [
    '--artifact',
    text,
  ]),
  ...['', 'dns', 'dns@', '@812', 'dns@-1', 'dns@1.5', 'dns@0x10', 'dns@08', `dns@${'9'.repeat(20)}`].map(
    text => ['--plan', text],
  ),
  ...['', 'records', 'records=', 'records=812', 'records=812:', 'records=:811', '=1:2', 'records=1:2:3'].map(
    text => ['--effect', text],
  ),
  ['--effect', 'records=1e3:1'],
  ['--effect', 'records=1:1', '--effect', 'records=1:2'],
])('half of what a request carries is wrong use, and nothing is asked: %j', async (...flags) => {
  server.script({ status: 200, body: outcome('delivered') });
  const { code, complained } = await run(...SUBMIT, ...flags);
  expect(code).toBe(2);
  expect(complained).toContain(flags[0]);
  expect(server.received).toEqual([]);
});

test('of a line with a # in its middle no part is taken for a name', async () => {
  server.script({ status: 200, body: outcome('delivered') });
  const targets = files.write('marked', 'web-1#2\nweb-3\t# three\n#web-4\n');
  await run('submit', 'disk.wipe', '--targets-from', targets, '--reason', 'r');
  expect(sentBody()).toMatchObject({ targets: { ids: ['web-1#2', 'web-3'] } });
});

test('what is asked is what was typed', async () => {
  server.script({ status: 200, body: outcome('delivered') });
  const targets = files.write('targets', '\ufeffb[1-2] # two\r\n\n  c\n');
  const params = files.write('params.json', '{"deep":{"x":[1]}}');
  const { complained } = await run(
    ...['submit', 'disk.wipe', 'a[08-10]', '--targets-from', targets, '--expect', '6', '--reason', 'r'],
    ...['--ticket', 'T-1', '--on-behalf-of', 'jo', '--param', 'n=3', '--param', 't=x=y', '--param', 's="3"'],
    ...['--params-file', params, '--idempotency-key', 'k-1'],
  );
  expect(sentBody()).toEqual({
    action: 'disk.wipe',
    targets: { ids: ['a08', 'a09', 'a10', 'b1', 'b2', 'c'], expect: 6 },
    reason: 'r',
    ticket: 'T-1',
    on_behalf_of: 'jo',
    parameters: { deep: { x: [1] }, n: 3, t: 'x=y', s: '3' },
  });
  expect(server.received[0]?.headers['idempotency-key']).toBe('k-1');
  expect(complained).toContain('6 targets: a08 … c');
});

const HOSTILE = '\u001b[2J\u009b31m\u202e</failure>]]>&"%0A::warning::x\n::error::y\ud800';
const refusal = (mode: string): object =>
  decided('refused', {
    ...{ mode, status: 403, passes: 33 },
    reasons: [
      {
        rule: 'blast_radius.share',
        message: HOSTILE,
        dimension: 'zone',
        value: 'eu-1',
        measured: 60607,
        limit: 50000,
        unit: 'ppm',
        remedy: 'at most 33',
      },
    ],
  });

test('a refusal says what, where, how much over, what would pass, and the page of its rule', async () => {
  server.script({ status: 403, body: problem('blast_radius.share', 403, refusal('request')) });
  const { said } = await run(...SUBMIT);
  for (const part of [
    'no[blast_radius.share]',
    '--> zone eu-1',
    'measured 6.0607%, limit 5%: 1.0607 percentage points over',
    'would pass: at most 33',
    `${server.url}/problems/blast_radius.share`,
    'The first 33 targets',
  ])
    expect(said).toContain(part);
});

test('a thousand reasons of one rule are a few and the names of some, and the page of the rule once', async () => {
  const reasons = Array.from({ length: 1000 }, (_, at) => ({
    rule: 'targets.already_done',
    message: `it was done to h-${at}`,
    value: `h-${at}`,
  }));
  const share = { rule: 'blast_radius.share', message: 'too much' };
  server.script({
    status: 409,
    body: problem('targets.already_done', 409, decided('refused', { reasons: [share, ...reasons] })),
  });
  const lines = (await run(...SUBMIT)).said.split('\n');
  expect(lines.length).toBeLessThan(20);
  expect(lines).toContain('no[blast_radius.share]: too much');
  expect(lines).toContain('no[targets.already_done]: it was done to h-4');
  expect(lines.filter(line => line.includes('/problems/targets.already_done'))).toHaveLength(1);
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^ {3}… and 995 more reasons of this rule: h-5, h-6, .* and 975 more \(--json has all\)$/,
    ),
  );
});

test('an outcome that nobody knows says how it is settled, and says its detail once', async () => {
  const detail = 'The request was sent, and no whole answer came.';
  const body = { ...decided('allowed', { outcome: { status: 'unknown', detail } }), id: 'an-id' };
  server.script({ status: 504, body: problem('executor.unknown', 504, { ...body, detail }) });
  const { said } = await run(...SUBMIT);
  expect(said).toContain('interlock settle an-id --delivered --reason "…"');
  expect(said.split('no whole answer came')).toHaveLength(2);
});

test('a refusal says when the same would pass, but not of what is in flight: nobody knows when that ends', async () => {
  const full = (rule: string) => {
    const body = decided('refused', { retry_after_s: 4, reasons: [{ rule, message: 'no' }] });
    // What is answered where the last try is made.
    server.script(...Array.from({ length: 5 }, () => ({ status: 429, body: problem(rule, 429, body) })));
  };
  full('budget.window');
  expect((await run(...SUBMIT)).said).toContain('The same request would pass in 4 s');
  full('budget.in_flight');
  expect((await run(...SUBMIT)).said).not.toContain('would pass in');
});

test('a recorded no says that it stays so, and what is decided anew; a recorded yes says neither', async () => {
  const headers = { 'idempotency-replayed': 'true' };
  server.script({ status: 403, headers, body: problem('evidence.missing', 403, decided('refused')) });
  expect((await run(...SUBMIT)).complained).toContain(
    'it stays so, whatever has changed since. To be decided anew, ask with a new key.',
  );
  server.script({ status: 502, headers, body: problem('executor.refused', 502, outcome('refused')) });
  expect((await run(...SUBMIT)).complained).toContain('ask with a new key');
  for (const status of ['delivered', 'unknown', 'pending']) {
    server.script({ status: 200, headers, body: outcome(status) }, { status: 200, body: outcome(status) });
    const { complained } = await run(...SUBMIT, '--no-wait');
    expect(complained).toContain('the same idempotency key.');
    expect(complained).not.toContain('with a new key');
  }
});

test('what was never sent is not said to be refused by an executor that never heard of it', async () => {
  const refused = async (detail: string, more: object = {}) => {
    const body = decided('allowed', { outcome: { status: 'refused', detail, ...more } });
    server.script({ status: 502, body: problem('executor.refused', 502, { ...body, detail }) });
    return await run(...SUBMIT);
  };
  const unsent = await refused('Nothing was sent: no connection was made (ECONNREFUSED).');
  expect(unsent.said).toContain(
    'allowed, but not sent to its executor (no connection was made (ECONNREFUSED))',
  );
  expect(unsent.said).not.toMatch(/refused by its executor|Nothing was sent/);
  expect(unsent.code).toBe(1);
  const answered = await refused('The executor answered 409.', { http_status: 409 });
  expect(answered.said).toContain('allowed, and refused by its executor (the executor answered 409)');
});

test.each([
  [SUBMIT, 'request'],
  [PREFLIGHT, 'pre-flight'],
])('what leaves no record is not shown as a %j that could be looked at', async (command, what) => {
  const mode = what === 'request' ? 'request' : 'preflight';
  const body = decided('refused', {
    id: 'an-id',
    mode,
    reasons: [{ rule: 'action.unknown', message: 'no' }],
  });
  server.script({ status: 422, body: problem('action.unknown', 422, body) });
  const { said } = await run(...command);
  expect(said.split('\n').at(-1)).toBe(
    `not recorded, so that no search finds it: the log of the gate has this ${what} as an-id`,
  );
});

// eslint-disable-next-line no-control-regex
const STEERS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

test.each([[[]], [['--json']]])('nothing of the gate steers the terminal: %j', async more => {
  server.script({ status: 200, body: refusal('preflight') });
  vi.stubEnv('GITHUB_ACTIONS', 'true');
  const { code, said, complained } = await run(...PREFLIGHT, ...more);
  expect(code).toBe(1);
  expect(said + complained).not.toMatch(STEERS);
  const annotations = `${said}\n${complained}`.split('\n').filter(line => line.startsWith('::'));
  expect(annotations).toEqual([
    expect.stringMatching(
      /^::error title=Interlock%3A blast_radius\.share::.*%250A::warning::x.u000a::error::y/,
    ),
  ]);
  if (more.length > 0) expect(JSON.parse(said)).toEqual(refusal('preflight'));
});

test('waits no longer once its key is out, and says so', async () => {
  server.script(
    { status: 202, body: outcome('pending') },
    { status: 401, body: problem('request.unauthenticated', 401) },
  );
  const { code, said, complained } = await run(...SUBMIT, '--wait', '1m');
  expect({ code, looks: server.received.length }).toEqual({ code: 3, looks: 2 });
  expect(said).toContain('what became of it is not known yet');
  expect(complained).toContain('The gate does not take the key any more');
});

describe('preflight --junit', () => {
  const file = path.join(path.dirname(files.write('junit/keep', '')), 'verdict.xml');

  test('writes what is hostile as text', async () => {
    server.script({ status: 200, body: refusal('preflight') });
    await run(...PREFLIGHT, '--junit', file);
    const xml = readFileSync(file, 'utf8');
    expect(xml).toContain('failures="1" errors="0"');
    expect(xml).toContain('&lt;/failure&gt;]]&gt;&amp;&quot;');
    expect(xml).not.toMatch(STEERS);
  });

  test('of an earlier run never speaks for this one', async () => {
    server.script({ status: 200, body: decided('allowed', { mode: 'preflight', status: 200 }) });
    expect((await run(...PREFLIGHT, '--junit', file)).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('failures="0" errors="0"');
    expect((await run('preflight', 'disk.wipe', '--reason', 'r', '--junit', file)).code).toBe(2);
    expect(existsSync(file)).toBe(false);
  });

  test.each<[string, string[]]>([
    ['an option that there is not', ['--junit', file, '--reson', 'r']],
    ['a value that is none, before it', ['--expect', 'many', `--junit=${file}`, '--reason', 'r']],
    ['no reason', ['--junit', file]],
    ['help in between', ['--reason', 'r', '--junit', file, '-h']],
    ['an option that is given twice', ['--reason', 'r', '--reason', 's', '--junit', file]],
  ])('of an earlier run does not outlive %s', async (_, options) => {
    files.write('junit/verdict.xml', 'old');
    expect((await run('preflight', 'disk.wipe', 'a', ...options)).code).toBe(2);
    expect(existsSync(file)).toBe(false);
  });

  test('of an earlier run outlives other commands', async () => {
    files.write('junit/verdict.xml', 'old');
    expect((await run('submit', 'disk.wipe', 'a', '--junit', file)).code).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('old');
  });

  test('that is a link stays one; what an earlier run wrote behind it does not speak for this one', async () => {
    const link = path.join(path.dirname(file), 'link.xml');
    symlinkSync(files.write('junit/behind.xml', 'old'), link);
    expect((await run('preflight', 'disk.wipe', '--reason', 'r', '--junit', link)).code).toBe(2);
    expect(readFileSync(link, 'utf8')).toBe('');
    server.script({ status: 200, body: decided('allowed', { mode: 'preflight', status: 200 }) });
    expect((await run(...PREFLIGHT, '--junit', link)).code).toBe(0);
    expect(readFileSync(link, 'utf8')).toContain('failures="0" errors="0"');
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
  });

  test.each(['/dev/null', 'later.xml'])('that is a link to %s is written there, and stays', async to => {
    const link = path.join(path.dirname(file), `to-${path.basename(to)}`);
    symlinkSync(to, link);
    server.script({ status: 200, body: decided('allowed', { mode: 'preflight', status: 200 }) });
    expect((await run(...PREFLIGHT, '--junit', link)).code).toBe(0);
    expect(readlinkSync(link)).toBe(to);
  });

  test.each<[string, string[]]>([
    ['itself', []],
    ['itself, of a command line that is wrong', ['--expect', 'many']],
  ])('that is the list of targets is told, and the list stays: %s', async (_, more) => {
    const list = files.write('junit/list', 'a\n');
    const link = path.join(path.dirname(list), 'list.xml');
    if (!existsSync(link)) symlinkSync('list', link);
    server.script({ status: 500 });
    for (const junit of [list, link]) {
      const line = [
        'preflight',
        'disk.wipe',
        '--reason',
        'r',
        '--targets-from',
        list,
        '--junit',
        junit,
        ...more,
      ];
      expect((await run(...line)).code).toBe(2);
      expect(readFileSync(list, 'utf8')).toBe('a\n');
    }
    expect(server.received).toEqual([]);
  });

  test('without a name is told before anything is asked', async () => {
    server.script({ status: 500 });
    expect((await run(...PREFLIGHT, '--junit', '')).code).toBe(2);
    expect(server.received).toEqual([]);
  });

  test('that is a pipe is written there, and stays', async () => {
    const pipe = path.join(path.dirname(file), 'pipe');
    spawnSync('mkfifo', [pipe]);
    server.script({ status: 200, body: decided('allowed', { mode: 'preflight', status: 200 }) });
    const [{ code }, read] = await Promise.all([run(...PREFLIGHT, '--junit', pipe), readFile(pipe, 'utf8')]);
    expect(code).toBe(0);
    expect(read).toContain('failures="0" errors="0"');
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  test('that cannot be written is told, before anything is asked', async () => {
    mkdirSync(path.join(path.dirname(file), 'full'), { recursive: true });
    server.script({ status: 200, body: decided('allowed') });
    const { code } = await run(...PREFLIGHT, '--junit', path.join(path.dirname(file), 'full'));
    expect(code).toBe(2);
    expect(server.received).toEqual([]);
  });
});
