import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Kind } from '../../src/config/config.ts';
import type { Store } from '../../src/db/store.ts';
import type { Inventory } from '../../src/inventory/inventory.ts';
import { countedStatements } from '../support/counted-statements.ts';
import { memoryStore } from '../support/store.ts';
import {
  contents,
  freshKind,
  hostLine,
  hostLines,
  hostNames,
  inventoryOver,
  leftovers,
  oncall,
  refusedWith,
  requestOf,
  streamOf,
  taken,
  type Sent,
} from './loading.ts';

let store: Store;
let inventory: Inventory;
let kind: Kind;

beforeAll(async () => {
  store = await memoryStore();
});
afterAll(async () => {
  await store.close();
});
// The store is shared; each test has a kind of its own.
beforeEach(() => {
  kind = freshKind();
  inventory = inventoryOver(store, { kinds: [kind] });
});
afterEach(async () => {
  await inventory.tidied();
});

const request = (lines: Parameters<typeof requestOf>[0], sent: Sent = {}) =>
  requestOf(lines, { kind: kind.name, ...sent });
const put = async (lines: Parameters<typeof requestOf>[0], sent?: Sent) =>
  await inventory.put(request(lines, sent));
const patch = async (lines: Parameters<typeof requestOf>[0], sent?: Sent) =>
  await inventory.patch(request(lines, sent));
const rulesOf = (result: Awaited<ReturnType<typeof put>>) => {
  const refusal = refusedWith(result);
  return { status: refusal.status, rules: refusal.reasons.map(reason => reason.rule) };
};

describe('a snapshot that is not one', () => {
  it('without a line is refused, and no force helps', async () => {
    taken(await put(hostLines(10)));
    for (const empty of ['', '\n', '\r\n\r\n']) {
      const result = await put(empty, { by: oncall, query: { force: 'shrink,change', reason: 'really' } });
      expect(rulesOf(result)).toEqual({ status: 409, rules: ['inventory.empty'] });
    }
    expect(await contents(store, kind)).toMatchObject({ revision: 1, rows: { length: 10 } });
    await inventory.tidied();
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('as the first of a kind is refused when it is empty', async () => {
    expect(rulesOf(await put(''))).toEqual({ status: 409, rules: ['inventory.empty'] });
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('names a target twice: refused with the second line, in one chunk or far apart', async () => {
    const lines = [...hostLines(2000), hostLine('h-0007', { rack: 'r9' })];
    const refusal = refusedWith(await put(lines));
    expect(refusal).toMatchObject({ status: 422, line: 2001, reasons: [{ rule: 'inventory.malformed' }] });
    expect(await leftovers(store, kind)).toBe(0);
    expect(await contents(store, kind)).toEqual({ revision: 0, rows: [], totals: {} });
  });

  it('has another number of lines than expected', async () => {
    const refusal = refusedWith(await put(hostLines(9), { query: { expect: '10' } }));
    expect(refusal).toMatchObject({
      status: 422,
      reasons: [{ rule: 'inventory.unexpected_count', measured: 9, limit: 10, unit: 'lines' }],
      would: { count: 9, added: 9, removed: 0, changed: 0 },
    });
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('was cut off: refused, also where the piece that came looks whole, and before its last line is judged', async () => {
    taken(await put(hostLines(10)));
    for (const csv of [false, true]) {
      const starts = csv
        ? ['', 'id,reg', 'id,region,rack,state,owner\nh-0001,eu,r1,serving,a\n']
        : ['', '{"id":"h-0'];
      for (const start of starts) {
        async function* cut(): AsyncGenerator<Uint8Array, void> {
          yield* streamOf(start);
          throw new Error('the client left');
        }
        const result = await put([], { content: cut(), csv, query: { expect: '3' } });
        expect(rulesOf(result)).toEqual({ status: 400, rules: ['inventory.cut_off'] });
      }
    }
    expect(await contents(store, kind)).toMatchObject({ revision: 1, rows: { length: 10 } });
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('was read before the one in force, or in the future', async () => {
    taken(await put(hostLines(10), { query: { as_of: '2026-11-01T00:00:10Z' } }));
    const older = await put(hostLines(10), { query: { as_of: '2026-11-01T00:00:09.999Z' } });
    expect(rulesOf(older)).toEqual({ status: 409, rules: ['inventory.out_of_order'] });
    expect(older).toMatchObject({ reasons: [{ remedy: 'a snapshot that is read now' }] });
    const future = await put(hostLines(10), { query: { as_of: '2999-01-01T00:00:00Z' } });
    expect(rulesOf(future)).toEqual({ status: 422, rules: ['request.invalid'] });
    taken(await put(hostLines(10), { query: { as_of: '2026-11-01T00:00:10Z' } }));
  });
});

describe('a snapshot that loses or changes too much', () => {
  it('may lose exactly max_shrink, and not one more', async () => {
    taken(await put(hostLines(100)));
    const refusal = refusedWith(await put(hostLines(89)));
    expect(refusal).toMatchObject({
      status: 409,
      reasons: [{ rule: 'inventory.shrunken', measured: 11, limit: 10, unit: 'targets' }],
      would: { count: 89, added: 0, removed: 11, changed: 0 },
    });
    expect(await leftovers(store, kind)).toBe(0);
    expect(taken(await put(hostLines(90)))).toEqual({
      revision: 2,
      count: 90,
      added: 0,
      removed: 10,
      changed: 0,
    });
  });

  it('may relabel exactly max_change, the state aside, and not one more', async () => {
    taken(await put(hostLines(100)));
    const relabelled = (count: number) => [
      ...hostLines(count, { owner: 'team-b' }),
      ...hostLines(100 - count, { state: 'off' }, count + 1),
    ];
    const refusal = refusedWith(await put(relabelled(21)));
    expect(refusal).toMatchObject({
      status: 409,
      reasons: [{ rule: 'inventory.changed', measured: 21, limit: 20, unit: 'targets' }],
      would: { count: 100, added: 0, removed: 0, changed: 100 },
    });
    expect(taken(await put(relabelled(20)))).toMatchObject({ revision: 2, changed: 100 });
  });

  it('says everything that is against it', async () => {
    taken(await put(hostLines(100)));
    expect(rulesOf(await put(hostLines(50, { owner: 'b' })))).toEqual({
      status: 409,
      rules: ['inventory.changed', 'inventory.shrunken'],
    });
  });
});

describe('a PATCH that is not one', () => {
  it('comes before any snapshot', async () => {
    expect(rulesOf(await patch([hostLine('h-0001')]))).toEqual({ status: 409, rules: ['inventory.empty'] });
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('has no line, or would leave nothing', async () => {
    taken(await put(hostLines(2)));
    expect(rulesOf(await patch(''))).toEqual({ status: 409, rules: ['inventory.empty'] });
    const all = hostNames(2).map(id => ({ id, removed: true }));
    const result = await patch(all, { by: oncall, query: { force: 'shrink', reason: 'x' } });
    expect(rulesOf(result)).toEqual({ status: 409, rules: ['inventory.empty'] });
    expect(await contents(store, kind)).toMatchObject({ revision: 1, rows: { length: 2 } });
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('speaks twice of a target', async () => {
    taken(await put(hostLines(20)));
    const refusal = refusedWith(await patch([hostLine('h-0001'), { id: 'h-0001', removed: true }]));
    expect(refusal).toMatchObject({ line: 2, reasons: [{ rule: 'inventory.malformed' }] });
  });

  it('takes out more than max_shrink together with the PATCHes before it, though others were added', async () => {
    taken(await put(hostLines(100)));
    const removal = (from: number, count: number) =>
      hostNames(count, from).map(id => ({ id, removed: true }));
    expect(taken(await patch(removal(1, 6)))).toEqual({
      revision: 2,
      count: 94,
      added: 0,
      removed: 6,
      changed: 0,
    });
    taken(await patch(hostLines(6, {}, 501)));
    const refusal = refusedWith(await patch(removal(11, 5)));
    expect(refusal).toMatchObject({
      status: 409,
      reasons: [{ rule: 'inventory.shrunken', measured: 11, limit: 10 }],
      would: { count: 95, added: 0, removed: 5, changed: 0 },
    });
    taken(await patch(removal(11, 4)));
    taken(await patch(removal(31, 1), { by: oncall, query: { force: 'shrink', reason: 'retired' } }));
    taken(await patch(removal(41, 5)));
    await inventory.tidied();
    expect(await leftovers(store, kind)).toBe(0);
    expect((await contents(store, kind)).rows).toHaveLength(90);
  });

  it('relabels more than max_change together with the PATCHes before it', async () => {
    taken(await put(hostLines(100)));
    taken(await patch(hostLines(15, { owner: 'b' })));
    const refusal = refusedWith(await patch(hostLines(6, { owner: 'b' }, 50)));
    expect(refusal.reasons[0]).toMatchObject({ rule: 'inventory.changed', measured: 21, limit: 20 });
    taken(
      await patch(hostLines(100, { owner: 'a' }).slice(60), {
        by: oncall,
        query: { force: 'change', reason: 'x' },
      }),
    );
  });
});

describe('a snapshot', () => {
  it('comes into force whole, with totals of its own', async () => {
    const lines = [...hostLines(30), ...hostLines(20, { rack: 'r2', state: 'off', extra: 'kept' }, 31)];
    expect(taken(await put(lines, { query: { expect: '50' } }))).toEqual({
      revision: 1,
      count: 50,
      added: 50,
      removed: 0,
      changed: 0,
    });
    const { rows, totals } = await contents(store, kind);
    expect(rows).toEqual(lines.map(line => ({ ...line, state: line.labels['state'] })));
    expect(totals).toEqual({ 'region=eu': [50, 30], 'rack=r1': [30, 30], 'rack=r2': [20, 0] });
  });

  it('that is identical makes a revision and changes nothing', async () => {
    taken(await put(hostLines(3000)));
    expect(taken(await put(hostLines(3000).toReversed()))).toEqual({
      revision: 2,
      count: 3000,
      added: 0,
      removed: 0,
      changed: 0,
    });
    await inventory.tidied();
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('adds, changes and removes, in many chunks, and leaves nothing of the past', async () => {
    taken(await put(hostLines(3000)));
    const lines = [
      ...hostLines(100, { rack: 'r2' }),
      ...hostLines(100, { extra: 'x' }, 101),
      ...hostLines(2600, {}, 201),
      ...hostLines(50, {}, 5001),
    ];
    expect(taken(await put(lines))).toEqual({
      revision: 2,
      count: 2850,
      added: 50,
      removed: 200,
      changed: 200,
    });
    expect((await contents(store, kind)).rows.map(row => row.id)).toEqual(
      lines.map(line => line.id).toSorted(),
    );
    await inventory.tidied();
    expect(await leftovers(store, kind)).toBe(0);
  });

  it('comes as CSV too, with CRLF, a byte order mark, quotes and labels that are not there', async () => {
    const csv =
      '\uFEFFid,region,rack,state,owner,quarantined_at\r\n"h-0001",eu,r1,serving,a,\r\nh-0002,eu,"r1",off,a,2026-11-01T00:00:00Z';
    taken(await put(csv, { csv: true }));
    expect((await contents(store, kind)).rows).toEqual([
      { id: 'h-0001', labels: { region: 'eu', rack: 'r1', state: 'serving', owner: 'a' }, state: 'serving' },
      {
        id: 'h-0002',
        labels: {
          region: 'eu',
          rack: 'r1',
          state: 'off',
          owner: 'a',
          quarantined_at: '2026-11-01T00:00:00Z',
        },
        state: 'off',
      },
    ]);
  });

  it('is the same however its stream is cut into pieces', async () => {
    const text = `${JSON.stringify(hostLine('h-0001'))}\r\n${JSON.stringify(hostLine('h-0002'))}`;
    for (const [index, size] of [1, 7, 64].entries()) {
      const result = await put([], { content: streamOf(text, size) });
      expect(taken(result)).toMatchObject({ revision: index + 1, count: 2 });
    }
  });

  it('leaves alone what was patched after it was read', async () => {
    taken(await put(hostLines(100), { query: { as_of: '2026-11-01T00:00:00Z' } }));
    taken(
      await patch([hostLine('h-0001', { rack: 'r7' }), { id: 'h-0002', removed: true }, hostLine('h-0900')]),
    );
    // Read before the PATCH: it still has h-0001 in r1, and h-0002; it has no h-0900.
    const result = await put(hostLines(100), { query: { as_of: '2026-11-01T00:00:01Z', expect: '100' } });
    expect(taken(result)).toEqual({ revision: 3, count: 100, added: 0, removed: 0, changed: 0 });
    const { rows } = await contents(store, kind);
    expect(rows.find(row => row.id === 'h-0001')?.labels).toMatchObject({ rack: 'r7' });
    expect(rows.map(row => row.id)).toContain('h-0900');
    expect(rows.map(row => row.id)).not.toContain('h-0002');
    // Read after it: the snapshot is the newer word.
    expect(taken(await put(hostLines(100)))).toEqual({
      revision: 4,
      count: 100,
      added: 1,
      removed: 1,
      changed: 1,
    });
    await inventory.tidied();
    expect(await leftovers(store, kind)).toBe(0);
  });
});

describe('a PATCH', () => {
  it('sets and takes out single targets, and moves the revision, not the age', async () => {
    taken(await put(hostLines(100), { query: { as_of: '2026-11-01T00:00:00Z' } }));
    const before = await inventory.summary();
    const result = await patch([
      hostLine('h-0001', { rack: 'r2' }),
      hostLine('h-0002'),
      hostLine('h-0500'),
      { id: 'h-0003', removed: true },
      { id: 'h-0999', removed: true },
    ]);
    expect(taken(result)).toEqual({ revision: 2, count: 100, added: 1, removed: 1, changed: 1 });
    const after = await inventory.summary();
    await contents(store, kind);
    expect(after.kinds[0]?.age_s).toBeGreaterThanOrEqual(before.kinds[0]?.age_s ?? Infinity);
    expect(after.kinds[0]).toMatchObject({
      revision: 2,
      dimensions: { region: { eu: 100 }, rack: { r1: 99, r2: 1 } },
    });
    await inventory.tidied();
    expect(await leftovers(store, kind)).toBe(0);
  });
});

describe('what is in force', () => {
  it('is read once for all who ask meanwhile: a stop waits behind none of them', async () => {
    taken(await put(hostLines(10)));
    const { db, begun } = countedStatements(store.db);
    const counted = inventoryOver({ ...store, db }, { kinds: [kind] });
    const first = await counted.summary();
    expect(first.kinds[0]).toMatchObject({ revision: 1, count: 10 });
    const ofOne = begun();
    const all = await Promise.all(Array.from({ length: 20 }, async () => await counted.summary()));
    expect(begun()).toBe(2 * ofOne);
    for (const one of all) expect(one).toMatchObject({ kinds: [{ revision: 1, count: 10 }] });
  });
});

describe('a kind that is declared anew', () => {
  it('takes no PATCH, and a snapshot of the same labels relabels nothing', async () => {
    taken(await put(hostLines(20, { zone: 'z1' })));
    const zoned = { ...kind, dimensions: ['region', 'zone', 'rack'] };
    const anew = inventoryOver(store, { kinds: [zoned] });
    const refused = await anew.patch(request([hostLine('h-0001', { zone: 'z1' })]));
    expect(rulesOf(refused)).toEqual({ status: 409, rules: ['inventory.stale'] });
    const result = await anew.put(request(hostLines(20, { zone: 'z1' })));
    expect(taken(result)).toEqual({ revision: 2, count: 20, added: 0, removed: 0, changed: 0 });
    expect((await contents(store, zoned)).totals['zone=z1']).toEqual([20, 20]);
    await anew.tidied();
  });
});
