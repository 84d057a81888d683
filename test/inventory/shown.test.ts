import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { definitionOf, DescribedKind } from '../../src/inventory/describe-kind.ts';
import type { Kind, Source } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { readNowMs } from '../../src/inventory/load-queries.ts';
import { freshId } from '../../src/kit/ids.ts';
import { memoryStore } from '../support/store.ts';
import {
  hostLine,
  hostLines,
  inventoryOver,
  oncall,
  plainLedger,
  principal,
  requestOf,
  taken,
  unmeasuredKind,
  type HostLine,
} from './loading.ts';

// The limits, "Shown": what a load closes of what operations hold.

let store: Store;
let inventory: Inventory;
let kind: Kind;

beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => {
  await store.close();
});
beforeEach(() => {
  kind = unmeasuredKind();
  inventory = inventoryOver(store, { kinds: [kind] });
});
afterEach(async () => {
  await inventory.tidied();
});

interface Held {
  readonly irreversible: boolean;
  readonly settledMs?: number;
  readonly phase?: 'operating' | 'done';
  readonly id?: string;
}

let operations = 0;

/** What an operation on h-0001, decided when it was as `hostLine` makes it, holds; returns its request. */
async function hold(held: Held): Promise<string> {
  const request = freshId();
  const { digest, state } = new DescribedKind(kind).describe(hostLine('h').labels);
  const settled = held.settledMs === undefined ? null : new Date(held.settledMs);
  operations += 1;
  await store.db.transaction().execute(async tx => {
    // The decision behind it is not what is tested here: foreign keys are left aside.
    await sql`set local session_replication_role = replica`.execute(tx);
    await sql`insert into operations (id, seq, action, kind, principal, target_count, decided_at, dimension_values, policy_digest,
        inventory_revision, labels_digest, timeout_ms, valid_for_ms, idempotent, outcome, phase, settled_at, version)
      values (${request}, ${operations}, 'act', ${kind.name}, 'bot', 1, now(), '{}', 'p', 1, 'l', 1000, 1000, false, ${settled === null ? 'pending' : 'delivered'},
        ${settled === null ? 'waiting' : 'ended'}, ${settled}, 0)`.execute(tx);
    await sql`insert into holds (kind, target_id, request_id, action, irreversible, labels_digest, state, phase, version)
      values (${kind.name}, ${held.id ?? 'h-0001'}, ${request}, 'act', ${held.irreversible}, ${digest}, ${state},
        ${held.phase ?? 'done'}, 0)`.execute(tx);
  });
  return request;
}

async function phaseOf(request: string): Promise<{ phase: string; version: number }> {
  const { rows } = await sql<{ phase: string; version: number }>`
    select phase, version from holds where request_id = ${request}`.execute(store.db);
  return rows[0] ?? { phase: 'none', version: -1 };
}

const secondsAgo = (seconds: number): number => Date.now() - seconds * 1000;
const asOf = (ms: number) => ({ query: { as_of: new Date(ms).toISOString() } });
const put = async (lines: readonly object[], sent: object = {}) =>
  taken(await inventory.put(requestOf(lines, { kind: kind.name, ...sent })));
const patch = async (lines: readonly object[]) =>
  taken(await inventory.patch(requestOf(lines, { kind: kind.name })));
const begin = async () => await put(hostLines(5), asOf(secondsAgo(3600)));
const others = hostLines(4, {}, 2);

describe('what is not settled', () => {
  it('is shown by nothing', async () => {
    await begin();
    const request = await hold({ irreversible: false, phase: 'operating' });
    const irreversible = await hold({ irreversible: true, phase: 'done' });
    // Somebody said what came of it, and its attempt is on the wire.
    const reported = await hold({
      irreversible: false,
      phase: 'operating',
      settledMs: secondsAgo(60),
      id: 'h-0002',
    });
    await put([hostLine('h-0001', { rack: 'r9' }), ...others]);
    await put(others);
    expect((await phaseOf(request)).phase).toBe('operating');
    expect((await phaseOf(reported)).phase).toBe('operating');
    expect((await phaseOf(irreversible)).phase).toBe('done');
  });
});

describe('an action that can be undone', () => {
  it('is not shown by a snapshot read before it was settled, or at that very moment', async () => {
    await begin();
    const settledMs = secondsAgo(60);
    const request = await hold({ irreversible: false, settledMs });
    await put([hostLine('h-0001', { rack: 'r9' }), ...others], asOf(settledMs - 1));
    await put(hostLines(5), asOf(settledMs));
    expect((await phaseOf(request)).phase).toBe('done');
  });

  it('is shown by any line of a later snapshot, and by an absence', async () => {
    await begin();
    const settledMs = secondsAgo(60);
    const request = await hold({ irreversible: false, settledMs });
    await put(hostLines(5), asOf(settledMs + 1));
    const closed = await phaseOf(request);
    expect(closed.phase).toBe('closed');
    const { rows } = await sql<{ version: number }>`select version from head`.execute(store.db);
    expect(closed.version).toBe(rows[0]?.version);
    const absent = await hold({ irreversible: false, settledMs });
    await put(others);
    expect((await phaseOf(absent)).phase).toBe('closed');
  });

  it('is shown by a PATCH that names its target, and by no other', async () => {
    await begin();
    const request = await hold({ irreversible: false, settledMs: secondsAgo(60) });
    await patch([hostLine('h-0002')]);
    expect((await phaseOf(request)).phase).toBe('done');
    await patch([hostLine('h-0001')]);
    expect((await phaseOf(request)).phase).toBe('closed');
  });

  it('that was settled after a PATCH arrived is not shown by it', async () => {
    await begin();
    let request = '';
    let settledMs = 0;
    const ledger = plainLedger(store, {
      beforeFlip: async () => {
        settledMs = (await readNowMs(store.db)) + 1;
        request = await hold({ irreversible: false, settledMs });
      },
      nowMs: () => settledMs + 1,
    });
    const late = inventoryOver(store, { kinds: [kind], ledger });
    taken(await late.patch(requestOf([hostLine('h-0001')], { kind: kind.name })));
    await late.tidied();
    expect((await phaseOf(request)).phase).toBe('done');
  });
});

describe('an irreversible action', () => {
  it('is not shown by the same declared labels, other undeclared ones included', async () => {
    await begin();
    const request = await hold({ irreversible: true, settledMs: secondsAgo(60) });
    await put([hostLine('h-0001', { note: 'x' }), ...others]);
    await patch([hostLine('h-0001', { note: 'y' })]);
    expect((await phaseOf(request)).phase).toBe('done');
  });

  it.each([
    ['another state', { state: 'off' }],
    ['another dimension', { rack: 'r9' }],
    ['an optional label', { quarantined_at: 'x' }],
  ])('is shown by %s, in a snapshot or a PATCH', async (_title, labels) => {
    await begin();
    const first = await hold({ irreversible: true, settledMs: secondsAgo(60) });
    await put([hostLine('h-0001', labels), ...others]);
    expect((await phaseOf(first)).phase).toBe('closed');
    await put(hostLines(5));
    const second = await hold({ irreversible: true, settledMs: secondsAgo(60) });
    await patch([hostLine('h-0001', labels)]);
    expect((await phaseOf(second)).phase).toBe('closed');
  });

  it('is shown when its target is gone, by absence or taken out', async () => {
    await begin();
    const first = await hold({ irreversible: true, settledMs: secondsAgo(60) });
    await put(others);
    expect((await phaseOf(first)).phase).toBe('closed');
    await put(hostLines(5));
    const second = await hold({ irreversible: true, settledMs: secondsAgo(60) });
    await patch([{ id: 'h-0001', removed: true }]);
    expect((await phaseOf(second)).phase).toBe('closed');
  });

  it('is not shown by a kind that is declared anew with the same labels', async () => {
    await begin();
    const request = await hold({ irreversible: true, settledMs: secondsAgo(60) });
    const anew = inventoryOver(store, { kinds: [{ ...kind, optional: [], labels: [] }] });
    const load = { kind: kind.name, by: oncall };
    taken(await anew.put(requestOf(hostLines(5), load)));
    expect((await phaseOf(request)).phase).toBe('done');
    taken(await anew.put(requestOf(hostLines(5, { owner: 'b' }), load)));
    expect((await phaseOf(request)).phase).toBe('done');
    taken(await anew.put(requestOf([hostLine('h-0001', { rack: 'r9' }), ...others], load)));
    expect((await phaseOf(request)).phase).toBe('closed');
    await anew.tidied();
  });
});

describe('of several sources, one that says neither that a target is there nor how it stands', () => {
  const source = (name: string, ownsExistence: boolean, labels: readonly string[]): Source => ({
    ...{ name, principal: name, ownsExistence, labels, weights: [], maxAgeMs: 86_400_000 },
  });
  const cmdb = source('cmdb', true, ['region', 'rack', 'state', 'owner']);
  const notes = source('notes', false, ['quarantined_at']);
  const byCmdb = async (lines: readonly object[], sent: object = {}) =>
    await put(lines, { by: principal('cmdb', 'inventory'), ...sent });
  const byNotes = async (quarantined_at: string) =>
    await put(
      hostLines(5).map(({ id }) => ({ id, labels: { quarantined_at } })),
      { by: principal('notes', 'inventory') },
    );
  const declare = (more: Partial<Kind>): void => {
    kind = { ...kind, ...more };
    inventory = inventoryOver(store, { kinds: [kind] });
  };
  beforeEach(() => declare({ sources: [cmdb, notes] }));

  // The one that owns existence was read before the outcome was settled, and may bring the target back.
  it('shows nothing, though it names a target that is gone', async () => {
    await byCmdb(others, asOf(secondsAgo(90)));
    const settledMs = secondsAgo(60);
    const held = [
      await hold({ irreversible: true, settledMs }),
      await hold({ irreversible: false, settledMs }),
    ];
    await byNotes('x');
    for (const request of held) expect((await phaseOf(request)).phase).toBe('done');
    await byCmdb(others);
    for (const request of held) expect((await phaseOf(request)).phase).toBe('closed');
  });

  it.each([1, 2])(
    'is not what a hold is compared by where the kind is declared anew, %d times',
    async times => {
      await byCmdb(hostLines(5), asOf(secondsAgo(90)));
      const request = await hold({ irreversible: true, settledMs: secondsAgo(60) });
      await sql`update holds h set said_by = t.said_by from inventory_targets t
      where h.request_id = ${request} and t.kind = h.kind and t.id = h.target_id`.execute(store.db);
      await byNotes('x');
      const without = ({ labels: { owner: _owner, ...labels }, ...line }: HostLine) => ({ ...line, labels });
      const again = { by: oncall, query: { source: 'cmdb', force: 'change', reason: 'anew' } };
      for (const [index, labels] of [[], ['owner']].slice(0, times).entries()) {
        await byNotes(`y${index}`);
        await inventory.tidied();
        declare({ labels, sources: [{ ...cmdb, labels: ['region', 'rack', 'state', ...labels] }, notes] });
        await byCmdb(labels.length > 0 ? hostLines(5) : hostLines(5).map(without), again);
        expect((await phaseOf(request)).phase).toBe('done');
      }
      const moved = [hostLine('h-0001', { rack: 'r9' }), ...others];
      await byCmdb(times === 2 ? moved : moved.map(without));
      expect((await phaseOf(request)).phase).toBe('closed');
    },
  );
});

describe('an action that cannot be undone, on a kind that is declared anew', () => {
  let settledMs = 0;
  beforeEach(() => {
    settledMs = secondsAgo(60);
  });
  const moved = (rack: string) => [hostLine('h-0001', { rack }), ...others];
  /** What is held after each of these loads, the first of which declares the kind anew. */
  async function phasesAfter(...loads: readonly (readonly [lines: readonly object[], asOfMs: number])[]) {
    const request = await hold({ irreversible: true, settledMs });
    const anew = inventoryOver(store, { kinds: [{ ...kind, optional: [], labels: [] }] });
    const phases: string[] = [];
    for (const [lines, asOfMs] of loads) {
      taken(await anew.put(requestOf(lines, { kind: kind.name, by: oncall, ...asOf(asOfMs) })));
      phases.push((await phaseOf(request)).phase);
    }
    await anew.tidied();
    return phases;
  }

  it('is shown by the very next load with other labels', async () => {
    await begin();
    const [before, after] = [secondsAgo(30), secondsAgo(20)];
    expect(await phasesAfter([hostLines(5), before], [moved('r9'), after])).toEqual(['done', 'closed']);
  });

  it('is so, too, where the first load was read before it was settled', async () => {
    await begin();
    const [before, after] = [secondsAgo(90), secondsAgo(20)];
    expect(await phasesAfter([hostLines(5), before], [moved('r9'), after])).toEqual(['done', 'closed']);
  });

  it('is shown by that load where the labels were others before it', async () => {
    await put(moved('r5'), asOf(secondsAgo(3600)));
    expect(await phasesAfter([moved('r5'), secondsAgo(30)])).toEqual(['closed']);
  });

  it('is not shown by that load where it changes the labels, for nobody knows what those at the decision would be', async () => {
    await put(moved('r5'), asOf(secondsAgo(3600)));
    const [before, after] = [secondsAgo(30), secondsAgo(20)];
    expect(await phasesAfter([moved('r6'), before], [moved('r7'), after])).toEqual(['done', 'closed']);
  });

  it('is compared with what a load says of its own target, and not before one does', async () => {
    await put(moved('r5'), asOf(secondsAgo(3600)));
    const request = await hold({ irreversible: true, settledMs });
    const [elsewhere, redeclared] = [unmeasuredKind(), { ...kind, optional: [], labels: [] }];
    const anew = inventoryOver(store, { kinds: [redeclared, elsewhere] });
    const load = async (rack: string, seconds: number) => {
      const sent = { kind: kind.name, by: oncall, ...asOf(secondsAgo(seconds)) };
      taken(await anew.put(requestOf(moved(rack), sent)));
      return (await phaseOf(request)).phase;
    };
    expect(await load('r6', 90)).toBe('done');
    taken(await anew.put(requestOf(hostLines(5), { kind: elsewhere.name })));
    taken(await anew.put(requestOf(hostLines(5), { kind: elsewhere.name })));
    taken(await anew.patch(requestOf([hostLine('h-0002')], { kind: kind.name })));
    expect(await load('r7', 30)).toBe('done');
    expect(await load('r7', 20)).toBe('done');
    expect(await load('r8', 10)).toBe('closed');
    await anew.tidied();
  });

  it('is compared with no load that was read before it was settled', async () => {
    await put(moved('r5'), asOf(secondsAgo(3600)));
    const loads = [90, 30, 20].map(seconds => secondsAgo(seconds));
    const [before = 0, then = 0, after = 0] = loads;
    expect(await phasesAfter([moved('r6'), before], [moved('r7'), then], [moved('r8'), after])).toEqual([
      'done',
      'done',
      'closed',
    ]);
  });
});

describe('the entry in the audit chain', () => {
  it('says what a load did, what was forced and why, and by whom', async () => {
    const strict = { ...kind, maxShrinkPpm: 0 };
    const loads = inventoryOver(store, { kinds: [strict] });
    const readMs = secondsAgo(60);
    taken(await loads.put(requestOf(hostLines(5), { kind: kind.name, ...asOf(readMs) })));
    const forced = { by: oncall, query: { force: 'shrink', reason: 'dc closed' } };
    taken(await loads.patch(requestOf([{ id: 'h-0001', removed: true }], { kind: kind.name, ...forced })));
    await loads.tidied();
    const { rows } = await sql<{ body: unknown }>`
      select body from entries where type = 'inventory' and body ->> 'kind' = ${kind.name} order by seq`.execute(
      store.db,
    );
    const as_of = new Date(readMs).toISOString();
    const speaks_of = {
      existence: true,
      labels: ['owner', 'quarantined_at', 'rack', 'region', 'state'],
      weights: [],
    };
    const nothing = {
      ...{ added: 0, removed: 0, changed: 0, relabelled: 0 },
      ...{ definition: definitionOf(kind), speaks_of },
    };
    expect(rows.map(row => row.body)).toEqual([
      {
        kind: kind.name,
        revision: 1,
        method: 'put',
        as_of,
        count: 5,
        ...nothing,
        added: 5,
        forced: [],
        by: 'cmdb-sync',
      },
      {
        kind: kind.name,
        revision: 2,
        method: 'patch',
        as_of,
        count: 4,
        ...nothing,
        removed: 1,
        forced: ['shrink'],
        reason: 'dc closed',
        by: 'oncall',
      },
    ]);
  });

  it('carries the ledger’s time where the load’s own lies after it', async () => {
    const nowMs = secondsAgo(600);
    const behind = inventoryOver(store, {
      kinds: [kind],
      ledger: plainLedger(store, { nowMs: () => nowMs }),
    });
    taken(await behind.put(requestOf(hostLines(5), { kind: kind.name })));
    await behind.tidied();
    const { rows } = await sql<{ as_of: number; loaded_at: number }>`
      select as_of, loaded_at from inventory_kinds where kind = ${kind.name}`.execute(store.db);
    expect(rows[0]).toEqual({ as_of: nowMs, loaded_at: nowMs });
  });
});
