import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { hosts } from '../support/api.ts';
import { keyOf, QUICK_TO_START } from '../support/gate.ts';
import { program } from '../support/program.ts';
import { standing } from '../support/standing.ts';
import { recordedTerminal } from './recorded-terminal.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'drill-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const stand = standing({
  config: { actions: { 'disk.wipe': { irreversible: true } } },
  limits: {
    actions: {
      'disk.wipe': {
        max_targets: 3,
        max_share: { fleet: '100%' },
        require: 'any',
        windows: [{ per: 'fleet', over: '1h', max_targets: 100 }],
      },
    },
  },
  inventory: { host: hosts('web', 10, { zone: 'eu-1' }) },
});

interface Ran {
  readonly code: number | null;
  readonly said: string;
  readonly complained: string;
}

async function drill(...args: readonly string[]): Promise<Ran> {
  const terminal = recordedTerminal();
  const code = await runProgram(['drill', ...args], terminal);
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

/** Cases of one's own, on the gate that stands. */
const drillOwn = async (own: string, ...args: readonly string[]): Promise<Ran> =>
  await drill('--own', own, '--url', stand.gate.url, '--key-file', keyFile('bot.key', keyOf('bot')), ...args);

function keyFile(name: string, key: string): string {
  const at = file(name, key);
  chmodSync(at, 0o600);
  return at;
}

function file(name: string, ...lines: readonly string[]): string {
  const at = path.join(folder, name);
  writeFileSync(at, `${lines.join('\n')}\n`);
  return at;
}

const ask = (ids: string): string => `{ as: bot, action: disk.wipe, targets: { ids: [${ids}] } }`;
const FOUR = 'web-001, web-002, web-003, web-004';

describe('interlock drill', () => {
  it.each<[string, readonly string[], string]>([
    ['a case that is not there', ['google-diskerase-2041'], 'did you mean "google-diskerase-2014"?'],
    ['--scratch without cases of its own', ['--scratch'], '--scratch is for cases of your own'],
    ['a gate for the corpus', ['--url', 'http://127.0.0.1:1'], 'for cases of your own on the live gate'],
    ['--config for the live gate', ['--own', 'x.yaml', '--config', 'y.yaml'], 'for a scratch gate'],
    ['a file that is not there', ['--own', 'nothing.yaml'], 'there is no such file'],
  ])('takes %s for wrong use', async (_, args, message) => {
    const { code, complained } = await drill(...args);
    expect(complained).toContain(message);
    expect(code).toBe(2);
  });

  it('plays a published incident and its twin on a gate of its own, and leaves nothing behind', () => {
    const args = ['drill', 'google-diskerase-2014', 'optus-2023', '--json'];
    const { status, stdout } = spawnSync(process.execPath, [...QUICK_TO_START, program, ...args], {
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], TMPDIR: folder },
    });
    const card: unknown = JSON.parse(stdout);
    expect(card).toMatchObject({
      ...{ ok: true, cases: 2, stopped: 1, failed: 0, untold: 0, unseen: 1 },
      results: [
        { name: 'google-diskerase-2014', verdict: 'stopped', rule: 'targets.empty', twin: 'allowed' },
        { name: 'optus-2023', verdict: 'not_seen' },
      ],
    });
    expect(status).toBe(0);
    expect(readdirSync(folder).filter(name => name.startsWith('interlock-'))).toEqual([]);
  });
});

describe('interlock drill --own on the live gate', () => {
  it.each<[string, string, RegExp]>([
    ['a key that the gate does not know', 'ilk_nobody', /The key is not known/],
    ['a role that may not ask', keyOf('operator'), /principal\.not_allowed|may not/],
  ])('is wrong use with %s, and no finding', async (_, key, says) => {
    const own = file(
      'wrong-key.yaml',
      'cases:',
      '  - name: four-hosts',
      '    title: Four hosts at once',
      `    request: ${ask(FOUR)}`,
      '    expect: { refused: blast_radius.max_targets }',
    );
    const { code, said, complained } = await drill(
      ...['--own', own, '--url', stand.gate.url, '--key-file', keyFile('wrong.key', key)],
    );
    expect(complained).toMatch(says);
    expect(said).toBe('');
    expect(code).toBe(2);
  });

  it('asks each case and its twin in pre-flight, by the limits in force', async () => {
    const own = file(
      'good.yaml',
      ...['name: too-many', 'title: Four at once', `request: ${ask(FOUR)}`],
      ...['expect: { refused: blast_radius.max_targets }', `twin: { request: ${ask('web-001')} }`],
    );
    const { code, said } = await drillOwn(own);
    expect(said).toMatch(/too-many +Four at once +blast_radius\.max_targets +allowed/);
    expect(said).toContain(
      '1 of 1 stopped by the rule that is named; the same done properly is allowed: 1 of 1 twins.',
    );
    expect(code).toBe(0);
    expect(stand.executor.received()).toEqual([]);
  });

  it('ends with 1 where one slips through, is stopped by another rule, or the twin is refused', async () => {
    const own = file(
      'bad.yaml',
      'cases:',
      `  - { name: slips, title: One, request: ${ask('web-001')}, expect: { refused: blast_radius.max_targets } }`,
      `  - { name: other, title: Four, request: ${ask(FOUR)}, expect: { refused: budget.window } }`,
      `  - { name: strict, title: None, request: ${ask('')}, expect: { refused: targets.empty }, twin: { request: ${ask(FOUR)} } }`,
    );
    const { code, said } = await drillOwn(own);
    expect(said).toContain('NOT STOPPED by blast_radius.max_targets');
    expect(said).toContain('blast_radius.max_targets, and not budget.window');
    expect(said).toContain('REFUSED by blast_radius.max_targets');
    expect(said).toContain(
      '1 of 3 stopped by the rule that is named; the same done properly is allowed: 0 of 1 twins; no twin: 2.',
    );
    // The twin's own no, and not what was said to the case.
    expect(said).toMatch(
      /^strict, done properly: REFUSED by blast_radius\.max_targets\.\n  .*4 targets.* Would pass: /m,
    );
    expect(said).not.toContain('strict: targets.empty');
    expect(code).toBe(1);
    const card: unknown = JSON.parse((await drillOwn(own, '--json')).said);
    expect(card).toMatchObject({
      ...{ ok: false, cases: 3, stopped: 1, failed: 3, twins: 1, twins_allowed: 0 },
      results: [
        { verdict: 'slipped' },
        { verdict: 'other_rule' },
        { verdict: 'stopped', twin: 'refused', twin_says: expect.stringContaining('4 targets') },
      ],
    });
  });

  it('takes a rule that the gate does not have for wrong use, before it asks anything', async () => {
    const own = file(
      'slip.yaml',
      ...[
        'name: slip',
        'title: Four',
        `request: ${ask(FOUR)}`,
        'expect:',
        '  refused: blast_radius.maxtargets',
      ],
    );
    const { code, said, complained } = await drillOwn(own);
    expect(complained).toContain('slip.yaml:5');
    expect(complained).toContain('did you mean "blast_radius.max_targets"?');
    expect(said).toBe('');
    expect(code).toBe(2);
  });

  it('ends with 3 where nothing was asked, for nothing was shown', async () => {
    const own = file(
      'unseen.yaml',
      'name: unseen',
      'title: Nobody sees it',
      'not_seen: It is in no request.',
    );
    const { code, said } = await drillOwn(own);
    expect(said).toContain('Nothing was asked: no gate could have stopped this case.');
    expect(code).toBe(3);
    expect(JSON.parse((await drillOwn(own, '--json')).said)).toMatchObject({ ok: false, unseen: 1 });
  });

  it('sends what a request carried as it came, and leaves to a scratch gate what no pre-flight has', async () => {
    const odd =
      '{ as: bot, action: disk.wipe, targets: { ids: [web-001] }, taregts: [web-002], ticket: T-1 }';
    const keyed = '{ as: bot, action: disk.wipe, targets: { ids: [web-001] }, idempotency_key: k-1 }';
    const own = file(
      'as-it-came.yaml',
      'cases:',
      `  - { name: odd, title: Odd, request: ${odd}, expect: { refused: request.invalid } }`,
      `  - { name: keyed, title: Keyed, request: ${keyed}, expect: { refused: request.idempotency_key } }`,
    );
    const card: unknown = JSON.parse((await drillOwn(own, '--json')).said);
    expect(card).toMatchObject({
      results: [
        { name: 'odd', verdict: 'stopped' },
        { name: 'keyed', verdict: 'untold', says: expect.stringContaining('say --scratch') },
      ],
    });
  });

  it('ends with 3 where what was before can only be played', async () => {
    const own = file(
      'before.yaml',
      ...['name: before', 'title: Again', `history: [{ request: ${ask('web-001')} }]`],
      ...[`request: ${ask('web-001')}`, 'expect: { refused: targets.already_done }'],
    );
    const { code, said } = await drillOwn(own);
    expect(said).toContain('say --scratch');
    expect(code).toBe(3);
  });
});
