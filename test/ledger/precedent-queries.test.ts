import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Store } from '../../src/db/store.ts';
import type { Operation } from '../../src/ledger/operation.ts';
import { readPrecedents, type WantedEvidence } from '../../src/ledger/precedent-queries.ts';
import { Precedents } from '../../src/ledger/precedents.ts';
import { limits } from '../support/gate-parts.ts';
import { memoryStore } from '../support/store.ts';
import { waiting } from '../support/waiting-operation.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
  // Rows as the ledger would write them, without what they refer to.
  await sql`set session_replication_role = replica`.execute(store.db);
});
afterAll(async () => await store.close());

const of = (name: string, dimension = '', value = ''): WantedEvidence => ({
  artifact: 'a1',
  name,
  dimension,
  value,
});

async function evidenceOf(...evidence: readonly WantedEvidence[]) {
  const { evidence: found } = await readPrecedents(store.db, { evidence, rollouts: [], plans: [] });
  return (found ?? [])
    .toSorted((a, b) => a.seq - b.seq)
    .map(row => [row.seq, row.by, row.status, row.value].join(' '));
}

describe('what was seen of an artifact', () => {
  it('is read of what is asked for, however much else was said', async () => {
    const canaries = Array.from({ length: 300 }, (_, index) => [
      index,
      'one',
      'canary',
      'passed',
      `r${index}`,
    ]);
    const rows = [
      ...canaries,
      [1000, 'one', 'canary', 'failed', 'r7'],
      [1001, 'two', 'canary', 'failed', 'r8'],
      [1002, 'two', 'canary', 'failed', 'r9'],
      [1003, 'one', 'canary', 'passed', 'r7'],
      [1004, 'one', 'canary', 'passed', ''],
      [1005, 'one', 'health', 'failed', ''],
    ];
    for (const artifact of ['a0', 'a1', 'a2'])
      await sql`
        insert into evidence (seq, at, principal, artifact, name, status, dimension, value)
        select seq + ${Number(artifact.slice(1)) * 10_000 - 10_000}::int, now(), principal, ${artifact}, name, status, case when value = '' then '' else 'rack' end, value
        from jsonb_to_recordset(${JSON.stringify(
          rows.map(([seq, principal, name, status, value]) => ({ seq, principal, name, status, value })),
        )}::jsonb) as r(seq int, principal text, name text, status text, value text)`.execute(store.db);
    expect(await evidenceOf(of('nothing'), of('nothing', 'rack', 'r1'))).toEqual([]);
    const whole = ['1000 one failed r7', '1002 two failed r9', '1004 one passed '];
    expect(await evidenceOf(of('canary'))).toEqual(whole);
    expect(await evidenceOf(of('canary'), of('canary', 'rack', 'r7'), of('canary', 'rack', 'r8'))).toEqual([
      '8 one passed r8',
      '1000 one failed r7',
      '1001 two failed r8',
      '1002 two failed r9',
      '1003 one passed r7',
      '1004 one passed ',
    ]);
    expect(await evidenceOf(of('health'))).toEqual(['1005 one failed ']);
  });
});

describe('a rollout', () => {
  const put = async (id: number, kind: string, outcome: string): Promise<void> => {
    const request = `00000000-0000-4000-8000-00000000000${id}`;
    const row = {
      id: request,
      seq: id,
      action: 'push',
      kind,
      principal: 'bot',
      target_count: 1,
      decided_at: new Date(),
      dimension_values: {},
      artifact: 'a1',
      run: 1,
      run_total: 100,
      outcome,
      phase: 'ended',
      policy_digest: 'p',
      inventory_revision: 1,
      labels_digest: 'd',
      timeout_ms: 1_000,
      valid_for_ms: 1_000,
      idempotent: false,
      was_unknown: false,
      attempts: 1,
      version: id,
    };
    await sql`insert into operations (${sql.join(Object.keys(row).map(name => sql.ref(name)))})
      select ${sql.join(Object.keys(row).map(name => sql.ref(name)))} from jsonb_populate_record(null::operations, ${JSON.stringify(row)}::jsonb)`.execute(
      store.db,
    );
    await sql`insert into holds (kind, target_id, request_id, action, irreversible, labels_digest, phase, version, artifact)
      values (${kind}, 'h1', ${request}::uuid, 'push', false, 'd', 'closed', 1, 'a1')`.execute(store.db);
  };

  it('is of one kind: what its action did to another one is another rollout', async () => {
    await put(1, 'host', 'delivered');
    await put(2, 'host', 'refused');
    const look = async (kind: string) => {
      const one = { action: 'push', kind, artifact: 'a1', dimensions: [], ids: ['h1', 'h2'] };
      return (await readPrecedents(store.db, { evidence: [], rollouts: [one], plans: [] })).rollouts;
    };
    expect(await look('edge')).toBeNull();
    // What was refused is no hit, so that it does not cost each decision after it.
    const hits = [
      { id: 'h1', operation: '00000000-0000-4000-8000-000000000001', outcome: 'delivered', run: 1 },
    ];
    expect(await look('host')).toEqual([
      expect.objectContaining({ kind: 'host', run: 1, total: 100, reached: 1, hits }),
    ]);
    await put(3, 'edge', 'delivered');
    expect(await look('edge')).toEqual([expect.objectContaining({ kind: 'edge', reached: 1 })]);
    expect(await look('host')).toEqual([expect.objectContaining({ kind: 'host', reached: 1 })]);
  });
});

describe('what a batch allows', () => {
  const exception = {
    id: 'e1',
    action: waiting.action,
    set: { max_targets: 100 },
    principal: 'bot',
    owner: 'jo',
    ticket: 'DC-4711',
    until_ms: 1,
    max_targets: 300,
  };
  const named = {
    action: waiting.action,
    kind: 'host',
    artifact: 'a3',
    plan: 'way',
    ids: ['h1'],
    labels: [],
  };
  const allowed = (generation: number, ids: readonly string[]): [Operation, readonly string[], number] => [
    {
      ...waiting,
      id: `r${generation}`,
      targetCount: ids.length,
      artifact: 'a3',
      run: 1,
      runTotal: 100,
      plan: { name: 'way', generation },
      exception: 'e1',
    },
    ids,
    10,
  ];

  // No row tells of it yet: read over it, the next of the batch would find room, and a plan, that are not there any more.
  it('stands when a request of it is looked up again, of targets in another revision', async () => {
    const precedents = new Precedents({ ...limits, exceptions: [exception] });
    await precedents.read(store.db, [named]);
    const told = () => [
      precedents.usedOf('e1'),
      precedents.plan(waiting.action, 'way').highest,
      precedents.rollout(waiting.action, 'host', 'a3')?.placeOf({ again: 0, total: 100 }).run.reached,
    ];
    expect(told()).toEqual([0, undefined, 0]);
    precedents.allow(...allowed(7, ['h1', 'h2', 'h3']));
    expect(told()).toEqual([3, 7, 3]);
    await precedents.read(store.db, [{ ...named, ids: ['h1', 'h4'] }]);
    expect(told()).toEqual([3, 7, 3]);
    // The policy lets none through that is older; what is highest does not rest on that.
    precedents.allow(...allowed(5, ['h4']));
    expect(told()).toEqual([4, 7, 4]);
  });

  it('is no allow under an exception whose use was not looked up', async () => {
    const precedents = new Precedents({ ...limits, exceptions: [exception] });
    await precedents.read(store.db, [{ ...named, action: 'config.push' }]);
    expect(precedents.usedOf('e1')).toBeUndefined();
    expect(() => precedents.allow(...allowed(7, ['h1']))).toThrow('was not looked up');
  });
});
