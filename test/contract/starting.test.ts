import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  apiOf,
  expectDelivered,
  expectProblem,
  hosts,
  until,
  withNothingForwarded,
  type Api,
} from '../support/api.ts';
import { startExecutor } from '../support/executor.ts';
import { startForwarder } from '../support/forwarder.ts';
import {
  hostKind,
  keyOf,
  principal,
  startAndFail,
  startGate,
  wideLimits,
  type Doc,
  type Exit,
  type Gate,
  type GateOptions,
} from '../support/gate.ts';
import { asAdmin, describeWithPostgres, freshDatabase, postgresAbsent } from '../support/postgres.ts';
import { startPostgres } from '../support/postgres-server.ts';

// The contract, "Starting", "Configuration" and "Limits": what keeps a gate from starting, and what only keeps it from deciding.

const closing: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of closing.splice(0).toReversed()) await one.close();
});
/** A database of its own on the PostgreSQL server; without one the embedded store. */
const ownStore = async (): Promise<Pick<GateOptions, 'store'>> => {
  if (postgresAbsent() !== undefined) return {};
  const database = await freshDatabase();
  closing.push({ close: () => database.drop() });
  return { store: database.url };
};
const standing = async (
  options: GateOptions = {},
): Promise<{ gate: Gate; api: Api; executor: Awaited<ReturnType<typeof startExecutor>> }> => {
  const executor = await startExecutor();
  closing.push(executor);
  const store = options.store === undefined ? await ownStore() : {};
  const gate = await startGate({ ...options, ...store, executor: executor.url });
  closing.push(gate);
  return { gate, api: apiOf(gate), executor };
};

const executor = { url: 'http://127.0.0.1:9/', timeout: '1s', concurrency: 1, valid_for: '1m' };
const key = (digit: number): string => `sha256:${String(digit).repeat(64)}`;
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

/** What is wrong, and what the complaint must name. */
type Wrong = readonly [title: string, part: Doc, named: string];

const wrongKinds: Wrong[] = [
  ['no max_age', without(hostKind, 'max_age'), 'max_age'],
  ['no max_shrink', without(hostKind, 'max_shrink'), 'max_shrink'],
  ['no max_change', without(hostKind, 'max_change'), 'max_change'],
  ['no dimensions', without(hostKind, 'dimensions'), 'dimensions'],
  ['an empty list of dimensions', { ...hostKind, dimensions: [] }, 'dimensions'],
  ['a duration that is none', { ...hostKind, max_age: '24' }, 'max_age'],
  ['a share that is a number', { ...hostKind, max_shrink: 0.1 }, 'max_shrink'],
  [
    'a state without a value that is in service',
    { ...hostKind, state: { label: 'state', in_service: [] } },
    'in_service',
  ],
  ['a field that there is not', { ...hostKind, maxage: '24h' }, 'maxage'],
];
const withExecutor = (of: Doc): Doc => ({ kind: 'host', executor: { ...executor, ...of } });
const wrongActions: Wrong[] = [
  ['an undeclared kind', { kind: 'hots', executor }, 'kind'],
  ['no executor', { kind: 'host' }, 'executor'],
  ['no timeout', { kind: 'host', executor: without(executor, 'timeout') }, 'timeout'],
  ['no concurrency', { kind: 'host', executor: without(executor, 'concurrency') }, 'concurrency'],
  ['no valid_for', { kind: 'host', executor: without(executor, 'valid_for') }, 'valid_for'],
  ['a concurrency of 0', withExecutor({ concurrency: 0 }), 'concurrency'],
  ['a timeout of 0', withExecutor({ timeout: '0s' }), 'timeout'],
  ['a file for a URL', withExecutor({ url: 'file:///etc/passwd' }), 'url'],
  ['a bearer file that is not there', withExecutor({ bearer_file: './none.key' }), 'bearer_file'],
  ['a schema that is none', { kind: 'host', executor, parameters: { type: 'objekt' } }, 'parameters'],
  ['a word for a flag', { kind: 'host', executor, irreversible: 'yes' }, 'irreversible'],
];
const wrongPrincipals: Wrong[] = [
  ['a requester that names no action', principal('p-0', ['requester']), 'actions'],
  ['a requester that names an empty list', principal('p-1', ['requester'], []), 'actions'],
  ['a requester that names an undeclared action', principal('p-2', ['requester'], ['test.atc']), 'test.atc'],
  ['a requester that is an operator', principal('p-3', ['requester', 'operator'], ['test.act']), 'roles'],
  ['a role that there is not', principal('p-4', ['root']), 'roles'],
  ['no role', principal('p-5', []), 'roles'],
  ['a key in the clear', { ...principal('p-6', ['auditor']), keys: ['secret'] }, 'keys'],
  ['no key', { ...principal('p-7', ['auditor']), keys: [] }, 'keys'],
  ['three keys', { ...principal('p-8', ['auditor']), keys: [key(1), key(2), key(3)] }, 'keys'],
];

const edge = (fields: Doc): Doc => ({ ...wideLimits, ...fields });
const wrongLimits: Wrong[] = [
  ['no max_targets', without(wideLimits, 'max_targets'), 'max_targets'],
  ['no max_share', without(wideLimits, 'max_share'), 'max_share'],
  ['no windows', without(wideLimits, 'windows'), 'windows'],
  ['no require', without(wideLimits, 'require'), 'require'],
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
  ['a word for a number', edge({ max_targets: 'all' }), 'max_targets'],
  ['a key that there is not', edge({ max_target: 5 }), 'max_target'],
  ['an empty map of values', edge({ max_values: {} }), 'max_values'],
  ['an empty map of required labels', edge({ require: {} }), 'require'],
  ['another word than any', edge({ require: 'all' }), 'require'],
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
    'max_requests per dimension value that is none',
    edge({ max_requests: [{ per: 'colour', over: '1m', max: 1 }] }),
    'per',
  ],
  ['a null limit in flight', edge({ max_in_flight: null }), 'max_in_flight'],
];

/** One line of the complaint: the file, a line number, the path, and what it names. */
const complaint = (file: string, path: string, named: string): RegExp =>
  new RegExp(
    `^\\S*${file}\\.yaml:\\d+: ${`${path}.*${named}`.replaceAll('.', String.raw`\.`).replaceAll(String.raw`\.*`, '.*')}`,
    'mu',
  );
const numbered = (prefix: string, rows: readonly Wrong[]): Doc =>
  Object.fromEntries(rows.map(([, part], index) => [`${prefix}-${index}`, part]));
/** The same complaint line by line, with the number of the line that says it. */
const lineOf = (text: string, needle: string): number =>
  text.split('\n').findIndex(line => line.includes(needle)) + 1;

describe('a configuration file that is wrong', () => {
  let exit: Exit = { code: null, signal: null, stdout: '', stderr: '' };
  const wrong = {
    ...good,
    colour: 'red',
    kill_file: './nowhere/KILL',
    kinds: { ...good.kinds, ...numbered('kind', wrongKinds) },
    actions: { ...good.actions, ...numbered('action', wrongActions) },
    principals: [
      bot,
      ...wrongPrincipals.map(([, part]) => part),
      { ...principal('twice', ['auditor']), keys: [key(7)] },
      { ...principal('twice', ['auditor']), keys: [key(8)] },
      { ...principal('same-key', ['auditor']), keys: bot['keys'] },
    ],
  };
  beforeAll(async () => {
    exit = await startAndFail({ configText: JSON.stringify(wrong, null, 2) });
  });

  it('ends the start with 2', () => {
    expect(exit.code, exit.stderr).toBe(2);
  });

  it.each(wrongKinds.map(([title, , named], index) => ({ title, path: `kinds.kind-${index}`, named })))(
    'is named with every problem of its kinds, by path and line: $title',
    ({ path, named }) => {
      expect(exit.stderr).toMatch(complaint('interlock', path, named));
    },
  );

  it.each(wrongActions.map(([title, , named], index) => ({ title, path: `actions.action-${index}`, named })))(
    'is named with every problem of its actions, by path and line: $title',
    ({ path, named }) => {
      expect(exit.stderr).toMatch(complaint('interlock', path, named));
    },
  );

  it.each(wrongPrincipals.map(([title, , named], index) => ({ title, index, named })))(
    'is named with every problem of its principals, by path and line: $title',
    ({ index, named }) => {
      expect(exit.stderr).toMatch(complaint('interlock', `principals.*${index + 1}`, named));
    },
  );

  it('is named with a name and a key that stand twice, and with what is wrong at its top', () => {
    expect(exit.stderr).toMatch(complaint('interlock', 'principals', 'twice'));
    expect(exit.stderr).toMatch(complaint('interlock', 'principals.*12', 'key'));
    expect(exit.stderr).toMatch(complaint('interlock', 'colour', ''));
    expect(exit.stderr).toMatch(complaint('interlock', 'kill_file', ''));
  });

  it('is named with the line that says it', () => {
    const text = JSON.stringify(wrong, null, 2);
    for (const needle of ['"colour"', '"maxage"', '"hots"', '"file:///etc/passwd"', '"yes"', '"secret"']) {
      expect(exit.stderr, needle).toMatch(new RegExp(`interlock\\.yaml:${lineOf(text, needle)}:`, 'u'));
    }
  });

  it('ends the start with 2 when it is not there, is no YAML, or says a key twice', async () => {
    const missing = await startAndFail({ prepare: folder => rmSync(join(folder, 'interlock.yaml')) });
    expect(missing.code, missing.stderr).toBe(2);
    const broken = await startAndFail({ configText: 'listen: "127.0.0.1:0\nkinds: {' });
    expect(broken.code, broken.stderr).toBe(2);
    const twice = await startAndFail({ configText: 'listen: 127.0.0.1:0\nlisten: 0.0.0.0:0\n' });
    expect(twice.code, twice.stderr).toBe(2);
    expect(twice.stderr).toMatch(/interlock\.yaml:2:/u);
  });
});

describe('a limits file that is wrong', () => {
  let exit: Exit = { code: null, signal: null, stdout: '', stderr: '' };
  const names = wrongLimits.map((_, index) => `action-${index}`);
  const stateless = { 'stateless.act': edge({ min_remaining: { role: 3 } }) };
  const limits = {
    actions: { ...numbered('action', wrongLimits), ...stateless, 'test.atc': wideLimits },
    budgets: [{ kind: 'hots', per: 'fleet', over: '1h', max_targets: 1 }],
    protected: [
      { kind: 'host', selector: { colour: ['red'] } },
      { kind: 'host', ids: [] },
    ],
    budgetz: [],
  };
  beforeAll(async () => {
    exit = await startAndFail({
      config: {
        kinds: { host: hostKind, stateless: without(hostKind, 'state') },
        actions: {
          ...Object.fromEntries(names.map(name => [name, {}])),
          'stateless.act': { kind: 'stateless' },
        },
      },
      limitsText: JSON.stringify(limits, null, 2),
    });
  });

  it('ends the start with 2', () => {
    expect(exit.code, exit.stderr).toBe(2);
  });

  it.each(wrongLimits.map(([title, , named], index) => ({ title, path: `actions.action-${index}`, named })))(
    'is named with every problem, by path and line: $title',
    ({ path, named }) => {
      expect(exit.stderr).toMatch(complaint('limits', path, named));
    },
  );

  it.each([
    ['min_remaining on a kind without state', 'actions.stateless.act', 'min_remaining'],
    ['limits of an action that is not declared', 'actions', 'test.atc'],
    ['a budget of an undeclared kind', 'budgets', 'kind'],
    ['a protected entry of an undeclared label', 'protected', 'colour'],
    ['a protected entry without ids', 'protected', 'ids'],
    ['a key that there is not', 'budgetz', ''],
  ])('is named with %s', (_title, path, named) => {
    expect(exit.stderr).toMatch(complaint('limits', path, named));
  });

  it('ends the start with 2 when it is not there, or no YAML', async () => {
    const missing = await startAndFail({ prepare: folder => rmSync(join(folder, 'limits.yaml')) });
    expect(missing.code, missing.stderr).toBe(2);
    expect(missing.stderr).toMatch(
      /^\/.*\/limits\.yaml: there is no such file: `limits` of the configuration names it$/mu,
    );
    const broken = await startAndFail({ limitsText: '{"actions": {"test.act":' });
    expect(broken.code, broken.stderr).toBe(2);
  });
});

describe('a gate that starts', () => {
  it('finds its file by INTERLOCK_CONFIG, says its address, and ends with 0', async () => {
    const { gate, api } = await standing({ named: 'environment' });
    expect((await api.get('/livez', { as: null })).status).toBe(200);
    const exit = await gate.stop();
    expect(exit.code).toBe(0);
    expect(exit.stdout).toContain(gate.url);
  });

  it('finds its file in its folder, and says in its log with which store, policy revision and limits file it starts, and that the store is new', async () => {
    const { gate, api } = await standing({ named: 'default', store: './store' });
    const started = gate.logs().find(({ msg }) => msg === 'starting');
    expect(started).toMatchObject({
      config: join(gate.folder, 'interlock.yaml'),
      store: join(gate.folder, 'store'),
      limits: join(gate.folder, 'limits.yaml'),
      kill_file: join(gate.folder, 'KILL'),
    });
    const policy: unknown = JSON.parse((await api.get('/v1/policy')).text);
    expect(policy).toMatchObject({ digest: started?.['policy_revision'] });
    const isNew = (): number =>
      gate.logs().filter(({ msg }) => String(msg).includes('a new, empty one is made')).length;
    expect(isNew()).toBe(1);
    await gate.restart();
    expect(isNew()).toBe(1);
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

describe('a gate that cannot start', () => {
  it('because its address is in use says so with what to do, and ends with 2', async () => {
    const { gate } = await standing();
    const { host } = new URL(gate.url);
    const exit = await startAndFail({ config: { listen: host }, ...(await ownStore()) });
    expect(exit.code, exit.stderr).toBe(2);
    expect(exit.stderr).toMatch(
      new RegExp(
        `^interlock: The address ${host} is in use: .* name another address with \`listen\`\\.$`,
        'mu',
      ),
    );
    expect(exit.stderr).not.toContain('    at ');
  });

  // The unit for systemd does not start a gate again that ended with 2.
  it('because its address is not there yet, as while its machine starts, ends with 3', async () => {
    const elsewhere = { listen: '192.0.2.1:7070', plaintext: 'behind-a-proxy' };
    const exit = await startAndFail({ config: elsewhere, ...(await ownStore()) });
    expect(exit.code, exit.stderr).toBe(3);
    expect(exit.stderr).toMatch(
      /^interlock: The address 192\.0\.2\.1:7070 is not an address of this machine, or not yet\. /mu,
    );
    expect(exit.stderr).not.toContain('    at ');
  });

  it('because its store is a file says so in a sentence, and ends with 2', async () => {
    const exit = await startAndFail({ prepare: folder => writeFileSync(join(folder, 'store'), '') });
    expect(exit.code, exit.stderr).toBe(2);
    expect(exit.stderr).toMatch(
      /^interlock: The store \S+\/store cannot be used: it is there, and is no folder\./mu,
    );
    expect(exit.stderr).not.toContain('    at ');
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
    expect(engaged.text).toContain(`make ${join(gate.folder, 'KILL')}, and this gate forwards nothing`);
    const seen = await api.get('/v1/kill-switch');
    expectProblem(seen, 503);
    expect(seen.body.detail).toContain(`make ${join(gate.folder, 'KILL')}`);
    expect((await api.get('/livez', { as: null })).status).toBe(200);
    expect((await api.get('/readyz', { as: null })).status).toBe(503);
    writeFileSync(join(gate.folder, 'KILL'), '');
    expect((await api.get('/v1/kill-switch')).body.detail).toContain(
      `The kill file ${join(gate.folder, 'KILL')} engages this gate now`,
    );
    const engagedInLog = (): number =>
      gate.logs().filter(({ msg }) => String(msg).startsWith('the kill file engages this gate')).length;
    await until(
      async () => engagedInLog(),
      count => count === 1,
    );
    expectProblem(await api.submit('test.act', ['host-001']), 503);
    expect((await gate.stop()).code).toBe(0);
  });
});

describeWithPostgres('a gate whose database must not be used', () => {
  it.each([
    [
      'is newer than the gate',
      "insert into migrations (number, name, checksum) values (9999, '9999_later.sql', 'sha256:later')",
      'The database is newer than this gate: it has the migration 9999_later.sql',
    ],
    [
      'has a migration that is not the one that ships',
      "update migrations set checksum = 'sha256:edited' where number = 1",
      'The migration 0001_gate.sql was edited after it landed in the database',
    ],
  ])('does not start when it %s, and says so', async (_title, change, sentence) => {
    const database = await freshDatabase();
    closing.push({ close: () => database.drop() });
    await asAdmin(change, database.name);
    expectEndedStart(await startAndFail({ store: database.url }), sentence);
  });

  it('does not start on a server that can lose what it acknowledged, and says so', async () => {
    const server = await startPostgres({ settings: { fsync: 'off' } });
    closing.push({ close: () => server.stop() });
    const exit = await startAndFail({ store: `${server.adminUrl}/postgres` });
    expectEndedStart(exit, 'The server runs with fsync=off');
  });
});

/** It ended by itself, never said an address, and told the operator why. */
function expectEndedStart(exit: Exit, sentence: string): void {
  expect(exit.code, exit.stderr).toBe(2);
  expect(exit.stdout).toBe('');
  expect(exit.stderr).toContain(sentence);
}

describeWithPostgres('a gate that starts before its database', () => {
  it('comes into service when the database is there', async () => {
    const database = await freshDatabase();
    const line = await startForwarder(Number(new URL(database.url).port), { open: false });
    closing.push({ close: () => database.drop() }, line);
    const { api, executor: tool } = await standing({ store: line.through(database.url) });
    expectProblem(await api.submit('test.act', ['host-001']), 503, 'store.unavailable');
    await line.open();
    await until(
      () => api.get('/readyz', { as: null }),
      ({ status }) => status === 200,
      60_000,
    );
    expect((await api.put('host', hosts('host', 3))).status).toBe(200);
    await expectDelivered(api, await api.submit('test.act', ['host-001']));
    expect(tool.received()).toHaveLength(1);
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
    // Behind one address, the next try may reach a gate that is not stale.
    expect(stale.headers.get('connection')).toBe('close');
    const tried = await api.preflight('test.act', ['host-001']);
    expectProblem(tried, 503, 'policy.stale');
    expect(tried.headers.get('connection')).toBe('close');
    // Who copied the files to the wrong folder does not read that all is well.
    process.kill(gate.pid, 'SIGHUP');
    const told = await until(
      async () =>
        await Promise.resolve(gate.logs().find(({ msg }) => String(msg).startsWith('loaded again'))),
      line => line !== undefined,
    );
    expect(told).toMatchObject({ level: 40, msg: expect.stringMatching(/and not the active ones.*SIGHUP/u) });
    // What would be answered alike elsewhere lets nobody go.
    expect((await api.release('nobody')).headers.get('connection')).toBe('keep-alive');
    // Nor does it refuse by its own configuration: the active one may have another.
    expectProblem(await api.submit('test.act', []), 503, 'policy.stale');
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
