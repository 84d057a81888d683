import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { host, hosts, ndjson } from '../support/api.ts';
import { keyOf } from '../support/gate.ts';
import { standing } from '../support/standing.ts';
import { recordedTerminal } from './recorded-terminal.ts';

const stands = standing({
  store: 'embedded',
  inventory: {
    host: [...hosts('web', 20, { rack: 'r1' }), ...hosts('db', 10, { rack: 'r2', region: 'us' })],
  },
});

const folder = mkdtempSync(path.join(tmpdir(), 'interlock-operator-'));
const servers: Server[] = [];
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const server of servers) server.close();
});

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
}

function keyFile(principal: string): string {
  const file = write(`${principal}.key`, `${keyOf(principal)}\n`);
  chmodSync(file, 0o600);
  return file;
}

interface Ran {
  readonly code: number;
  readonly said: string;
  readonly complained: string;
}

/** A command as its user types it, with the key of this principal. */
async function run(as: string, ...args: string[]): Promise<Ran> {
  return await runAt(stands.gate.url, as, ...args);
}

async function runAt(url: string, as: string, ...args: string[]): Promise<Ran> {
  const terminal = recordedTerminal();
  const code = await runProgram([...args, '--url', url, '--key-file', keyFile(as)], terminal);
  return { code, said: terminal.said.join('\n'), complained: terminal.complained.join('\n') };
}

async function listening(server: Server): Promise<string> {
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const { port }: AddressInfo = Object(server.address());
  return `http://127.0.0.1:${port}`;
}

async function engagedIds(): Promise<string[]> {
  const answer = await stands.api.get('/v1/kill-switch');
  expect(answer.status).toBe(200);
  return (answer.body.engaged ?? []).map(({ id }) => String(id));
}

describe('kill', () => {
  afterEach(async () => {
    for (const id of await engagedIds()) await stands.api.release(id);
  });

  test('stops everything in one command, and says how to release it', async () => {
    const { code, said } = await run('operator', 'kill', '--reason', 'wrong hosts');
    expect(code).toBe(0);
    const [id] = await engagedIds();
    expect(said).toMatch(
      /^Engaged for everything in \d+ ms.*\nNothing waited to be sent\.\nNothing is on the wire\.\n/,
    );
    expect(said).toContain(`interlock kill release ${id} --reason`);
    expect((await stands.api.submit('test.act', ['web-001'])).status).toBe(423);
  });

  test('needs no reason, and stops a part that it names', async () => {
    const { code, said } = await run(
      'operator',
      'kill',
      '--dimension',
      'region',
      '--value',
      'us',
      '--except',
      'oncall-bot',
      '--json',
    );
    expect(code).toBe(0);
    expect(JSON.parse(said)).toMatchObject({
      scope: { dimension: 'region', value: 'us' },
      except: ['oncall-bot'],
    });
    expect((await stands.api.preflight('test.act', ['web-001'])).body.status).toBe(200);
    expect((await stands.api.preflight('test.act', ['db-001'])).body.status).toBe(423);
  });

  test.each<[string, string[], RegExp]>([
    ['an action that is not declared', ['--action', 'test.atc'], /did you mean test\.act\?/],
    ['a value that no target has', ['--dimension', 'region', '--value', 'uss'], /did you mean us\?/],
    ['a principal that does not exist', ['--except', 'oncal-bot'], /did you mean oncall-bot\?/],
    ['a variable that was not set', ['--action', ''], /--action is blank/],
    ['a value of nothing', ['--value', 'us'], /go together/],
    ['a dimension without its value', ['--dimension', 'region'], /go together/],
    ['two scopes', ['--action', 'test.act', '--dimension', 'region', '--value', 'us'], /either --action/],
    ['a word that is no command', ['statsu'], /did you mean kill status\?/],
    ['a bare action', ['test.act'], /interlock kill alone stops everything; --action test\.act stops one/],
    ['an unknown option', ['--reson', 'x'], /unknown option '--reson'/],
  ])('engages nothing for %s', async (_, args, told) => {
    const { code, complained } = await run('operator', 'kill', ...args);
    expect(code).toBe(2);
    expect(complained).toMatch(told);
    expect(complained).toContain('Nothing was engaged.');
    expect(await engagedIds()).toEqual([]);
  });

  test('says to whom the switch belongs, and the way that needs no key', async () => {
    const config = path.join(stands.gate.folder, 'interlock.yaml');
    for (const who of ['bot', 'nobody']) {
      const { code, complained } = await run(who, 'kill', '--config', config);
      expect(code).toBe(2);
      expect(complained).toContain('Nothing was engaged.');
      expect(complained).toContain(`touch ${path.join(stands.gate.folder, 'KILL')}`);
      expect(complained).not.toContain(keyOf(who));
    }
    expect(await engagedIds()).toEqual([]);
  });

  test('lists what is engaged, by whom and why, and steers no terminal', async () => {
    await stands.api.engage({ scope: { action: 'test.act' }, reason: 'a\u001b[2Jb', except: ['oncall-bot'] });
    const { code, said } = await run('operator', 'kill', 'status');
    expect(code).toBe(0);
    expect(said).toMatch(
      /ID +STOPS +SINCE +BY +LETS THROUGH +REASON\n\S{36} +action test\.act +now +operator +oncall-bot +a\\u001b\[2Jb$/,
    );
  });

  test('is released by the beginning of its id, and with a reason only', async () => {
    await stands.api.engage();
    const [id = ''] = await engagedIds();
    expect(await run('operator', 'kill', 'release', id)).toMatchObject({ code: 2 });
    expect(await run('operator', 'kill', 'release', id, '--reason', ' ')).toMatchObject({ code: 2 });
    expect(await run('operator', 'kill', 'release', 'ffffffff0', '--reason', 'x')).toMatchObject({ code: 2 });
    expect(await engagedIds()).toEqual([id]);
    expect(await run('operator', 'kill', 'release', id.slice(0, 8), '--reason', 'over')).toMatchObject({
      code: 0,
    });
    expect(await engagedIds()).toEqual([]);
    expect(await run('operator', 'kill', 'release', id, '--reason', 'again')).toMatchObject({ code: 1 });
  });
});

describe('kill without a gate that answers', () => {
  test('names the kill file of a configuration that is broken elsewhere', async () => {
    const gone = createServer();
    const url = await listening(gone);
    await new Promise(resolve => gone.close(resolve));
    const config = write('broken.yaml', 'kill_file: ./stop/NOW\nkinds: 7\n');
    const { code, complained } = await runAt(url, 'operator', 'kill', '--config', config);
    expect(code).toBe(3);
    expect(complained).toContain('Nothing was engaged.');
    expect(complained).toContain(`touch ${path.join(folder, 'stop/NOW')}`);
  });

  test('says of kill files in general with a configuration that is not named', async () => {
    vi.stubEnv('INTERLOCK_CONFIG', ' ');
    const gone = createServer();
    const url = await listening(gone);
    await new Promise(resolve => gone.close(resolve));
    const { code, complained } = await runAt(url, 'operator', 'kill');
    vi.unstubAllEnvs();
    expect(code).toBe(3);
    expect(complained).toContain('Without the gate: make the kill file of each gate');
  });

  test('does not say that nothing was engaged when the connection broke behind it', async () => {
    const url = await listening(createServer(socket => socket.once('data', () => socket.destroy())));
    const { code, complained } = await runAt(url, 'operator', 'kill');
    expect(code).toBe(3);
    expect(complained).toContain('It is not known whether the switch is engaged');
    expect(complained).not.toContain('Nothing was engaged');
  });
});

describe('audit', () => {
  let refusedId = '';
  beforeAll(async () => {
    refusedId = String((await stands.api.submit('test.act', ['web-001', 'nope-1'])).body.id);
    await stands.api.submit('test.act', ['web-001', 'web-002'], { fields: { reason: '=rack "r1"' } });
  });

  test('search shows the newest, and its CSV is what the gate itself gives', async () => {
    const found = await run(
      'auditor',
      'audit',
      'search',
      '--decision',
      'refused',
      '--rule',
      'targets.unknown',
      '--since',
      '1h',
    );
    expect(found).toMatchObject({ code: 0, complained: '' });
    expect(found.said).toContain(refusedId);
    const own = await stands.api.get('/v1/requests', { headers: { accept: 'text/csv' } });
    const csv = await run('auditor', 'audit', 'search', '--all', '--csv');
    expect(csv.said).toBe(own.text.replaceAll('\r\n', '\n').trimEnd());
    const lines = (await run('auditor', 'audit', 'search', '--json', '--limit', '1')).said.split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ decision: 'allowed' });
  });

  test.each<[string, string[], number, RegExp]>([
    [
      'a rule that is none',
      ['--rule', 'targets.unknwon'],
      2,
      /knows no rule "targets.unknwon": did you mean "targets.unknown"\?/,
    ],
    ['an action that is none', ['--action', 'test.atc'], 2, /did you mean "test.act"\?/],
    ['a principal that asked nothing', ['--principal', 'somebody-else'], 0, /does not list its principals/],
    ['a blank filter', ['--target', ''], 2, /--target is blank/],
    ['a time that is none', ['--since', 'yesterday'], 2, /--since is a time like/],
    ['a decision that is none', ['--decision', 'denied'], 2, /Allowed choices are/],
    ['a limit beside all', ['--all', '--limit', '3'], 2, /'--all' cannot be used with .*'--limit/],
    ['two formats', ['--json', '--csv'], 2, /'--csv' cannot be used with .*'--json'/],
    ['a limit that is none', ['--limit', '0'], 2, /whole number from 1 to 999,999,999/],
  ])('search tells of %s', async (_, args, code, told) => {
    const found = await run('auditor', 'audit', 'search', ...args);
    expect(found.code).toBe(code);
    expect(found.complained).toMatch(told);
  });

  test('show says why and what would pass; targets are one a line', async () => {
    const { code, said } = await run('auditor', 'audit', 'show', refusedId);
    expect(code).toBe(0);
    expect(said).toContain('decision:    refused (422)');
    expect(said).toContain('✗ targets.unknown: ');
    expect(await run('auditor', 'audit', 'show', 'nope')).toMatchObject({ code: 2 });
    const [allowed] = await stands.api.search({ decision: 'allowed', action: 'test.act', target: 'web-002' });
    expect((await run('auditor', 'audit', 'targets', String(allowed?.id))).said).toBe('web-001\nweb-002');
  });

  test('export is whole, verifies, and takes no place of another file unasked', async () => {
    const out = path.join(folder, 'trail.ndjson');
    expect(await run('auditor', 'audit', 'export', '--out', out)).toMatchObject({ code: 0 });
    expect(existsSync(`${out}.part`)).toBe(false);
    const terminal = recordedTerminal();
    expect(await runProgram(['audit', 'verify', '--export', out], terminal)).toBe(0);
    writeFileSync(out, 'evidence');
    expect(await run('auditor', 'audit', 'export', '--out', out)).toMatchObject({ code: 2 });
    expect(readFileSync(out, 'utf8')).toBe('evidence');
    expect(await run('auditor', 'audit', 'export', '--out', out, '--force')).toMatchObject({ code: 0 });
  });
});

describe('inventory', () => {
  const inForce = async () => await stands.api.kind('host');
  const whole = [...hosts('web', 20, { rack: 'r1' }), ...hosts('db', 10, { rack: 'r2', region: 'us' })];

  test('diff gives the numbers of the gate, and loads nothing', async () => {
    const before = await inForce();
    const file = write(
      'next.ndjson',
      ndjson([...whole.slice(0, -2), host('new-1'), host('new-2'), host('new-3')]),
    );
    const { code, said } = await run('feed', 'inventory', 'diff', 'host', file, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(said)).toEqual({
      kind: 'host',
      now: 30,
      would: { count: 31, added: 3, removed: 2, changed: 0 },
    });
    expect(await inForce()).toMatchObject({ revision: before?.revision, count: 30 });
  });

  test('load tells the gate how many lines to expect', async () => {
    const file = write('hosts.ndjson', `${ndjson(whole)}\n\n`);
    const { code, said } = await run('feed', 'inventory', 'load', 'host', file, '--expect', '30');
    expect(code).toBe(0);
    expect(said).toMatch(
      /^Loaded host: 30 targets in force, revision \d+ \(0 added, 0 removed, 0 changed\)\.$/,
    );
    const patch = write('patch.ndjson', ndjson([{ id: 'db-010', removed: true }]));
    expect((await run('feed', 'inventory', 'load', 'host', patch, '--patch')).said).toMatch(
      /^Patched host: 29 targets/,
    );
    expect(await run('feed', 'inventory', 'load', 'host', file)).toMatchObject({ code: 0 });
  });

  test.each<[string, string, string[], number, RegExp]>([
    [
      'another number of lines than was said',
      ndjson(whole),
      ['--expect', '29'],
      2,
      /has 30 lines, and --expect says 29\. Nothing was sent/,
    ],
    ['no lines', '\n\n', [], 2, /has no lines/],
    ['an empty file', '', [], 2, /is empty/],
    [
      'a line that is none, and shows it',
      `${ndjson(whole.slice(0, 2))}{"id":"*\u001b[2J"}\n`,
      [],
      1,
      /:3: \{"id":"\*\\u001b\[2J"\}\n/,
    ],
    ['a force without a reason', ndjson(whole), ['--force', 'shrink'], 2, /says why/],
    [
      'a force that is none',
      ndjson(whole),
      ['--force', 'all', '--reason', 'x'],
      2,
      /--force is shrink, change/,
    ],
    ['a time that is none', ndjson(whole), ['--as-of', 'now'], 2, /--as-of is a time like/],
    ['a force by who may not', ndjson(whole), ['--force', 'shrink', '--reason', 'x'], 2, /an operator may/],
  ])('load refuses %s', async (_, text, args, code, told) => {
    const before = await inForce();
    const ran = await run('feed', 'inventory', 'load', 'host', write('bad.ndjson', text), ...args);
    expect(ran.code).toBe(code);
    expect(ran.complained).toMatch(told);
    expect(await inForce()).toMatchObject({ revision: before?.revision });
  });

  test('load says which kinds there are', async () => {
    const { code, complained } = await run(
      'feed',
      'inventory',
      'load',
      'hots',
      write('kind.ndjson', ndjson(whole)),
    );
    expect(code).toBe(2);
    expect(complained).toContain('no kind "hots" (did you mean "host"?)');
  });

  test('summary says how many and how old', async () => {
    const { code, said } = await run('feed', 'inventory', 'summary');
    expect(code).toBe(0);
    expect(said).toMatch(/host +\d+ +30 +\d+s ago/);
    expect(said).toContain('host by region: eu 20, us 10');
  });
});

describe('doctor', () => {
  test.each([
    ['operator', 'takes the key, of the role operator'],
    ['auditor', 'takes the key, which reads everything, as an auditor'],
    ['bot', 'takes the key, of the role requester'],
    ['feed', 'takes the key, of the role inventory'],
    ['worker', 'takes the key, which may read nothing: an executor or an observer'],
  ])('tries the key of %s, and says what it shows', async (who, told) => {
    const { code, said } = await run(who, 'doctor');
    expect(said).toContain(`ok       key          ${stands.gate.url} ${told}`);
    expect(said).not.toContain(keyOf(who));
    expect(code).toBe(0);
  });

  test('fails for a key that the gate does not know, and never says it', async () => {
    const { code, said, complained } = await run('nobody', 'doctor');
    expect(said).toMatch(/fail {5}key {10}\S+ does not know the key\n +→ give the key of one/);
    expect(said + complained).not.toContain(keyOf('nobody'));
    expect(code).toBe(1);
  });

  test('tries no key where none was given, and wants one that was named', async () => {
    const terminal = recordedTerminal();
    vi.stubEnv('XDG_CONFIG_HOME', folder);
    vi.stubEnv('INTERLOCK_KEY', undefined);
    expect(await runProgram(['doctor', '--url', stands.gate.url], terminal)).toBe(0);
    expect(terminal.said.join('\n')).not.toContain('key ');
    const args = ['doctor', '--url', stands.gate.url, '--key-file', '/nowhere/key'];
    expect(await runProgram(args, recordedTerminal())).toBe(2);
    vi.unstubAllEnvs();
  });

  test('does not say that a key is wrong where nothing answers', async () => {
    const gone = createServer();
    const url = await listening(gone);
    await new Promise(resolve => gone.close(resolve));
    expect(await runAt(url, 'operator', 'doctor', '--json')).toMatchObject({
      code: 1,
      said: expect.stringContaining('the key could not be tried'),
    });
  });
});

test('policy show has the limits, what is protected, and how full the budgets are', async () => {
  const { code, said } = await run('auditor', 'policy', 'show');
  expect(code).toBe(0);
  expect(said).toMatch(/^Revision sha256:[0-9a-f]{64}, active\n/);
  expect(said).toMatch(/test\.act +max_targets +200000/);
  expect(said).toMatch(/test\.act +windows +per fleet, over 1h, max_targets 10000000/);
  expect(said).toMatch(/budget\.window +fleet/);
});
