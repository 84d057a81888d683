import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  withNothingForwarded,
  type Api,
} from '../support/api.ts';
import { startExecutor } from '../support/executor.ts';
import {
  hostKind,
  keyOf,
  principal,
  startAndFail,
  startGate,
  wideLimits,
  type Doc,
  type Gate,
  type GateOptions,
} from '../support/gate.ts';

// CONTRACT.md, "Starting", "Configuration" and "Limits": what keeps a gate from starting, and what only keeps it from deciding.

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).toReversed()) await one.close();
});
const standing = async (
  options: GateOptions = {},
): Promise<{ gate: Gate; api: Api; executor: Awaited<ReturnType<typeof startExecutor>> }> => {
  const executor = await startExecutor();
  closing.push(executor);
  const gate = await startGate({ ...options, executor: executor.url });
  closing.push(gate);
  return { gate, api: apiOf(gate), executor };
};

const executor = { url: 'http://127.0.0.1:9/', timeout: '1s', concurrency: 1, valid_for: '1m' };
const { max_age: _maxAge, ...ageless } = hostKind;
const { max_shrink: _maxShrink, ...shrinkless } = hostKind;
const { max_change: _maxChange, ...changeless } = hostKind;
const key = `sha256:${'0'.repeat(64)}`;
const bot = principal('bot', ['requester'], ['test.act']);
const good = {
  listen: '127.0.0.1:0',
  store: './store',
  limits: './limits.yaml',
  kill_file: './KILL',
  checkpoints: './checkpoints.ndjson',
  kinds: { host: hostKind },
  actions: { 'test.act': { kind: 'host', executor } },
  principals: [bot],
};
const without = (doc: Doc, field: string): Doc =>
  Object.fromEntries(Object.entries(doc).filter(([name]) => name !== field));
const action = (fields: Doc, of: Doc = {}): Doc => ({
  actions: { 'test.act': { kind: 'host', executor: { ...executor, ...of }, ...fields } },
});

/** What is wrong in a file, and what the complaint must name. */
type Wrong = readonly [title: string, over: Doc, named: string];

const wrongConfigs: Wrong[] = [
  ['an unknown field', { colour: 'red' }, 'colour'],
  ['a kind without max_age', { kinds: { host: ageless } }, 'max_age'],
  ['a kind without max_shrink', { kinds: { host: shrinkless } }, 'max_shrink'],
  ['a kind without max_change', { kinds: { host: changeless } }, 'max_change'],
  ['a kind without dimensions', { kinds: { host: { ...hostKind, dimensions: [] } } }, 'dimensions'],
  ['an action of an undeclared kind', action({ kind: 'hots' }), 'kind'],
  [
    'an executor without a timeout',
    { actions: { 'test.act': { kind: 'host', executor: without(executor, 'timeout') } } },
    'timeout',
  ],
  [
    'an executor without concurrency',
    { actions: { 'test.act': { kind: 'host', executor: without(executor, 'concurrency') } } },
    'concurrency',
  ],
  [
    'an executor without valid_for',
    { actions: { 'test.act': { kind: 'host', executor: without(executor, 'valid_for') } } },
    'valid_for',
  ],
  ['an executor without a limit on concurrency', action({}, { concurrency: 0 }), 'concurrency'],
  ['an executor that is a file', action({}, { url: 'file:///etc/passwd' }), 'url'],
  ['a bearer file that is not there', action({}, { bearer_file: './none.key' }), 'bearer_file'],
  ['a parameter schema that is none', action({ parameters: { type: 'objekt' } }), 'parameters'],
  ['a requester that names no action', { principals: [principal('bot', ['requester'])] }, 'actions'],
  [
    'a requester that names an undeclared action',
    { principals: [principal('bot', ['requester'], ['test.atc'])] },
    'test.atc',
  ],
  [
    'a requester that is an operator',
    { principals: [principal('bot', ['requester', 'operator'], ['test.act'])] },
    'roles',
  ],
  ['a role that there is not', { principals: [principal('bot', ['root'])] }, 'roles'],
  ['a key in the clear', { principals: [{ ...bot, keys: ['secret'] }] }, 'keys'],
  [
    'three keys',
    { principals: [{ ...bot, keys: [key, key.replace('00', '01'), key.replace('00', '02')] }] },
    'keys',
  ],
  ['two principals of one name', { principals: [bot, { ...bot, keys: [key] }] }, 'bot'],
  ['two principals with one key', { principals: [bot, { ...bot, name: 'other' }] }, 'key'],
  ['a folder of the kill file that is not there', { kill_file: './nowhere/KILL' }, 'kill_file'],
  ['a duration that is none', { kinds: { host: { ...hostKind, max_age: '24' } } }, 'max_age'],
  ['a share that is none', { kinds: { host: { ...hostKind, max_shrink: 0.1 } } }, 'max_shrink'],
];

const edge = (fields: Doc): Doc => ({ actions: { 'test.act': { ...wideLimits, ...fields } } });
const wrongLimits: Wrong[] = [
  ['no max_targets', { actions: { 'test.act': without(wideLimits, 'max_targets') } }, 'max_targets'],
  ['no max_share', { actions: { 'test.act': without(wideLimits, 'max_share') } }, 'max_share'],
  ['no windows', { actions: { 'test.act': without(wideLimits, 'windows') } }, 'windows'],
  ['no require', { actions: { 'test.act': without(wideLimits, 'require') } }, 'require'],
  ['an empty list of windows', edge({ windows: [] }), 'windows'],
  ['no window of the fleet', edge({ windows: [{ per: 'region', over: '1h', max_targets: 1 }] }), 'windows'],
  ['a share without the fleet', edge({ max_share: { zone: '5%' } }), 'fleet'],
  ['an empty map of shares', edge({ max_share: {} }), 'max_share'],
  ['a share of what is not declared', edge({ max_share: { fleet: '1%', zones: '5%' } }), 'zones'],
  ['a share with five decimals', edge({ max_share: { fleet: '0.00001%' } }), 'fleet'],
  ['a share over the whole', edge({ max_share: { fleet: '101%' } }), 'fleet'],
  ['a negative share', edge({ max_share: { fleet: '-1%' } }), 'fleet'],
  ['a negative number', edge({ max_targets: -1 }), 'max_targets'],
  ['a fraction', edge({ max_targets: 1.5 }), 'max_targets'],
  ['null for a number', edge({ max_targets: null }), 'max_targets'],
  ['a key that there is not', edge({ max_target: 5 }), 'max_target'],
  ['an empty map of values', edge({ max_values: {} }), 'max_values'],
  ['an empty map of required labels', edge({ require: {} }), 'require'],
  ['an empty list of required values', edge({ require: { state: [] } }), 'state'],
  ['a required label that is not declared', edge({ require: { colour: ['red'] } }), 'colour'],
  [
    'a window of both',
    edge({ windows: [{ per: 'fleet', over: '1h', max_targets: 1, max_share: '1%' }] }),
    'windows',
  ],
  ['a window of neither', edge({ windows: [{ per: 'fleet', over: '1h' }] }), 'windows'],
  ['a window of no time', edge({ windows: [{ per: 'fleet', over: '0s', max_targets: 1 }] }), 'over'],
  [
    'a budget of an undeclared kind',
    { budgets: [{ kind: 'hots', per: 'fleet', over: '1h', max_targets: 1 }] },
    'kind',
  ],
  [
    'a protected entry of an undeclared label',
    { protected: [{ kind: 'host', selector: { colour: ['red'] } }] },
    'colour',
  ],
  ['an empty protected entry', { protected: [{ kind: 'host', ids: [] }] }, 'ids'],
  [
    'limits of an action that is not declared',
    { actions: { 'test.act': wideLimits, 'test.atc': wideLimits } },
    'test.atc',
  ],
];

/** One line of the complaint, with the name of the file, a line number, and what is wrong. */
const complaint = (file: string, named: string): RegExp =>
  new RegExp(`${file}\\S*:\\d+.*${named.replaceAll('.', String.raw`\.`)}`, 'u');

describe('a configuration file that is wrong', () => {
  it.each(wrongConfigs)(
    'ends the start with 2, and is named by path and line: %s',
    async (_title, over, named) => {
      const exit = await startAndFail({ configText: JSON.stringify({ ...good, ...over }, null, 2) });
      expect(exit.code, exit.stderr).toBe(2);
      expect(exit.stderr + exit.stdout).toMatch(complaint('interlock', named));
    },
  );

  it('ends the start with 2 when it is not there, is no YAML, or says a key twice', async () => {
    const missing = await startAndFail({ prepare: folder => rmSync(join(folder, 'interlock.yaml')) });
    expect(missing.code, missing.stderr).toBe(2);
    const broken = await startAndFail({ configText: 'listen: "127.0.0.1:0\nkinds: {' });
    expect(broken.code, broken.stderr).toBe(2);
    const twice = await startAndFail({ configText: `listen: 127.0.0.1:0\nlisten: 0.0.0.0:0\n` });
    expect(twice.code, twice.stderr).toBe(2);
    expect(twice.stderr + twice.stdout).toMatch(complaint('interlock', 'listen'));
  });

  it('is named with every problem and its line at once, those of the limits too', async () => {
    const wrong = {
      ...good,
      ...action({ kind: 'hots' }, { timeout: 'soon' }),
      kinds: { host: ageless },
      colour: 'red',
    };
    const configText = JSON.stringify(wrong, null, 2);
    const exit = await startAndFail({
      configText,
      limitsText: JSON.stringify({ budgetz: [], ...edge({ max_targets: -1 }) }, null, 2),
    });
    expect(exit.code).toBe(2);
    const said = exit.stderr + exit.stdout;
    const lineOf = (needle: string): number =>
      configText.split('\n').findIndex(line => line.includes(needle)) + 1;
    for (const [needle, named] of [
      ['"hots"', 'kind'],
      ['"soon"', 'timeout'],
      ['"colour"', 'colour'],
    ] as const) {
      expect(said).toMatch(new RegExp(`interlock\\.yaml:${lineOf(needle)}\\b.*${named}`, 'u'));
    }
    expect(said).toMatch(complaint('interlock', 'max_age'));
    expect(said).toMatch(complaint('limits', 'budgetz'));
    expect(said).toMatch(complaint('limits', 'max_targets'));
  });
});

describe('a limits file that is wrong', () => {
  it.each(wrongLimits)(
    'ends the start with 2, and is named by path and line: %s',
    async (_title, limits, named) => {
      const exit = await startAndFail({ limitsText: JSON.stringify({ ...edge({}), ...limits }, null, 2) });
      expect(exit.code, exit.stderr).toBe(2);
      expect(exit.stderr + exit.stdout).toMatch(complaint('limits', named));
    },
  );

  it('ends the start with 2 for min_remaining on a kind without state', async () => {
    const stateless = without(hostKind, 'state');
    const exit = await startAndFail({
      config: { kinds: { host: stateless } },
      limits: edge({ min_remaining: { role: 3 } }),
    });
    expect(exit.code, exit.stderr).toBe(2);
    expect(exit.stderr + exit.stdout).toMatch(complaint('limits', 'min_remaining'));
  });

  it('ends the start with 2 when it is not there or empty', async () => {
    const missing = await startAndFail({ prepare: folder => rmSync(join(folder, 'limits.yaml')) });
    expect(missing.code, missing.stderr).toBe(2);
    const exit = await startAndFail({ limitsText: '{"actions": {"test.act":' });
    expect(exit.code, exit.stderr).toBe(2);
  });
});

describe('a gate that starts', () => {
  it('finds its file by INTERLOCK_CONFIG or in its folder, says its address, and ends with 0', async () => {
    for (const named of ['environment', 'default'] as const) {
      const { gate, api } = await standing({ named });
      expect((await api.get('/livez', { as: null })).status).toBe(200);
      const exit = await gate.stop();
      expect(exit.code).toBe(0);
      expect(exit.stdout).toContain(gate.url);
    }
  });

  it('takes either of two keys of a principal, while one is replaced', async () => {
    const hash = (of: string): string => `sha256:${createHash('sha256').update(of).digest('hex')}`;
    const auditor = { name: 'auditor', roles: ['auditor'], keys: [hash('old-key'), hash('new-key')] };
    const { api } = await standing({ config: { principals: [bot, auditor] } });
    for (const one of ['old-key', 'new-key']) {
      const answer = await api.get('/v1/kill-switch', {
        as: null,
        headers: { authorization: `Bearer ${one}` },
      });
      expect(answer.status).toBe(200);
    }
    expect(
      (
        await api.get('/v1/kill-switch', {
          as: null,
          headers: { authorization: `Bearer ${keyOf('auditor')}` },
        })
      ).status,
    ).toBe(401);
  });
});

describe('a gate without its bundle', () => {
  it.each([
    ['is not there', './bundle.tar.gz', () => undefined],
    [
      'is broken',
      './bundle.tar.gz',
      (folder: string) => writeFileSync(join(folder, 'bundle.tar.gz'), 'no bundle'),
    ],
  ])('starts when it %s, decides nothing, and still engages', async (_title, policies, prepare) => {
    const { api, executor: tool } = await standing({ config: { policies }, prepare });
    expect((await api.put('host', hosts('host', 3))).status).toBe(200);
    const answer = await withNothingForwarded(tool, () => api.submit('test.act', ['host-001']));
    expectProblem(answer, 503);
    expect(answer.body.type).toMatch(/^\/problems\/policy\./u);
    expectProblem(await api.preflight('test.act', ['host-001']), 503);
    expect((await api.get('/livez', { as: null })).status).toBe(200);
    expect((await api.get('/readyz', { as: null })).status).toBe(200);
    expect((await api.get('/readyz/decide', { as: null })).status).toBe(503);
    const engaged = await api.engage({ reason: 'smoke' });
    expect(engaged.status, engaged.text).toBe(201);
    expect((await api.release(engaged.body.id)).status).toBe(200);
  });
});

describe('a gate whose database is away', () => {
  it('starts, answers 503, and names the kill file to whoever engages', async () => {
    const { gate, api } = await standing({ store: 'postgres://nobody@127.0.0.1:1/interlock' });
    expectProblem(await api.submit('test.act', ['host-001']), 503);
    expectProblem(await api.preflight('test.act', ['host-001']), 503);
    const engaged = await api.engage({ reason: 'smoke' });
    expectProblem(engaged, 503);
    expect(engaged.text).toContain(join(gate.folder, 'KILL'));
    expect((await api.get('/livez', { as: null })).status).toBe(200);
    expect((await api.get('/readyz', { as: null })).status).toBe(503);
    writeFileSync(join(gate.folder, 'KILL'), '');
    expect([423, 503]).toContain((await api.submit('test.act', ['host-001'])).status);
    expect((await gate.stop()).code).toBe(0);
  });
});

describe('the policy revision', () => {
  const small = { actions: { 'test.act': { ...wideLimits, max_targets: 1 } } };
  const revision = async (api: Api): Promise<string | number | undefined> =>
    (await api.get('/v1/policy')).body.revision;

  it('changes with the limits at the next start, is an entry, and goes back only with --activate', async () => {
    const { gate, api, executor: tool } = await standing();
    expect((await api.put('host', hosts('host', 3))).status).toBe(200);
    const first = await revision(api);
    gate.rewrite({ limits: small, executor: tool.url });
    writeFileSync(join(gate.folder, 'limits.yaml.bak'), '');
    await expectDelivered(api, await api.submit('test.act', ['host-001', 'host-002']));
    expect(await revision(api)).toBe(first);
    await gate.restart();
    expect(await revision(api)).not.toBe(first);
    expectProblem(await api.submit('test.act', ['host-001', 'host-002']), 403, 'blast_radius.max_targets');
    expect((await api.audit()).filter(entry => entry.type === 'policy')).toHaveLength(2);

    gate.rewrite({ executor: tool.url });
    await gate.restart();
    const stale = await withNothingForwarded(tool, () => api.submit('test.act', ['host-001']));
    expectProblem(stale, 503, 'policy.stale');
    expectProblem(await api.preflight('test.act', ['host-001']), 503, 'policy.stale');
    const engaged = await api.engage({});
    expect(engaged.status, engaged.text).toBe(201);
    expect((await api.release(engaged.body.id)).status).toBe(200);
    await gate.restart(['--activate']);
    await expectDelivered(api, await api.submit('test.act', ['host-001', 'host-002']));
    expect((await api.audit()).filter(entry => entry.type === 'policy')).toHaveLength(3);
    await gate.restart();
    await expectDelivered(api, await api.submit('test.act', ['host-001']));
    expect((await api.audit()).filter(entry => entry.type === 'policy')).toHaveLength(3);
  });

  it('does not change with the address of an executor, nor while the gate runs, nor with a broken file', async () => {
    const { gate, api, executor: tool } = await standing();
    expect((await api.put('host', hosts('host', 3))).status).toBe(200);
    const first = await revision(api);
    writeFileSync(join(gate.folder, 'limits.yaml'), 'actions: [');
    await expectDelivered(api, await api.submit('test.act', ['host-001']));
    const other = await startExecutor();
    closing.push(other);
    gate.rewrite({ executor: other.url });
    await gate.restart();
    expect(await revision(api)).toBe(first);
    await expectDelivered(api, await api.submit('test.act', ['host-001']));
    expect([tool.received().length, other.received().length]).toEqual([1, 1]);
  });
});

describe('interlock keygen', () => {
  it('prints a key once, and the line with its digest', async () => {
    const program = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [program, 'keygen', 'decom-bot']);
    expect(stdout).toContain('decom-bot');
    const digest = /sha256:[0-9a-f]{64}/u.exec(stdout)?.[0];
    const words = stdout.split(/[\s"',[\]{}]+/u);
    expect(
      words.filter(word => `sha256:${createHash('sha256').update(word).digest('hex')}` === digest),
    ).toHaveLength(1);
  });
});
