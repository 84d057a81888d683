import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Kind, Source } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { memoryStore } from '../support/store.ts';
import {
  contents,
  hostLine,
  hostLines,
  inventoryOver,
  leftovers,
  plainLedger,
  principal,
  refusedWith,
  requestOf,
  taken,
  unmeasuredKind,
} from './loading.ts';

// What a PATCH has set stands over what was read before, whatever was declared since.

let store: Store;
let kind: Kind;

beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => {
  await store.close();
});
beforeEach(() => {
  kind = unmeasuredKind();
});

const minutesAgo = (minutes: number) => ({
  query: { as_of: new Date(Date.now() - minutes * 60_000).toISOString() },
});
const request = (lines: readonly object[], sent: object = {}) =>
  requestOf(lines, { kind: kind.name, ...sent });
const source = (name: string, ownsExistence: boolean, labels: readonly string[]): Source => ({
  ...{ name, principal: name, ownsExistence, labels, weights: [], maxAgeMs: 86_400_000 },
});
const patchedIds = async (): Promise<readonly string[]> => {
  const { rows } = await sql<{ id: string }>`
    select id from inventory_patches where kind = ${kind.name} order by id`.execute(store.db);
  return rows.map(({ id }) => id);
};

describe('a PATCH whose entry does not tell what it spoke of', () => {
  const untelling = (kinds: readonly Kind[]): Inventory =>
    inventoryOver(store, {
      kinds,
      ledger: plainLedger(store, { kept: ({ speaks_of: _untold, ...entry }) => entry }),
    });

  beforeEach(async () => {
    taken(await untelling([kind]).put(request(hostLines(5), minutesAgo(60))));
    taken(await untelling([kind]).patch(request([hostLine('h-0001', { rack: 'r7' })])));
  });

  it('stands over a snapshot of the same source and declaration', async () => {
    const inventory = inventoryOver(store, { kinds: [kind] });
    expect(taken(await inventory.put(request(hostLines(5), minutesAgo(30))))).toMatchObject({ changed: 0 });
    await inventory.tidied();
  });

  it('lets none be taken under another declaration that was read before', async () => {
    const anew = inventoryOver(store, { kinds: [{ ...kind, optional: [] }] });
    const { reasons } = refusedWith(await anew.put(request(hostLines(5), minutesAgo(30))));
    expect(reasons[0]).toMatchObject({
      rule: 'inventory.out_of_order',
      measured: 1,
      message: expect.stringContaining('set 1 target of which nobody has said all'),
      remedy: 'a snapshot that is read now',
    });
    expect(taken(await anew.put(request(hostLines(5))))).toMatchObject({ changed: 1 });
    await anew.tidied();
  });
});

describe('what was patched before a kind had several sources', () => {
  it('is remembered until each of them has been read later', async () => {
    const plain = inventoryOver(store, { kinds: [kind] });
    taken(await plain.put(request(hostLines(5), minutesAgo(60))));
    taken(
      await plain.patch(
        request([hostLine('h-0001', { state: 'off' }), hostLine('h-0002', { state: 'off' })]),
      ),
    );
    await plain.tidied();
    const fed = {
      ...kind,
      sources: [source('cmdb', true, ['region', 'rack', 'owner']), source('tele', false, ['state'])],
    };
    const anew = inventoryOver(store, { kinds: [fed] });
    const placed = hostLines(5).map(({ id }) => ({
      id,
      labels: { region: 'eu', rack: 'r1', owner: 'team-a' },
    }));
    const states = hostLines(5).map(({ id }) => ({ id, labels: { state: 'serving' } }));
    const [cmdb, tele] = [{ by: principal('cmdb', 'inventory') }, { by: principal('tele', 'inventory') }];
    taken(await anew.put(request(placed, cmdb)));
    await anew.tidied();
    expect(await patchedIds()).toEqual(['h-0001', 'h-0002']);
    expect(taken(await anew.put(request(states, { ...tele, ...minutesAgo(30) })))).toMatchObject({
      changed: 3,
    });
    taken(await anew.patch(request([{ id: 'h-0002', labels: { state: 'draining' } }], tele)));
    await anew.tidied();
    const { rows } = await contents(store, fed);
    expect(rows.map(({ state }) => state)).toEqual(['off', 'draining', 'serving', 'serving', 'serving']);
    taken(await anew.put(request(states, tele)));
    taken(await anew.put(request(placed, cmdb)));
    await anew.tidied();
    expect(await patchedIds()).toEqual([]);
  });
});

it('a load by a gate that another one has made stale while it was on its way leaves nothing', async () => {
  taken(await inventoryOver(store, { kinds: [kind] }).put(request(hostLines(5))));
  const ledger = plainLedger(store, { isStale: true });
  const under = (declared: Kind): Inventory => inventoryOver(store, { kinds: [declared], ledger });
  for (const load of [
    await under({ ...kind, optional: [] }).put(request(hostLines(7))),
    await under(kind).put(request(hostLines(7))),
    await under(kind).patch(request([hostLine('h-0001', { rack: 'r7' })])),
  ]) {
    expect(refusedWith(load).reasons.map(({ rule }) => rule)).toEqual(['policy.stale']);
    expect(await leftovers(store, kind)).toBe(0);
    expect(await contents(store, kind)).toMatchObject({ revision: 1 });
  }
});
