import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { auditedStore, type AuditedStore } from './audited-store.ts';

// Whoever is superuser can switch the triggers off. Of each append-only table a row is altered, column by column, taken away, and put
// in; `audit verify` finds it and names it. Where nothing vouches for a column, that is said here, and the table's own guard stands.

const ALLOWED = `(select id from decisions where decision = 'allowed' order by seq limit 1)`;
const FIRST = {
  entries: `seq = (select min(seq) from entries where type = 'inventory')`,
  decisions: `id = ${ALLOWED}`,
  target_sets: `digest = (select targets_digest from decisions where id = ${ALLOWED})`,
  spends: `ctid = (select min(ctid) from spends where dimension = 'region')`,
  asks: `ctid = (select min(ctid) from asks where refused_by = '{}')`,
  evidence: `seq = (select min(seq) from evidence)`,
  inventory_revisions: 'revision = 1',
} as const;
type Table = keyof typeof FIRST;

/** How findings name a row. */
const NAMES: Readonly<Record<Table, readonly [string, ...string[]]>> = {
  entries: [`'Entry ' || seq || ' '`],
  decisions: [`'decisions: decision ' || id || ' '`],
  target_sets: [`'target_sets: target set ' || digest || ' '`],
  spends: [
    `'spends: the spend of ' || principal || ' by ' || action || ' on ' || dimension || ' ' || value || ' at ' || at || ' '`,
  ],
  asks: [`'asks: the count of requests of ' || principal || ' for ' || action || ' at ' || at || ' '`],
  evidence: [`'evidence: the evidence of entry ' || seq || ' '`],
  inventory_revisions: [
    `'inventory_revisions: revision ' || revision || ' of ' || kind || ' '`,
    `'inventory_revisions: the revision of entry ' || seq || ' '`,
  ],
};

/** Nothing vouches for a column, and why; and another value for it. */
interface Guarded {
  readonly guard: string;
  readonly value: string;
}

/** Each column with another value; `guard` is why only the table's own guard keeps it as it was. */
const ALTERED: Readonly<Record<Table, Readonly<Record<string, string | Guarded>>>> = {
  entries: {
    seq: 'seq + 1000',
    at: `at + interval '1 millisecond'`,
    type: `'evidence'`,
    body: `'{}'`,
    prev: `prev || 'x'`,
    hash: `hash || 'x'`,
  },
  decisions: {
    id: 'gen_random_uuid()',
    mode: `'preflight', seq = null, holds_key = false`,
    seq: 'seq + 1000',
    decided_at: `decided_at + interval '1 millisecond'`,
    principal: `'other'`,
    action: `'host.reboot'`,
    kind: `'other'`,
    decision: `'refused', rules = array['x']`,
    status: '403',
    rules: `array['x'], decision = 'refused'`,
    idempotency_key: `'other'`,
    holds_key: 'false',
    body_digest: `'other'`,
    targets_digest: `'sha256:other'`,
    target_count: 'target_count + 1',
    document: `replace(document::text, 'allowed', 'refused')::json`,
    position: { guard: 'pre-flights have one too', value: 'default' },
  },
  target_sets: {
    kind: `'other'`,
    digest: `'sha256:' || repeat('0', 64)`,
    ids: `array_fill('x'::text, array[target_count])`,
    target_count: `target_count + 1, ids = ids || array['x']`,
  },
  spends: {
    version: 'version + 1',
    at: `at + interval '1 hour'`,
    kind: `'other'`,
    action: `'other'`,
    principal: `'other'`,
    dimension: `'fleet'`,
    value: `'x'`,
    count: 'count + 1',
    weights: `'{"traffic": 1}'`,
  },
  asks: {
    version: 'version + 1000',
    at: `at + interval '1 hour'`,
    action: `'other'`,
    principal: `'other'`,
    refused_by: `array['fleet/3600']`,
    count: 'count + 1',
  },
  evidence: {
    seq: 'seq + 1000',
    at: `at + interval '1 hour'`,
    principal: `'other'`,
    artifact: `'other'`,
    name: `'other'`,
    status: `'passed'`,
    dimension: `'state'`,
    value: `'us'`,
  },
  inventory_revisions: {
    kind: `'other'`,
    revision: 'revision + 1000',
    method: `'patch'`,
    as_of: `as_of - interval '1 second'`,
    loaded_at: `loaded_at - interval '1 second'`,
    count: 'count + 1',
    added: 'added + 1',
    removed: 'removed + 1',
    changed: 'changed + 1',
    relabelled: 'relabelled + 1',
    forced_shrink: 'true',
    forced_change: 'true',
    seq: 'seq - 1',
  },
};

/** Where others than the table itself tell, and still name the row. */
const ELSEWHERE: Readonly<Record<string, readonly [string, ...string[]]>> = {
  // No document holds the kind; what was allowed of it does.
  'decisions.kind': [`'operations: operation ' || id || ' '`],
  // Its entry has lost what it says.
  decisions: NAMES.entries,
};

/** A row more: a copy of one there is, under another name where it must have one. */
const INSERTED: Readonly<Record<Table, string>> = {
  entries: `insert into entries select max(seq) + 1, max(at), 'outcome', '{}', 'sha256:x', 'sha256:x' from entries`,
  decisions: `insert into decisions (id, mode, seq, decided_at, principal, action, kind, decision, status, rules, idempotency_key, holds_key,
      body_digest, targets_digest, target_count, document)
    select gen_random_uuid(), mode, 1000, decided_at, principal, action, kind, decision, status, rules, 'other', holds_key,
      body_digest, targets_digest, target_count, document from decisions where ${FIRST.decisions}`,
  target_sets: `insert into target_sets select kind, 'sha256:' || encode(sha256(E'x\\n'), 'hex'), array['x'], 1 from target_sets limit 1`,
  spends: `insert into spends select * from spends where ${FIRST.spends}`,
  asks: `insert into asks select * from asks where ${FIRST.asks}`,
  evidence: `insert into evidence select seq + 1000, at, principal, artifact, name, status, dimension, value from evidence where ${FIRST.evidence}`,
  inventory_revisions: `insert into inventory_revisions select kind, revision + 1000, method, as_of, loaded_at, count, added, removed, changed,
      relabelled, forced_shrink, forced_change, 1 from inventory_revisions where ${FIRST.inventory_revisions}`,
};

/** Which row that is; where it is a copy it has the name of the first. */
const PUT_IN: Readonly<Record<Table, string>> = {
  ...FIRST,
  entries: 'seq = (select max(seq) from entries)',
  decisions: 'seq = 1000',
  target_sets: `ids = array['x']`,
  evidence: 'seq > 1000',
  inventory_revisions: 'revision > 1000',
};

const tables = Object.keys(FIRST).filter((name): name is Table => Object.hasOwn(FIRST, name));

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

it('nothing is found where nobody has been', async () => {
  expect(await audited.findings()).toEqual([]);
});

it('these are the tables that are append-only, and these their columns', async () => {
  const { rows: guarded } = await sql<{ name: string }>`
    select tgrelid::regclass::text as name from pg_trigger where tgname like '%\\_append\\_only' order by 1`.execute(
    audited.store.db,
  );
  expect(guarded.map(({ name }) => name)).toEqual(tables.toSorted());
  for (const table of tables) {
    const { rows } = await sql<{ name: string }>`
      select column_name as name from information_schema.columns where table_schema = 'public' and table_name = ${table} order by ordinal_position`.execute(
      audited.store.db,
    );
    expect(rows.map(({ name }) => name)).toEqual(Object.keys(ALTERED[table]));
  }
});

describe.each(tables)('a row of %s', table => {
  const namesOf = async (where: string, names: readonly string[] = NAMES[table]): Promise<string[]> => {
    const { rows } = await sql<{ names: string[] }>`
      select array[${sql.raw(names.join(', '))}] as names from ${sql.raw(table)} where ${sql.raw(where)}`.execute(
      audited.store.db,
    );
    return rows.flatMap(row => row.names);
  };
  /** Spoils one row. @returns its names, as it was and as it is now */
  const spoilt = async (statement: string, names: readonly string[]): Promise<string[]> => {
    const before = new Set(await namesOf('true'));
    expect(await audited.spoil(statement)).toBe(1);
    const after = await namesOf('true');
    return [...names, ...after.filter(name => !before.has(name))];
  };
  /** The row is named, and of its table no other is. */
  const expectFound = async (names: readonly string[]): Promise<void> => {
    expect(names).not.toEqual([]);
    const findings = await audited.findings();
    const isNamed = (message: string): boolean => names.some(name => message.startsWith(name));
    expect(findings.filter(isNamed), findings.join('\n')).not.toEqual([]);
    expect(findings.filter(message => message.startsWith(`${table}: `) && !isNamed(message))).toEqual([]);
  };
  const columns = Object.entries(ALTERED[table]);

  it.each(columns.filter((one): one is [string, string] => typeof one[1] === 'string'))(
    'is found when its %s was altered',
    async (column, value) => {
      const names = await namesOf(FIRST[table], ELSEWHERE[`${table}.${column}`]);
      await expectFound(
        await spoilt(`update ${table} set ${column} = ${value} where ${FIRST[table]}`, names),
      );
    },
  );

  it.each(columns.filter((one): one is [string, Guarded] => typeof one[1] !== 'string'))(
    'is kept by the table itself from another %s',
    async (column, { value }) => {
      const statement = `update ${table} set ${column} = ${value} where ${FIRST[table]}`;
      await expect(sql.raw(statement).execute(audited.store.db)).rejects.toThrow(
        'is append-only: UPDATE is refused',
      );
      // Should verify come to find it, it belongs above.
      await audited.spoil(statement);
      expect(await audited.findings()).toEqual([]);
    },
  );

  it('is found when it was taken away', async () => {
    const names = await namesOf(FIRST[table], ELSEWHERE[table]);
    await expectFound(await spoilt(`delete from ${table} where ${FIRST[table]}`, names));
  });

  it('is found when it was put in', async () => {
    expect(await audited.spoil(INSERTED[table])).toBe(1);
    await expectFound(await namesOf(PUT_IN[table]));
  });
});

it('a decision that was altered is found, also where its entry was given the document as it was', async () => {
  await sql`alter table entries drop constraint entries_body`.execute(audited.store.db);
  try {
    await audited.spoil(
      `update entries set body = d.document from decisions d where d.seq = entries.seq and d.id = ${ALLOWED}`,
    );
    await audited.spoil(
      `update decisions set document = jsonb_set(document::jsonb, '{reason}', '"a lie"')::json where id = ${ALLOWED}`,
    );
    expect((await audited.findings()).filter(message => message.startsWith('Entry '))).not.toEqual([]);
  } finally {
    await audited.putBack();
    await sql`alter table entries add constraint entries_body check ((body is null) = (type = 'decision'))`.execute(
      audited.store.db,
    );
  }
});

it('a store of before it was kept who settled what is looked at all the same', async () => {
  await sql`alter table operations drop column settled_by`.execute(audited.store.db);
  try {
    const findings = await audited.findings();
    // Of what was settled since then it is missing, which is found.
    expect(findings).toContain(
      `operations: operation ${audited.allowed.refused} answers otherwise than its entries in the chain say.`,
    );
    expect(findings.filter(message => !message.includes('answers otherwise'))).toEqual([]);
  } finally {
    await sql`alter table operations add column settled_by text`.execute(audited.store.db);
  }
});

describe('a NUL in a document, as older gates recorded it of parameters', () => {
  const saying = (parameters: string, where: string): string =>
    `update decisions set document = regexp_replace(document::text, '^.', '{"parameters":${parameters},')::json where ${where}`;

  it.each([
    ['in a string', String.raw`{"path":"/srv\\u0000\\u0000"}`],
    ['in the name of a parameter', String.raw`{"q\\u0000":1}`],
    ['behind a backslash', String.raw`{"path":"\\\\\\u0000"}`],
  ])('%s keeps nothing from being looked at', async (_, parameters) => {
    expect(await audited.spoil(saying(parameters, `mode = 'preflight'`))).toBeGreaterThan(0);
    try {
      // Pre-flights are outside the chain: nothing else can find them altered.
      expect(await audited.findings()).toEqual([]);
      await audited.spoil(`update operations set action = 'other' where id = ${ALLOWED}`);
      expect((await audited.findings()).filter(one => one.startsWith('operations: '))).not.toEqual([]);
    } finally {
      await audited.putBack();
    }
  });

  it('is told from a backslash and letters: what stands in a column and in the document is compared as it is', async () => {
    const digest = String.raw`a\u0000b`;
    const spoilt = await audited.spoil(
      `update decisions set body_digest = '${digest}',
        document = jsonb_set(document::jsonb, '{body_digest}', to_jsonb('${digest}'::text))::json where mode = 'preflight'`,
    );
    expect(spoilt).toBeGreaterThan(0);
    try {
      expect(await audited.findings()).toEqual([]);
    } finally {
      await audited.putBack();
    }
  });
});
