import { afterEach, describe, expect, it, vi } from 'vitest';
import { definitionOf } from '../src/inventory/describe-kind.ts';
import { Fault } from '../src/kit/fault.ts';
import { Book, type KindState } from '../src/ledger/book.ts';
import { createReadiness, type ReadinessOptions } from '../src/readiness.ts';
import { host } from './support/gate-parts.ts';

const NOW_MS = 1_800_000_000_000;
const kinds = new Map([[host.name, host]]);
const fresh: KindState = {
  revision: 1,
  count: 1,
  asOfMs: NOW_MS - 1_000,
  definition: definitionOf(host),
  totals: new Map(),
};
const revision = {
  digest: 'sha256:p',
  bundle: { revision: 'r1', digest: 'sha256:b' },
  limitsDigest: 'sha256:l',
};

/** A ledger that holds this inventory and this policy. */
const looking = (state: KindState | undefined, over: Partial<ReadinessOptions> = {}): ReadinessOptions => ({
  kinds,
  inForce: { loaded: { revision } },
  isStopping: () => false,
  look: async work => {
    const book = new Book(undefined, kinds, new Set());
    book.activePolicy = revision.digest;
    if (state !== undefined) book.kinds.set(host.name, state);
    return work({ book, nowMs: NOW_MS, clockJumped: false });
  },
  takes: () => 'all',
  ...over,
});

afterEach(() => {
  vi.useRealTimers();
});

describe('readiness', () => {
  it.each<[string, KindState | undefined, string | undefined]>([
    ['nothing was loaded', undefined, 'No inventory of the kind host was ever loaded.'],
    [
      'it was loaded under another declaration',
      { ...fresh, definition: definitionOf({ ...host, labels: ['owner'] }) },
      'The inventory of host was loaded under another declaration of the kind.',
    ],
    ['it is from the future', { ...fresh, asOfMs: NOW_MS + 1 }, 'The inventory of host is from the future.'],
    [
      'it is a millisecond too old',
      { ...fresh, asOfMs: NOW_MS - host.maxAgeMs - 1 },
      'The inventory of host is older than it may be.',
    ],
    ['it is as old as it may be', { ...fresh, asOfMs: NOW_MS - host.maxAgeMs }, undefined],
    ['it is fresh', fresh, undefined],
  ])('of a kind, when %s', async (_what, state, detail) => {
    const { kinds: told } = await createReadiness(looking(state))();
    expect(told).toEqual({ host: detail === undefined ? { ok: true } : { ok: false, detail } });
  });

  it('says that nothing is known when the ledger does not answer, and throws what is no fault', async () => {
    const failing = (error: Error): ReadinessOptions =>
      looking(fresh, {
        look: async () => {
          throw error;
        },
      });
    const away = await createReadiness(failing(new Fault('store.unavailable', 'away')))();
    expect(away).toMatchObject({
      process: { ok: true },
      database: { ok: false, rule: 'store.unavailable' },
      policy: { ok: false, known: false },
      clock: { ok: false, known: false },
      kinds: { host: { ok: false, known: false } },
    });
    await expect(createReadiness(failing(new Error('odd')))()).rejects.toThrow('odd');
  });

  it('says so too where a look has begun and hangs, as on a lock that others hold', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const hangs = looking(fresh, { look: async () => await new Promise(() => undefined) });
    const told = createReadiness(hangs)();
    await vi.waitFor(() => expect(vi.getTimerCount()).toBeGreaterThan(0));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await told).toMatchObject({
      process: { ok: true },
      database: { ok: false, rule: 'store.undecided' },
      policy: { ok: false, known: false },
    });
  });

  it.each([
    ['all', true, true],
    ['little', true, false],
    ['nothing', false, false],
  ] as const)(
    'of a database that takes %s of what must be written, and answers all the while',
    async (takes, isInReach, canRecord) => {
      const { database, record, policy } = await createReadiness(looking(fresh, { takes: () => takes }))();
      expect([database.ok, record.ok, policy.ok]).toEqual([isInReach, canRecord, true]);
      expect(record.detail ?? 'disk is full').toContain('disk is full');
    },
  );

  it('tells a database that lacks something from one that is away', async () => {
    const detail = 'The database lacks what this gate knows to be recorded, up to entry 7.';
    const behind = looking(fresh, {
      look: async () => {
        throw new Fault('store.behind', detail);
      },
    });
    expect((await createReadiness(behind)()).database).toEqual({ ok: false, rule: 'store.behind', detail });
  });

  it('is one look for all who ask at once, and none is answered by a look from before it asked', async () => {
    let looks = 0;
    let go: () => void = () => undefined;
    const held = new Promise<void>(resolve => (go = resolve));
    const fake = looking(fresh);
    let stopping = false;
    const readiness = createReadiness(
      looking(fresh, {
        isStopping: () => stopping,
        look: async work => {
          looks += 1;
          await held;
          return await fake.look(work);
        },
      }),
    );
    const first = readiness();
    await new Promise(resolve => setImmediate(resolve));
    const others = Array.from({ length: 500 }, async () => await readiness());
    expect(looks).toBe(1);
    stopping = true;
    go();
    expect((await Promise.all([first, ...others])).every(({ process }) => !process.ok)).toBe(true);
    expect(looks).toBe(2);
  });
});
