import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { checkRules } from '../../src/kit/check-rules.ts';
import { publicReason, type Reason } from '../../src/kit/refusal.ts';
import { rules } from '../../src/kit/rules.ts';
import { createPolicy } from '../../src/policy/create-policy.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { Limits } from '../../src/policy/limits.ts';
import { entry, facts, limits, shippedBundle, withEntry } from '../policy/samples.ts';
import { host, names, type Answer, type Targets } from '../support/api.ts';
import { formatted } from '../support/formatted.ts';
import { standing } from '../support/standing.ts';

// src/kit/reason-examples.ts is made here: each reason is what the gate, or the policy that ships, really says. After a change of what
// they say: `npx vitest run --config test/vitest.config.ts test/api/reason-examples.test.ts -u`.

const made = fileURLToPath(new URL('../../src/kit/reason-examples.ts', import.meta.url));

const shown = (answer: Answer): Reason | undefined => {
  const [first] = answer.body.reasons ?? [];
  // Of this gate and this run; the rest is the same each time.
  const text = JSON.stringify(first ?? null).replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, ID);
  const same = text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, TIME)
    .replace(/"measured":72\d\d,/, '"measured":7200,');
  const reason: Reason | null = JSON.parse(same);
  return reason ?? undefined;
};
const ID = '0d2f8a52-7c1e-4f6b-9a3d-5e8b1c7f2a40';
const TIME = '2026-11-28T09:41:07.318Z';

const little = { share_ppm: 1_000, at_least: 0 };
const canary = [{ name: 'canary', max_age_s: 86_400 }];
const { plan: _plan, ...unplanned } = facts;

/** What makes the request of the samples be refused by each rule of the checks that ship. */
const refusedBy: Readonly<
  Record<keyof typeof checkRules, { from?: Facts; facts?: Partial<Facts>; limits?: Limits }>
> = {
  'blast_radius.max_per_value': { limits: withEntry({ max_per_value: { rack: 1 } }) },
  'blast_radius.max_targets': { limits: withEntry({ max_targets: 2 }) },
  'blast_radius.max_values': { limits: withEntry({ max_values: { rack: 1 } }) },
  'blast_radius.min_remaining': { limits: withEntry({ min_remaining: { rack: 31 } }) },
  'blast_radius.share': { limits: withEntry({ max_share: { fleet: little } }) },
  'blast_radius.weight': { limits: withEntry({ max_weight: { traffic: { fleet: little } } }) },
  'budget.in_flight': { limits: withEntry({ max_in_flight: 1 }) },
  'budget.requests': { limits: withEntry({ max_requests: [{ per: 'principal', over_s: 60, max: 4 }] }) },
  'budget.window': {
    limits: withEntry({
      windows: [{ per: 'fleet', over_s: 3_600, max_targets: 12 }, ...entry.windows.slice(1)],
    }),
  },
  'effects.missing': { facts: { effects: {} } },
  'effects.loss': { facts: { effects: { records: { before: 1_000, after: 940 } } } },
  'effects.growth': { facts: { effects: { records: { before: 1_000, after: 1_200 } } } },
  'effects.empties': {
    facts: { effects: { records: { before: 1, after: 0 } } },
    limits: withEntry({ effects: { records: { min_after: 1 } } }),
  },
  'effects.not_reversible': {
    facts: { effects: { records: { before: 1_000, after: 1_060 } } },
  },
  'evidence.failed': {
    facts: { evidence: [{ index: 0, count: 3, status: 'failed', at_ms: 1_789_999_900_000 }] },
    limits: withEntry({ require_evidence: canary }),
  },
  'evidence.missing': {
    facts: { evidence: [{ index: 0, count: 3, status: 'none' }] },
    limits: withEntry({ require_evidence: canary }),
  },
  'exception.does_not_fit': { facts: { exception: { index: 0, used: 298, matching: 3 } } },
  'freeze.in_force': {
    facts: { freezes: [{ index: 0, status: 'in_force' }] },
    limits: { ...limits, freezes: limits.freezes.map(({ except: _except, ...freeze }) => freeze) },
  },
  'labels.not_allowed': { limits: withEntry({ require: { state: ['retired'] } }) },
  'labels.too_old': { limits: withEntry({ require_recent: { restored_at: 86_400 } }) },
  'labels.too_young': { limits: withEntry({ require_age: { quarantined_at: 2_592_000 } }) },
  'plan.missing': { from: unplanned },
  'plan.stale': { facts: { plan: { generation: 811, highest: 812 } } },
  'policy.no_limits': { limits: { ...limits, actions: {} } },
  'principal.mismatch': { facts: { principal_labels: { environment: 'prod' } } },
  'protected.target': { facts: { protected: [{ index: 0, count: 1, first: ['host-001'] }] } },
  'stage.baking': {
    facts: {
      stage: {
        ...facts.stage,
        ...{ reached: 12, opened: 12, reached_ever: 12, unsettled: 0, delivered_ms: 1_789_999_400_000 },
        health: { status: 'passed', at_ms: 1_789_999_500_000 },
      },
    },
  },
  'stage.no_evidence': {
    facts: {
      stage: {
        ...facts.stage,
        ...{ reached: 12, opened: 12, reached_ever: 12, unsettled: 0, delivered_ms: 1_789_990_000_000 },
      },
    },
  },
  'stage.too_large': {
    facts: { stage: { ...facts.stage, reached: 0, opened: 0, reached_ever: 0, unsettled: 0 } },
    limits: withEntry({ stages: [{ upto: little }, ...(entry.stages ?? []).slice(1)] }),
  },
  'stage.unsettled': {
    facts: { stage: { ...facts.stage, reached: 12, opened: 12, reached_ever: 12, unsettled: 1 } },
  },
};

const wipe = { irreversible: true };
const on = standing({
  store: 'embedded',
  config: {
    kinds: {
      host: {
        dimensions: ['region', 'zone', 'cluster', 'rack', 'role'],
        labels: ['state', 'owner'],
        max_age: '24h',
        max_shrink: '10%',
        max_change: '10%',
      },
      scope: { dimensions: ['region'], max_age: '24h', max_shrink: '10%', max_change: '10%' },
      rack: { dimensions: ['region'], max_age: '1h', max_shrink: '10%', max_change: '10%' },
      switch: { dimensions: ['region'], max_age: '24h', max_shrink: '10%', max_change: '10%' },
    },
    actions: {
      'test.act': {
        parameters: {
          type: 'object',
          properties: { passes: { type: 'integer', minimum: 1 }, path: { type: 'string' } },
        },
      },
      'disk.wipe': wipe,
      'rack.drain': { kind: 'rack' },
      'switch.reset': { kind: 'switch' },
      'scope.push': { kind: 'scope' },
    },
  },
  inventory: {
    host: names('host', 20).map(id => host(id)),
    scope: [{ id: 'scope-001', labels: { region: 'eu' } }],
  },
  // Accepted, so that the targets stay in operation; a wipe is delivered at once.
  script: ({ json }) => ({ type: 'answer', status: JSON.stringify(json).includes('disk.wipe') ? 200 : 202 }),
});

/** Asks a gate for what each of its own rules refuses. */
async function asked(): Promise<Readonly<Record<string, Answer>>> {
  const { api } = on;
  const ask = async (targets: Targets, fields = {}, action = 'test.act') =>
    await api.preflight(action, targets, { fields });
  const one = ['host-001'];
  const twice = async (action: string, id: string): Promise<Answer> => {
    await api.submit(action, [id]);
    return await ask([id], {}, action);
  };
  const body = api.bodyOf('test.act', ['host-009']);
  await api.ask(body, { key: 'example' });
  const old = new Date(Date.now() - 7_200_000).toISOString();
  await api.put('rack', [{ id: 'rack-001', labels: { region: 'eu' } }], `?as_of=${old}`);
  const answers = {
    'request.invalid': await ask(one, { tikcet: 'DC-4711' }),
    'request.idempotency_key': await api.ask({ ...body, reason: 'another' }, { key: 'example' }),
    'action.unknown': await ask(one, {}, 'test.acts'),
    'principal.not_allowed': await api.preflight('test.act', one, { as: 'observer' }),
    'targets.empty': await ask([]),
    'targets.blank': await ask([' ']),
    'targets.wildcard': await ask(['*']),
    'targets.malformed': await ask(['host-0*']),
    'targets.ambiguous': await ask({ ids: one, selector: { rack: 'r1' }, expect: 1 }),
    'targets.duplicate': await ask([...one, ...one]),
    'targets.too_many': await ask(names('h', 200_001)),
    'targets.no_expectation': await ask({ selector: { rack: 'r1' } }),
    'targets.unknown': await ask([...one, 'host-021']),
    'targets.wrong_kind': await ask([...one, 'scope-001']),
    'targets.unexpected_count': await ask({ selector: { rack: 'r1' }, expect: 40 }),
    'targets.assertion_failed': await ask({ ids: one, asserts: { zone: 'us-1' } }),
    'targets.in_operation': await twice('test.act', 'host-002'),
    'targets.already_done': await twice('disk.wipe', 'host-003'),
    'parameters.invalid': await ask(one, { parameters: { passes: 0 } }),
    'parameters.blank': await ask(one, { parameters: { path: '' } }),
    'parameters.wildcard': await ask(one, { parameters: { path: '/' } }),
    'inventory.stale': await ask(['rack-001'], {}, 'rack.drain'),
    'inventory.empty': await ask(['switch-001'], {}, 'switch.reset'),
  };
  await api.engage({ reason: 'something is wiping the fleet' });
  return { ...answers, 'kill_switch.engaged': await ask(one) };
}

it('each reason that the page of a rule shows is one that the gate, or the policy that ships, gives', async () => {
  const bundle = await shippedBundle();
  const byPolicy = Object.entries(refusedBy).map(([rule, change]) => {
    const verdict = createPolicy(bundle, change.limits ?? limits).evaluate({
      ...(change.from ?? facts),
      ...change.facts,
    });
    const reason = verdict.allow ? undefined : verdict.reasons.find(one => one.rule === rule);
    return [rule, reason && publicReason(reason)] as const;
  });
  const byGate = Object.entries(await asked()).map(([rule, answer]) => [rule, shown(answer)] as const);
  const all = [...byPolicy, ...byGate].toSorted(([a], [b]) => (a < b ? -1 : 1));
  expect(all.filter(([rule, reason]) => reason?.rule !== rule)).toEqual([]);
  // Nobody learns a rule by what it says where nothing could be told.
  expect(all.filter(([, reason]) => /could not be told/i.test(reason?.message ?? ''))).toEqual([]);
  const text = `// Made by test/api/reason-examples.test.ts: each is what the gate, or the policy that ships, says. Do not edit.
import type { Reason } from './refusal.ts';

/** One reason of each rule that a decision can be refused by. */
export const reasonExamples: Readonly<Record<string, Reason>> = ${JSON.stringify(Object.fromEntries(all), null, 2)};
`;
  await expect(await formatted(made, text)).toMatchFileSnapshot(made);
});

it('and each rule that a decision can be refused by has one', async () => {
  const { reasonExamples } = await import('../../src/kit/reason-examples.ts');
  const decided = Object.entries(rules).filter(([, { step }]) =>
    ['shape', 'targets', 'decide'].includes(step),
  );
  expect(Object.keys(reasonExamples)).toEqual(decided.map(([rule]) => rule).toSorted());
});
