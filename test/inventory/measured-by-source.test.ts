import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Kind, Source } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import type { InventoryEntry, InventoryLedger } from '../../src/inventory/flip.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import type { LoadMethod } from '../../src/inventory/load-query.ts';
import { memoryStore } from '../support/store.ts';
import {
  freshKind,
  hostNames,
  inventoryOver,
  oncall,
  plainLedger,
  principal,
  refusedWith,
  requestOf,
  taken,
} from './loading.ts';

// Sources have each its own `max_age`, and a forced load names its source. What PATCHes have changed is summed for each.

let store: Store;
let kind: Kind;
/** How far the ledger's time is ahead. It only grows: time does not go back. */
let aheadMs = 0;
/** What is written of an entry, if not all. */
let kept: (entry: InventoryEntry) => object;

beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => {
  await store.close();
});

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const source = (name: string, labels: readonly string[], more: Partial<Source> = {}): Source => ({
  ...{ name, principal: name, ownsExistence: false, labels, weights: [], maxAgeMs: DAY_MS },
  ...more,
});
const cmdb = source('cmdb', ['region', 'rack'], { ownsExistence: true });
const tel = source('tel', ['state', 'owner', 'quarantined_at'], { maxAgeMs: 5 * MINUTE_MS });

beforeEach(() => {
  kept = entry => entry;
  kind = freshKind({ sources: [cmdb, tel], maxShrinkPpm: 200_000 });
});

function ledger(): InventoryLedger {
  const nowMs = (): number => Date.now() + aheadMs;
  const plain = plainLedger(store, { nowMs, kept: entry => kept(entry) });
  return { ...plain, arrive: async () => ({ ...(await plain.arrive()), nowMs: nowMs() }) };
}
const inventory = (): Inventory => inventoryOver(store, { kinds: [kind], ledger: ledger() });

const all = hostNames(10);
/** What its owner says of a host: all that it owns, the same for all but what is given. */
const said = ({ labels }: Pick<Source, 'labels'>, changed: Readonly<Record<string, string>>) =>
  Object.fromEntries(
    Object.entries({ region: 'eu', rack: 'r1', state: 'serving', owner: 'a', ...changed }).filter(([name]) =>
      labels.includes(name),
    ),
  );
const everything = { name: 'all', labels: ['region', 'rack', 'state', 'owner', 'quarantined_at', 'note'] };
type Speaker = Pick<Source, 'name' | 'labels'>;

/** A load of a source, that names these hosts; forced by an operator. */
const load = async (
  method: LoadMethod,
  of: Speaker,
  ids: readonly string[],
  changed: Readonly<Record<string, string>> = {},
  force?: 'change' | 'shrink',
) =>
  await inventory()[method](
    requestOf(
      ids.map(id => ({ id, labels: said(of, changed) })),
      {
        kind: kind.name,
        by: force === undefined ? principal(of.name, 'inventory') : oncall,
        ...(force !== undefined && {
          query: { force, reason: 'a test', ...(kind.sources !== undefined && { source: of.name }) },
        }),
      },
    ),
  );
const put = async (of: Speaker, changed?: Readonly<Record<string, string>>) =>
  taken(await load('put', of, all, changed));
/** So many of the ten hosts, from one on, are said otherwise: exactly two may be. */
const relabel = async (of: Speaker, ids: readonly string[], force?: 'change') =>
  await load('patch', of, ids, { rack: 'b', owner: 'b' }, force);
const remove = async (ids: readonly string[]) =>
  await inventory().patch(
    requestOf(
      ids.map(id => ({ id, removed: true })),
      { kind: kind.name, by: principal('cmdb', 'inventory') },
    ),
  );
const refusal = (earlier: number, rule = 'inventory.changed') => ({
  status: 409,
  reasons: [
    {
      ...{ rule, measured: 3, limit: 2 },
      message: expect.stringContaining(`, ${earlier} of them by earlier PATCHes within max_age`),
    },
  ],
});
const host = (from: number, count = 1): readonly string[] => hostNames(count, from);

describe('what PATCHes have relabelled', () => {
  beforeEach(async () => {
    await put(cmdb);
    await put(tel);
  });

  it('is summed for each source', async () => {
    taken(await relabel(cmdb, host(1, 2)));
    taken(await relabel(tel, host(1, 2)));
    expect(refusedWith(await relabel(cmdb, host(3)))).toMatchObject(refusal(2));
    const { reasons } = refusedWith(await relabel(tel, host(3)));
    expect({ status: 409, reasons }).toMatchObject(refusal(2));
    expect(reasons[0].remedy).toMatch(/ with \?force=change&reason=…&source=tel$/);
  });

  it('starts anew with a force for that source, and for no other', async () => {
    taken(await relabel(cmdb, host(1, 2)));
    taken(await relabel(tel, host(1, 2)));
    taken(await relabel(tel, host(3), 'change'));
    expect(refusedWith(await relabel(cmdb, host(3)))).toMatchObject(refusal(2));
    taken(await relabel(tel, host(4, 2)));
    expect(refusedWith(await relabel(tel, host(6)))).toMatchObject(refusal(2));
    taken(await relabel(cmdb, host(3), 'change'));
    taken(await relabel(cmdb, host(4, 2)));
    expect(refusedWith(await relabel(cmdb, host(6)))).toMatchObject(refusal(2));
  });

  it('counts for the max_age of its own source', async () => {
    taken(await relabel(cmdb, host(1, 2)));
    taken(await relabel(tel, host(1, 2)));
    aheadMs += 4 * MINUTE_MS;
    expect(refusedWith(await relabel(tel, host(3)))).toMatchObject(refusal(2));
    aheadMs += MINUTE_MS;
    taken(await relabel(tel, host(3, 2)));
    expect(refusedWith(await relabel(cmdb, host(3)))).toMatchObject(refusal(2));
    aheadMs += DAY_MS;
    taken(await relabel(cmdb, host(3, 2)));
  });

  it('stays with the labels where their source has another name', async () => {
    taken(await relabel(tel, host(1, 2)));
    const renamed = { ...tel, name: 'telemetry', principal: 'telemetry' };
    kind = { ...kind, sources: [cmdb, renamed] };
    await put(cmdb);
    taken(await load('put', renamed, host(3, 8)));
    expect(refusedWith(await relabel(renamed, host(3)))).toMatchObject(refusal(2));
    taken(await relabel(cmdb, host(1, 2)));
  });

  it('goes over to whoever owns the labels of a source that was taken out, and so does the force for it', async () => {
    const heir = { ...cmdb, labels: [...cmdb.labels, ...tel.labels], maxAgeMs: DAY_MS };
    taken(await relabel(tel, host(1, 2)));
    kind = { ...kind, sources: [heir] };
    await put(heir, { rack: 'r1' });
    expect(refusedWith(await relabel(heir, host(3)))).toMatchObject(refusal(2));
    taken(await relabel(heir, host(3), 'change'));
    taken(await relabel(heir, host(4, 2)));
  });
});

describe('what a PATCH has relabelled', () => {
  it('of labels that two have now counts for both, and a force for one of them is none for the other', async () => {
    await put(cmdb);
    await put(tel);
    taken(await relabel(tel, host(1, 2)));
    const [more, less] = [
      { ...cmdb, labels: [...cmdb.labels, 'quarantined_at'] },
      { ...tel, labels: ['state', 'owner'] },
    ];
    kind = { ...kind, sources: [more, less] };
    await put(more);
    taken(await load('put', less, host(3, 8)));
    taken(await relabel(less, host(3), 'change'));
    taken(await relabel(less, host(4, 2)));
    expect(refusedWith(await relabel(more, host(3)))).toMatchObject(refusal(2));
  });

  it('of a kind with one source starts anew with a force also where no entry tells what it spoke of', async () => {
    kept = ({ speaks_of: _untold, ...entry }) => entry;
    const { sources: _sources, ...one } = kind;
    kind = one;
    await put(everything);
    taken(await relabel(everything, host(1, 2)));
    expect(refusedWith(await relabel(everything, host(3)))).toMatchObject(refusal(2));
    taken(await relabel(everything, host(3), 'change'));
    taken(await relabel(everything, host(4, 2)));
  });

  it('of a label that nobody has now counts for every source', async () => {
    const [{ sources: _sources, ...one }, noting] = [kind, source('notes', ['note'])];
    kind = { ...one, optional: ['quarantined_at', 'note'], sources: [cmdb, tel, noting] };
    await put(cmdb);
    await put(tel);
    await put(noting, { note: 'w' });
    taken(await load('patch', noting, host(1, 2), { note: 'x' }, 'change'));
    taken(await load('patch', noting, host(1, 2), { note: 'y' }));
    kind = { ...kind, optional: ['quarantined_at'], sources: [cmdb, tel] };
    await put(cmdb);
    await put(tel);
    for (const of of [cmdb, tel]) {
      expect(refusedWith(await relabel(of, host(3)))).toMatchObject(refusal(2));
      taken(await relabel(of, host(3), 'change'));
      expect(refusedWith(await relabel(of, host(4)))).toMatchObject(refusal(2));
    }
  });

  it('while the kind had one source counts for each of several', async () => {
    const { sources, ...one } = kind;
    kind = one;
    await put(everything);
    taken(await relabel(everything, host(1, 2)));
    kind = { ...one, ...(sources && { sources }) };
    taken(await load('put', cmdb, all, { rack: 'r1' }, 'shrink'));
    taken(await load('put', tel, all, {}, 'shrink'));
    expect(refusedWith(await relabel(cmdb, host(3)))).toMatchObject(refusal(2));
    expect(refusedWith(await relabel(tel, host(3)))).toMatchObject(refusal(2));
  });

  it('while it had several counts where it has one, and a force for one of them is none for the others', async () => {
    await put(cmdb);
    await put(tel);
    taken(await relabel(cmdb, host(1)));
    taken(await relabel(tel, host(1)));
    taken(await relabel(tel, host(2), 'change'));
    const { sources: _sources, ...one } = kind;
    kind = one;
    await put(everything, { rack: 'r1' });
    expect(refusedWith(await relabel(everything, host(3, 2)))).toMatchObject(refusal(1));
    taken(await relabel(everything, host(3, 2), 'change'));
    taken(await relabel(everything, host(5, 2)));
  });

  it('counts for every source where its entry does not tell what it spoke of, and a force that does not tell is for its own', async () => {
    kept = ({ speaks_of: _untold, ...entry }) => entry;
    await put(cmdb);
    await put(tel);
    taken(await relabel(cmdb, host(1, 2)));
    expect(refusedWith(await relabel(tel, host(3)))).toMatchObject(refusal(2));
    taken(await relabel(tel, host(3), 'change'));
    expect(refusedWith(await relabel(cmdb, host(3)))).toMatchObject(refusal(2));
    kept = entry => entry;
    taken(await relabel(cmdb, host(3), 'change'));
    expect(refusedWith(await relabel(cmdb, host(4)))).toMatchObject(refusal(2));
  });
});

describe('what PATCHes have taken out', () => {
  beforeEach(async () => {
    await put(cmdb);
    await put(tel);
    taken(await remove(host(1, 2)));
  });

  it('is no loss of a source that does not say what exists, and a force for that one starts no loss anew', async () => {
    taken(await load('put', tel, host(3, 8), {}, 'shrink'));
    expect(refusedWith(await remove(host(3)))).toMatchObject(refusal(2, 'inventory.shrunken'));
    expect(refusedWith(await load('put', cmdb, host(4, 7)))).toMatchObject({
      reasons: [{ rule: 'inventory.shrunken', measured: 3 }],
    });
    kind = { ...kind, maxShrinkPpm: 100_000 };
    taken(await load('patch', tel, host(3)));
  });

  it('starts anew with a force for the one that does', async () => {
    taken(await load('patch', cmdb, host(3), {}, 'shrink'));
    taken(await remove(host(3)));
    expect(refusedWith(await remove(host(4)))).toMatchObject({
      reasons: [{ rule: 'inventory.shrunken', measured: 2 }],
    });
  });
});
