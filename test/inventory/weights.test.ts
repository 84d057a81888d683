import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ChainVerifier } from '../../src/audit/verify-chain.ts';
import { verifyStore } from '../../src/audit/verify-store.ts';
import type { Kind } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import type { Loaded } from '../../src/inventory/inventory.ts';
import type { LoadRefusal } from '../../src/inventory/load-refusal.ts';
import { memoryStore } from '../support/store.ts';
import {
  freshKind,
  hostLine,
  inventoryOver,
  leftovers,
  oncall,
  refusedWith,
  requestOf,
  taken,
  type Sent,
} from './loading.ts';

let store: Store;
beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => {
  await store.close();
});

const weighed = (more: Partial<Kind> = {}): Kind => freshKind({ weights: ['traffic'], ...more });
const heavy = (id: string, traffic: unknown): object => ({
  ...hostLine(id),
  weights: { traffic },
});

type Lines = Parameters<typeof requestOf>[0];
type Result = Loaded | LoadRefusal | undefined;

/** Loads of one kind, and what it then weighs. */
const loads = (kind: Kind) => {
  const inventory = inventoryOver(store, { kinds: [kind] });
  const sent = (more: Sent = {}): Sent => ({ kind: kind.name, ...more });
  return {
    inventory,
    put: async (lines: Lines, more?: Sent): Promise<Result> =>
      await inventory.put(requestOf(lines, sent(more))),
    patch: async (lines: Lines, more?: Sent): Promise<Result> =>
      await inventory.patch(requestOf(lines, sent(more))),
    weights: async () => (await inventory.summary()).kinds[0]?.weights,
    verified: async () =>
      (await verifyStore(store.db, [kind], new ChainVerifier())).rows.map(row => row.message),
  };
};

const problemOf = (
  result: Result,
): { rule: string | undefined; line: number | undefined; message: string } => {
  const { reasons, line } = refusedWith(result);
  return { rule: reasons[0].rule, line, message: reasons[0].message };
};

describe('a line on a kind with weights', () => {
  it.each<[string, object, string]>([
    ['without weights', hostLine('h-2'), 'the weight "traffic" is missing'],
    ['with none of them', { ...hostLine('h-2'), weights: {} }, 'the weight "traffic" is missing'],
    ['with one that is misspelt', { ...hostLine('h-2'), weights: { Traffic: 1 } }, '"Traffic" is no weight'],
    ['with one more', { ...hostLine('h-2'), weights: { traffic: 1, users: 1 } }, '"users" is no weight that'],
    ['with weights that are a list', { ...hostLine('h-2'), weights: [1] }, '`weights` is not an object'],
    ['with weights that are null', { ...hostLine('h-2'), weights: null }, '`weights` is not an object'],
    ...[null, '120', -1, 0.5, 1e12 + 1, true, [120]].map((bad): [string, object, string] => [
      `that weighs ${JSON.stringify(bad)}`,
      heavy('h-2', bad),
      'is not a whole number from 0',
    ]),
    ['that weighs what no number holds', heavy('h-2', 1e300), 'is beyond 2^53-1'],
  ])('%s is refused, with the line', async (_title, line, said) => {
    const host = loads(weighed());
    for (const load of [host.put, host.patch]) {
      if (load === host.patch) taken(await host.put([heavy('h-1', 1)]));
      expect(problemOf(await load([heavy('h-1', 1), line]))).toEqual({
        rule: 'inventory.malformed',
        line: 2,
        message: expect.stringContaining(said),
      });
    }
  });

  it('that takes a target out weighs nothing, and may not say otherwise', async () => {
    const host = loads(weighed());
    taken(await host.put([heavy('h-1', 1), ...many(20)]));
    expect(
      problemOf(await host.patch([{ id: 'h-1', removed: true, weights: { traffic: 1 } }])),
    ).toMatchObject({
      rule: 'inventory.malformed',
      message: expect.stringContaining('"weights" cannot stand beside `removed`'),
    });
  });

  it('may weigh nothing, and as much as is written 1e12', async () => {
    const host = loads(weighed());
    taken(await host.put(`${JSON.stringify(heavy('h-1', 0))}\n${JSON.stringify(heavy('h-2', -0))}\n`));
    expect(await host.weights()).toMatchObject({ traffic: { total: 0 } });
    taken(await host.patch(JSON.stringify(heavy('h-3', 7)).replace('7', '1e12')));
    expect(await host.weights()).toMatchObject({ traffic: { total: 1e12 } });
  });

  it('of CSV has a column for each, and a cell that is no number is refused', async () => {
    const host = loads(weighed());
    const header = 'id,region,rack,state,owner,weight:traffic';
    const csv = async (text: string) => await host.put(text, { csv: true });
    for (const [text, line, said] of [
      ['id,region,rack,state,owner\nh-1,eu,r1,serving,a\n', 1, 'lacks weight:traffic'],
      [`${header},weight:users\nh-1,eu,r1,serving,a,1,1\n`, 1, '"users" is no weight'],
      [`${header},weight:\nh-1,eu,r1,serving,a,1,1\n`, 1, '"" is no weight'],
      [`${header}\nh-1,eu,r1,serving,a,\n`, 2, 'the weight "traffic" is missing'],
      ...['-1', '1.0', ' 1', '0x10', '1e3', '99999999999999', 'many'].map(
        cell => [`${header}\nh-1,eu,r1,serving,a,${cell}\n`, 2, 'is not a whole number'] as const,
      ),
    ] as const)
      expect(problemOf(await csv(text)), text).toMatchObject({
        line,
        message: expect.stringContaining(said),
      });
    taken(await csv(`${header}\nh-1,eu,r1,serving,a,120\nh-2,us,r1,serving,a,0\n`));
    expect(await host.weights()).toEqual({
      traffic: { total: 120, dimensions: { region: { eu: 120, us: 0 }, rack: { r1: 120 } } },
    });
  });
});

it('a kind without weights takes none, in either format', async () => {
  const host = loads(freshKind());
  expect(problemOf(await host.put([heavy('h-1', 1)])).message).toContain('declares no weights');
  expect(
    problemOf(await host.put('id,region,rack,state,owner,weight:traffic\n', { csv: true })).message,
  ).toContain('there are none');
  taken(await host.put([hostLine('h-1')]));
  expect((await host.inventory.summary()).kinds[0]).not.toHaveProperty('weights');
});

const many = (count: number, traffic = 10): object[] =>
  Array.from({ length: count }, (_, index) => heavy(`m-${index}`, traffic));

describe('the sums', () => {
  it('are those of the lines, and follow each load', async () => {
    const kind = weighed({ weights: ['traffic', 'users'], maxChangePpm: 0 });
    const host = loads(kind);
    const both = (id: string, traffic: number, users: number, labels = {}): object => ({
      ...hostLine(id, labels),
      weights: { users, traffic },
    });
    taken(await host.put([both('a', 100, 1), both('b', 20, 2, { region: 'us' }), both('c', 3, 3)]));
    expect(await host.weights()).toEqual({
      traffic: { total: 123, dimensions: { region: { eu: 103, us: 20 }, rack: { r1: 123 } } },
      users: { total: 6, dimensions: { region: { eu: 4, us: 2 }, rack: { r1: 6 } } },
    });
    expect(
      taken(await host.put([both('a', 100, 1), both('b', 20, 2, { region: 'us' }), both('c', 3, 3)])),
    ).toMatchObject({ changed: 0 });
    // A weight alone is a change, and none that max_change counts.
    expect(
      taken(await host.put([both('a', 50, 1), both('b', 21, 2, { region: 'us' }), both('c', 3, 0)])),
    ).toMatchObject({ added: 0, removed: 0, changed: 3 });
    expect(await host.weights()).toMatchObject({ traffic: { total: 74 }, users: { total: 3 } });
    expect(taken(await host.patch([both('a', 51, 1)]))).toMatchObject({ changed: 1 });
    expect(await host.weights()).toMatchObject({
      traffic: { total: 75, dimensions: { region: { eu: 54, us: 21 } } },
      users: { total: 3 },
    });
    taken(
      await host.patch([{ id: 'b', removed: true }, both('d', 1, 1, { region: 'us' })], {
        by: oncall,
        query: { force: 'shrink', reason: 'gone' },
      }),
    );
    expect(await host.weights()).toMatchObject({
      traffic: { total: 55, dimensions: { region: { eu: 54, us: 1 } } },
    });
    expect(await host.verified()).toEqual([]);
    await host.inventory.tidied();
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('of a load that is not taken are as they were', async () => {
    const host = loads(weighed());
    taken(await host.put(many(20)));
    refusedWith(await host.put(many(10, 7)));
    refusedWith(await host.patch([heavy('m-1', 99), hostLine('m-2')]));
    expect(await host.weights()).toMatchObject({ traffic: { total: 200 } });
    expect(await host.verified()).toEqual([]);
  });

  it('keep what a PATCH set since the snapshot was read', async () => {
    const host = loads(weighed());
    const asOf = new Date(Date.now() - 60_000).toISOString();
    taken(await host.put(many(20), { query: { as_of: asOf } }));
    taken(await host.patch([heavy('m-1', 1000)]));
    taken(await host.put(many(20), { query: { as_of: asOf } }));
    expect(await host.weights()).toMatchObject({ traffic: { total: 1190 } });
    expect(await host.verified()).toEqual([]);
  });

  it('follow the declaration: a kind that is declared anew is stale, and then weighs what it declares', async () => {
    const kind = weighed();
    taken(await loads(kind).put(many(20)));
    const { weights: _none, ...without } = kind;
    expect(problemOf(await loads(without).patch([hostLine('m-1')])).rule).toBe('inventory.stale');
    taken(await loads(without).put(many(20).map(line => ({ ...line, weights: undefined }))));
    expect(await loads(without).weights()).toBeUndefined();
    expect(await loads(without).verified()).toEqual([]);
    expect(problemOf(await loads(kind).patch([heavy('m-1', 1)])).rule).toBe('inventory.stale');
    taken(await loads(kind).put(many(20, 2)));
    expect(await loads(kind).weights()).toMatchObject({ traffic: { total: 40 } });
    expect(await loads(kind).verified()).toEqual([]);
  });

  it('that would not be exact are refused, whichever load brings them', async () => {
    const host = loads(weighed());
    const full = many(9007, 1e12);
    taken(await host.put(full));
    const [first, ...rest] = full;
    expect(problemOf(await host.put([...full, heavy('x', 199_254_740_992)]))).toMatchObject({
      rule: 'inventory.malformed',
      line: 9008,
      message: expect.stringContaining('more than 9007199254740991 by "traffic"'),
    });
    expect(problemOf(await host.patch([heavy('x', 199_254_740_992)]))).toMatchObject({
      rule: 'inventory.malformed',
    });
    taken(await host.patch([heavy('x', 199_254_740_991)]));
    expect(await host.weights()).toMatchObject({ traffic: { total: Number.MAX_SAFE_INTEGER } });
    // Less of one makes room for another.
    expect(first).toMatchObject({ id: 'm-0' });
    taken(await host.patch([heavy('m-0', 0), heavy('y', 1e12)]));
    expect(rest.length).toBe(9006);
    expect(await host.weights()).toMatchObject({ traffic: { total: Number.MAX_SAFE_INTEGER } });
  });

  it('and each weight are counted anew by audit verify', async () => {
    const kind = weighed();
    const host = loads(kind);
    taken(await host.put(many(20)));
    const sums = `inventory_total_versions: the targets with region eu of kind ${kind.name} do not weigh together what is kept of them.`;
    const spoilt = async (table: string, change: string, where = 'true'): Promise<readonly string[]> => {
      const own = `where kind = '${kind.name}' and ${where}`;
      await sql.raw(`update ${table} set weights = ${change} ${own}`).execute(store.db);
      const found = await host.verified();
      await sql.raw(`update ${table} set weights = '{"traffic": 200}' ${own}`).execute(store.db);
      return found;
    };
    expect(await spoilt('inventory_total_versions', `'{"traffic": 201}'`, `dimension = 'region'`)).toEqual([
      sums,
    ]);
    expect(await spoilt('inventory_total_versions', 'null', `dimension = 'region'`)).toEqual([sums]);
    expect(await spoilt('inventory_kinds', `'{"traffic": 199}'`)).toEqual([
      `inventory_kinds: kind ${kind.name} weighs something else than its last load did.`,
      `inventory_kinds: the targets of kind ${kind.name} do not weigh together what is kept of them.`,
    ]);
    expect(await host.verified()).toEqual([]);
    await sql`update inventory_targets set weights = '{"traffic": 1}' where kind = ${kind.name} and id = 'm-1'`.execute(
      store.db,
    );
    expect(await host.verified()).toHaveLength(3);
  });
});
