import { beforeAll, describe, expect, it } from 'vitest';
import { hosts, type Body } from '../support/api.ts';
import { hostKind, wideLimits } from '../support/gate.ts';
import { standing } from '../support/standing.ts';

// Metrics, problem pages, readiness, the API document, the inventory, the policy.

const on = standing({
  config: {
    kinds: { host: hostKind, void: hostKind },
    actions: { 'test.act': {}, 'test.small': {}, 'void.act': { kind: 'void' } },
  },
  limits: {
    actions: {
      'test.act': wideLimits,
      'test.small': { ...wideLimits, max_targets: 1 },
      'void.act': wideLimits,
    },
    protected: [
      { kind: 'host', ids: ['host-010', 'nobody'] },
      { kind: 'host', selector: { role: ['gate'] } },
    ],
  },
  inventory: { host: [...hosts('host', 10), ...hosts('us', 4, { region: 'us', zone: 'us-1' })] },
});

let delivered: Body = {};
beforeAll(async () => {
  delivered = (await on.api.submit('test.act', ['host-001', 'host-002'])).body;
  await on.api.submit('test.small', ['host-001', 'host-002', 'host-003']);
});

/** The value of a sample with these labels, in any order; undefined if there is none. */
const sample = async (
  name: string,
  labels: Readonly<Record<string, string>>,
): Promise<number | undefined> => {
  const { text } = await on.api.get('/metrics', { as: null });
  const line = text
    .split('\n')
    .find(
      one =>
        /^[{ ]/u.test(one.slice(name.length)) &&
        one.startsWith(name) &&
        Object.entries(labels).every(([label, value]) => one.includes(`${label}="${value}"`)),
    );
  return line === undefined ? undefined : Number(line.split(' ').at(-1));
};

describe('the metrics', () => {
  it.each<[string, string, Record<string, string>, number]>([
    [
      'decisions that were allowed',
      'interlock_decisions_total',
      { action: 'test.act', decision: 'allowed', rule: '' },
      1,
    ],
    [
      'decisions by their first rule',
      'interlock_decisions_total',
      { action: 'test.small', decision: 'refused', rule: 'blast_radius.max_targets' },
      1,
    ],
    ['targets that were allowed', 'interlock_targets_total', { action: 'test.act', decision: 'allowed' }, 2],
    [
      'targets that were refused',
      'interlock_targets_total',
      { action: 'test.small', decision: 'refused' },
      3,
    ],
    ['outcomes', 'interlock_outcomes_total', { action: 'test.act', status: 'delivered' }, 1],
    ['an outcome once', 'interlock_outcomes_total', { action: 'test.act', status: 'pending' }, 1],
    ['loads', 'interlock_inventory_loads_total', { kind: 'host', method: 'put', result: 'loaded' }, 1],
  ])('count %s', async (_title, name, labels, value) => {
    expect(await sample(name, labels)).toBe(value);
  });

  it.each([
    ['interlock_decision_duration_seconds', 'histogram'],
    ['interlock_forward_duration_seconds', 'histogram'],
    ['interlock_decisions_total', 'counter'],
    ['interlock_targets_total', 'counter'],
    ['interlock_outcomes_total', 'counter'],
    ['interlock_kill_switch_engaged', 'gauge'],
    ['interlock_inventory_age_seconds', 'gauge'],
    ['interlock_policy_info', 'gauge'],
    ['interlock_ledger_batch_jobs', 'histogram'],
    ['interlock_ledger_batch_duration_seconds', 'histogram'],
    ['interlock_ledger_failed_batches_total', 'counter'],
    ['interlock_operations', 'gauge'],
    ['interlock_oldest_operation_age_seconds', 'gauge'],
    ['interlock_limit_fill_ratio', 'gauge'],
  ])('have %s as a %s', async (name, type) => {
    const { text } = await on.api.get('/metrics', { as: null });
    expect(text).toMatch(new RegExp(`^# TYPE ${name} ${type}$`, 'mu'));
  });

  it('say the age of an inventory, and the revision of the policy', async () => {
    expect(await sample('interlock_inventory_age_seconds', { kind: 'host' })).toBeLessThan(60);
    expect(await sample('interlock_policy_info', { revision: delivered.policy?.revision ?? 'none' })).toBe(1);
  });

  it.each<[string, string, Record<string, string>, number]>([
    ['that the database is there', 'interlock_database_up', {}, 1],
    ['that this policy is the active one', 'interlock_policy_active', {}, 1],
    ['that the clocks agree', 'interlock_clock_jumped', {}, 0],
    ['how old an inventory may be', 'interlock_inventory_max_age_seconds', { kind: 'host' }, 86_400],
    ['that nothing is under way', 'interlock_operations', { action: 'test.act', state: 'unknown' }, 0],
    [
      'and so nothing has been for long',
      'interlock_oldest_operation_age_seconds',
      { action: 'test.act', state: 'accepted' },
      0,
    ],
    [
      'how full a window is',
      'interlock_limit_fill_ratio',
      { action: 'test.act', per: 'fleet', over_seconds: '3600' },
      2 / 10_000_000,
    ],
  ])('say %s', async (_title, name, labels, value) => {
    expect(await sample(name, labels)).toBe(value);
  });

  it('count nothing under an action that is not declared but "unknown"', async () => {
    await on.api.submit('no.such.action', ['host-001']);
    await on.api.preflight('no.such.action', ['host-001']);
    const { text } = await on.api.get('/metrics', { as: null });
    expect(text).not.toContain('no.such.action');
    expect(await sample('interlock_decisions_total', { action: 'unknown', rule: 'action.unknown' })).toBe(1);
  });
});

describe('the page of a problem', () => {
  it.each(['targets.empty', 'blast_radius.share'])('explains %s', async rule => {
    const answer = await on.api.get(`/problems/${rule}`, { as: null });
    expect(answer.status, answer.text).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\//u);
    expect(answer.text).toContain(rule);
  });
});

describe('readiness', () => {
  it('of the process and the database does not hang on an inventory; of deciding says which kind has none', async () => {
    expect((await on.api.get('/livez', { as: null })).status).toBe(200);
    expect((await on.api.get('/readyz', { as: null })).status).toBe(200);
    const decide = await on.api.get('/readyz/decide', { as: null });
    expect(decide.status, decide.text).toBe(503);
    expect(decide.text).toContain('void');
    expect((await on.api.put('void', hosts('void', 1))).status).toBe(200);
    expect((await on.api.get('/readyz/decide', { as: null })).status).toBe(200);
  });
});

describe('the API document', () => {
  it('is there for everybody, as OpenAPI 3', async () => {
    const { body, status } = await on.api.get('/openapi.json', { as: null });
    expect(status).toBe(200);
    expect(body).toMatchObject({ openapi: expect.stringMatching(/^3\./u) });
  });

  it('can be read as a page that loads nothing from elsewhere', async () => {
    const answer = await on.api.get('/docs', { as: null });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toMatch(/^text\/html/u);
    expect(answer.text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//u);
  });
});

describe('what is in force', () => {
  it('is the inventory: each kind with revision, count, age and values', async () => {
    const { body } = await on.api.get('/v1/inventory');
    const found = body.kinds?.find(one => one.kind === 'host');
    expect(found).toEqual({
      kind: 'host',
      revision: expect.any(Number),
      count: 14,
      age_s: expect.any(Number),
      dimensions: {
        region: { eu: 10, us: 4 },
        zone: { 'eu-1': 10, 'us-1': 4 },
        cluster: { c1: 14 },
        rack: { r1: 14 },
        role: { web: 14 },
      },
    });
    expect(found?.age_s).toBeLessThan(60);
  });

  it('is the policy: revision, digest, checks, limits, and what is protected', async () => {
    const { body, text, status } = await on.api.get('/v1/policy');
    expect(status, text).toBe(200);
    expect(body.revision).toBe(delivered.policy?.revision);
    expect(body).toMatchObject({
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/u),
      limits: expect.anything(),
    });
    const { checks, protected: entries } = Object.fromEntries(Object.entries(body));
    expect(checks).toEqual(expect.arrayContaining([expect.objectContaining({ idle: false })]));
    expect(entries).toEqual([
      expect.objectContaining({ matches: 1 }),
      expect.objectContaining({ matches: 0 }),
    ]);
  });

  it('warns of a protected entry that matches nothing', async () => {
    const warnings = on.gate.logs().filter(line => Number(line['level']) >= 40);
    expect(JSON.stringify(warnings)).toMatch(/protected/u);
  });

  it('is said in JSON lines on stderr, without a key', () => {
    const lines = on.gate.logs();
    expect(lines.filter(line => 'text' in line)).toEqual([]);
    expect(JSON.stringify(lines)).not.toContain('test-key-of-');
  });
});
