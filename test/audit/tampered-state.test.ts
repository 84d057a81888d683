import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { outcomeChecks } from '../../src/audit/verify-outcome-queries.ts';
import { auditedStore, type AuditedStore } from './audited-store.ts';

// What moves is not in the chain, and is counted anew: each part of each check, by what it alone finds.

let audited: AuditedStore;
beforeAll(async () => {
  audited = await auditedStore();
});
afterEach(async () => {
  await audited.putBack();
});
afterAll(async () => {
  await audited.store.close();
});

/** `$delivered` and so on stand for the requests. */
const named = (text: string): string =>
  text.replaceAll(
    /\$(delivered|refused|pending|rolled)/g,
    (_, which: keyof AuditedStore['allowed']) => audited.allowed[which],
  );

const totals = (what: string): string =>
  `inventory_total_versions: the ${what} is not what the targets in force add up to.`;
const EU = totals('total of region eu of kind host');
const US = totals('total of region us of kind host');
const COUNT = totals('count of kind host');
const weigh = (what: string): string =>
  `${what === 'of kind host' ? 'inventory_kinds' : 'inventory_total_versions'}: the targets ${what} do not weigh together what is kept of them.`;
const SCALES = 'inventory_sources: source scales of kind host is not as old as its last load made it.';
const KIND = 'inventory_kinds: kind host is not in force as its last load made it.';
const operation = (which: string, says: string): string => `operations: operation $${which} ${says}.`;
const ALLOWED = 'is not what was allowed';
const RUN = 'is of another run of its artifact than the decisions say';
const ANOTHER = 'holds: target h6 of operation $rolled is of another artifact than its operation.';
const OUTCOME = 'has another outcome than its last entry in the chain';
const holds = (which: string): string =>
  `holds: operation $${which} does not hold the targets that were allowed.`;
const held = (id: string, which: string): string =>
  `holds: target ${id} of operation $${which} is held otherwise than its operation says.`;
const FACTS = 'does not stand on what its decision stands on';
const VALUES = 'is not in the values that its decision says';
const ANSWERS = 'answers otherwise than its entries in the chain say';
const heldFor = (id: string, which: string): string =>
  `holds: target ${id} of operation $${which} is not held for what was allowed.`;
const labelled = (which: string): string =>
  `holds: operation $${which} does not hold its targets with the labels that they had.`;
const letGo = (id: string): string =>
  `holds: target ${id} of operation $delivered is held no more, and no inventory since can have shown it.`;
const target = (id: string): string =>
  `inventory_targets: target ${id} of kind host is not described by its labels.`;
const H7 = target('h7');
const US_NOW = `value = 'us' and to_revision is null`;
const one = (which: string): string => `id = '$${which}'`;

describe.each<[string, [string, string, string[]][]]>([
  [
    'the totals of what is in force',
    [
      ['a count', `update inventory_total_versions set count = count + 1 where ${US_NOW}`, [US]],
      [
        'what is in service',
        `update inventory_total_versions set in_service = in_service - 1 where ${US_NOW}`,
        [US],
      ],
      ['one gone', `delete from inventory_total_versions where ${US_NOW}`, [US]],
      [
        'one of a value that no target has',
        `insert into inventory_total_versions values ('host', 'region', 'x', 1, 0, 2, null)`,
        [totals('total of region x of kind host')],
      ],
      ['a target gone', `delete from inventory_targets where id = 'h7'`, [COUNT, US]],
      [
        'a target more',
        `insert into inventory_targets select kind, 'x', labels, tags, labels_digest, state, from_revision, to_revision
          from inventory_targets where id = 'h7'`,
        [COUNT, US],
      ],
      [
        'a target ended',
        `update inventory_targets set to_revision = (select revision from inventory_kinds) where id = 'h7' and to_revision is null`,
        [COUNT, US],
      ],
      ['a state', `update inventory_targets set state = 'serving' where id = 'h7'`, [H7, US]],
      [
        'a value',
        `update inventory_targets set labels = jsonb_set(labels, '{region}', '"eu"') where id = 'h7'`,
        [H7, EU, US],
      ],
    ],
  ],
  [
    'what selectors and drift go by',
    [
      ['a tag', `update inventory_targets set tags[1] = tags[1] || 'x' where id = 'h7'`, [H7]],
      ['a tag gone', `update inventory_targets set tags = tags[2:] where id = 'h7'`, [H7]],
      ['a tag more', `update inventory_targets set tags = tags || tags[1] where id = 'h7'`, [H7]],
      ['none', `update inventory_targets set tags = '{}' where id = 'h7'`, [H7]],
      ['a digest', `update inventory_targets set labels_digest = 'sha256:x' where id = 'h7'`, [H7]],
    ],
  ],
  [
    'what is in force',
    [
      [
        'the time that the head is of',
        `update head set at = at + interval '1 hour'`,
        ['head: the head has another time than the last entry.'],
      ],
      ['the time it is of', `update inventory_kinds set as_of = as_of + interval '1 hour'`, [KIND]],
      ['when it was loaded', `update inventory_kinds set loaded_at = loaded_at + interval '1 hour'`, [KIND]],
      ['its count', `update inventory_kinds set count = count + 1`, [KIND, COUNT]],
      ['its revision', 'update inventory_kinds set revision = revision + 1', [KIND]],
      ['none', 'delete from inventory_kinds', [KIND]],
      [
        'its declaration',
        `update inventory_kinds set definition = 'sha256:x'`,
        ['inventory_kinds: kind host is declared otherwise than its last load was.'],
      ],
      [
        'one that was never loaded',
        `insert into inventory_kinds select 'other', revision, count, as_of, loaded_at, definition, version from inventory_kinds`,
        ['inventory_kinds: kind other is not in force as its last load made it.'],
      ],
    ],
  ],
  [
    'what targets weigh',
    [
      [
        'a target',
        `update inventory_targets set weights = '{"traffic": 1000}' where id = 'h6' and to_revision is null`,
        [weigh('of kind host'), weigh('with region us of kind host')],
      ],
      [
        'the sum of a value',
        `update inventory_total_versions set weights = '{"traffic": 1}' where ${US_NOW}`,
        [weigh('with region us of kind host')],
      ],
      [
        'a sum more',
        `update inventory_total_versions set weights = weights || '{"users": 1}' where ${US_NOW}`,
        [weigh('with region us of kind host')],
      ],
      [
        'the sum of all',
        `update inventory_kinds set weights = '{"traffic": 1}'`,
        [weigh('of kind host'), 'inventory_kinds: kind host weighs something else than its last load did.'],
      ],
    ],
  ],
  [
    'when each feed was read',
    [
      [
        'its time',
        `update inventory_sources set as_of = as_of + interval '1 hour' where source = 'scales'`,
        [SCALES],
      ],
      [
        'its declaration',
        `update inventory_sources set definition = 'sha256:x' where source = 'scales'`,
        [SCALES],
      ],
      ['one gone', `delete from inventory_sources where source = 'scales'`, [SCALES]],
      [
        'one that was never loaded',
        `insert into inventory_sources select kind, 'other', as_of, definition from inventory_sources where source = 'scales'`,
        [SCALES.replace('scales', 'other')],
      ],
    ],
  ],
  [
    'what is rolled out',
    [
      [
        'an artifact',
        `update operations set artifact = 'v2' where ${one('rolled')}`,
        [ANOTHER, operation('rolled', ALLOWED)],
      ],
      ['a run', `update operations set run = 2 where ${one('rolled')}`, [operation('rolled', RUN)]],
      [
        'the total of a run',
        `update operations set run_total = run_total + 1 where ${one('rolled')}`,
        [operation('rolled', RUN)],
      ],
      [
        'a plan',
        `update operations set plan_name = 'other' where ${one('rolled')}`,
        [operation('rolled', ALLOWED)],
      ],
      [
        'a generation',
        `update operations set plan_generation = 2 where ${one('rolled')}`,
        [operation('rolled', ALLOWED)],
      ],
      [
        'an exception that it was not allowed under',
        `update operations set exception = 'e1' where ${one('rolled')}`,
        [operation('rolled', ALLOWED)],
      ],
      ['a hold', `update holds set artifact = null where request_id = '$rolled'`, [ANOTHER]],
    ],
  ],
  [
    'operations',
    [
      ...['action', 'kind', 'principal'].map((column): [string, string, string[]] => [
        column,
        `update operations set ${column} = 'other' where ${one('pending')}`,
        [operation('pending', ALLOWED), ...(column === 'principal' ? [] : [heldFor('h2', 'pending')])],
      ]),
      ...['seq', 'target_count'].map((column): [string, string, string[]] => [
        column,
        `update operations set ${column} = ${column} + 1000 where ${one('pending')}`,
        [operation('pending', ALLOWED)],
      ]),
      [
        'an outcome that nobody told',
        `update operations set outcome = 'unknown' where ${one('pending')}`,
        [operation('pending', OUTCOME)],
      ],
      [
        'another outcome',
        `update operations set outcome = 'unknown' where ${one('delivered')}`,
        [operation('delivered', OUTCOME), held('h0', 'delivered'), held('h4', 'delivered')],
      ],
      ...[
        `http_status = 404`,
        `detail = 'The executor answered 404.'`,
        `detail = null`,
        `attempts = 3`,
        `rule = 'executor.refused'`,
        'was_unknown = true',
      ].map((change): [string, string, string[]] => [
        `an answer of which ${change}`,
        `update operations set ${change} where ${one('delivered')}`,
        [operation('delivered', ANSWERS)],
      ]),
      ...[`settled_by = 'other'`, 'settled_by = null'].map((change): [string, string, string[]] => [
        `a settlement of which ${change}`,
        `update operations set ${change} where ${one('refused')}`,
        [operation('refused', ANSWERS)],
      ]),
      [
        'a settlement by somebody, where it was an answer',
        `update operations set settled_by = 'other' where ${one('delivered')}`,
        [operation('delivered', ANSWERS)],
      ],
      [
        'a settlement taken back',
        `update operations set settled_at = null where ${one('delivered')}`,
        [operation('delivered', ANSWERS), letGo('h0')],
      ],
      [
        'a settlement in the future',
        `update operations set settled_at = settled_at + interval '9 days' where ${one('delivered')}`,
        [operation('delivered', ANSWERS), letGo('h0')],
      ],
      ...[`detail = 'x'`, 'attempts = 2', 'settled_at = decided_at', `rule = 'x'`].map(
        (change): [string, string, string[]] => [
          `an answer, where there is none yet, of which ${change}`,
          `update operations set ${change} where ${one('pending')}`,
          [operation('pending', ANSWERS)],
        ],
      ),
      ...[
        `policy_digest = 'sha256:x'`,
        'inventory_revision = 1000',
        `labels_digest = 'sha256:x'`,
        `decided_at = decided_at + interval '1 hour'`,
      ].map((change): [string, string, string[]] => [
        change,
        `update operations set ${change} where ${one('pending')}`,
        [operation('pending', FACTS)],
      ]),
      ...[`'{}'`, `'[]'`, `'{"region":[]}'`, `'{"region":["us"]}'`, `'{"region":["eu","us"]}'`].map(
        (values): [string, string, string[]] => [
          `the values ${values}`,
          `update operations set dimension_values = ${values} where ${one('pending')}`,
          [operation('pending', VALUES)],
        ],
      ),
      [
        'one gone',
        `delete from operations where ${one('refused')}`,
        [operation('refused', ALLOWED), operation('refused', OUTCOME), held('h5', 'refused')],
      ],
      [
        'one that was never allowed',
        `insert into operations select (json_populate_record(o, '{"id": "00000000-0000-4000-8000-000000000000", "seq": 1000}')).*
          from operations o where ${one('pending')}`,
        [ALLOWED, VALUES].map(says => `operations: operation 00000000-0000-4000-8000-000000000000 ${says}.`),
      ],
    ],
  ],
  [
    'holds',
    [
      [
        'a target exchanged',
        `update holds set target_id = 'h6' where target_id = 'h2'`,
        [holds('pending'), labelled('pending')],
      ],
      ['one gone', `delete from holds where target_id = 'h2'`, [holds('pending')]],
      [
        'one more',
        `insert into holds select kind, 'h6', request_id, action, irreversible, labels_digest, state, phase, version
          from holds where target_id = 'h2'`,
        [holds('pending'), labelled('pending')],
      ],
      [
        'an irreversible one that can be undone',
        `update holds set irreversible = false where target_id = 'h4'`,
        [heldFor('h4', 'delivered')],
      ],
      [
        'one of another action',
        `update holds set action = 'host.reboot' where target_id = 'h4'`,
        [heldFor('h4', 'delivered')],
      ],
      [
        'one of another kind',
        `update holds set kind = 'x' where target_id = 'h4'`,
        [heldFor('h4', 'delivered')],
      ],
      [
        'other labels',
        `update holds set labels_digest = 'sha256:x' where target_id = 'h4'`,
        [labelled('delivered')],
      ],
      ['another state', `update holds set state = 'gone' where target_id = 'h4'`, [labelled('delivered')]],
      [
        'one that was done, let go while its target is what it was',
        `update holds set phase = 'closed' where target_id = 'h4'`,
        [letGo('h4')],
      ],
      ['one let go', `update holds set phase = 'closed' where target_id = 'h2'`, [held('h2', 'pending')]],
      [
        'one kept for what was not done',
        `update holds set phase = 'done' where target_id = 'h5'`,
        [held('h5', 'refused')],
      ],
      [
        'one of nobody',
        `insert into holds select kind, 'h6', '00000000-0000-4000-8000-000000000000', action, irreversible, labels_digest,
          state, phase, version from holds where target_id = 'h5'`,
        [
          'holds: target h6 of operation 00000000-0000-4000-8000-000000000000 is held otherwise than its operation says.',
        ],
      ],
    ],
  ],
])('%s', (_, cases) => {
  it.each(cases)(
    'that are spoilt are found, each part by itself: %s',
    async (_title, statement, expected) => {
      expect(await audited.spoil(named(statement))).toBe(1);
      expect((await audited.findings()).toSorted()).toEqual(expected.map(named).toSorted());
    },
  );
});

const DOCUMENT = /^decisions: decision \S+ is not what its document says\.$/;

it.each([
  [
    'a rule more',
    `update decisions set rules = rules || array['x'] where 'targets.unknown' = any (rules)`,
    DOCUMENT,
  ],
  [
    'a rule less',
    `update decisions set rules = array['budget.requests'] where cardinality(rules) = 2`,
    DOCUMENT,
  ],
  [
    'a spend where nothing was due',
    `insert into spends select version, at, kind, action, principal, dimension, 'x', count from spends where dimension = 'region' limit 1`,
    /^spends: the spend of bot by \S+ on region x at .* is not what the allowed decisions of that time took\.$/,
  ],
  ...[`'{"traffic": 1}'`, `'{}'`, 'null', `weights || '{"users": 0}'`].map(
    (weights): [string, string, RegExp] => [
      `a spend that weighs ${weights}`,
      `update spends set weights = ${weights} where ctid = (select min(ctid) from spends where dimension = 'region' and value = 'eu')`,
      /^spends: the spend of bot by disk\.wipe on region eu at .* does not weigh what the allowed decisions of that time took\.$/,
    ],
  ),
  [
    'a count of requests where none came',
    `insert into asks select version, at, 'other', principal, refused_by, count from asks where refused_by = '{}' limit 1`,
    /^asks: the count of requests of bot for other at .* is not how often was asked then\.$/,
  ],
])('%s is found, and nothing else', async (_, statement, finding) => {
  expect(await audited.spoil(statement)).toBe(1);
  expect(await audited.findings()).toEqual([expect.stringMatching(finding)]);
});

it('searches the chain for a declaration since only where labels differ, and not for each decision', async () => {
  const check = outcomeChecks.find(({ says }) => labelled('').endsWith(`${says}.`));
  const plan = await audited.store.db.transaction().execute(async tx => {
    // As it is planned for many rows.
    await sql`set local enable_nestloop = off`.execute(tx);
    return await sql`explain (analyze, format json) ${check?.rows ?? sql`select`}`.execute(tx);
  });
  const subPlans = [...JSON.stringify(plan.rows).matchAll(/"SubPlan".*?"Actual Loops":(\d+)/g)];
  expect(subPlans.length).toBeGreaterThan(0);
  expect(subPlans.map(([, loops]) => loops)).toEqual(subPlans.map(() => '0'));
});
