import { sql } from 'kysely';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { openStore, type Store } from '../../src/db/store.ts';
import type { Principal } from '../../src/config/config.ts';
import { KillSwitch } from '../../src/kill-switch/kill-switch.ts';
import { Fault } from '../../src/kit/fault.ts';
import { UNDECIDED_MS } from '../../src/ledger/ledger.ts';
import type { Decided } from '../../src/ledger/deciding.ts';
import { bot, gateParts, host, loadHosts, quiet, wipe, type Parts } from '../support/gate-parts.ts';
import { describeWithPostgres, freshDatabase, type FreshDatabase } from '../support/postgres.ts';

const GATES = 4;
const CLIENTS = 64;

const oncall: Principal = {
  name: 'oncall',
  keys: [],
  roles: new Set(['operator'] as const),
  actions: new Set(),
};

const switchOf = ({ ledger }: Parts): KillSwitch =>
  new KillSwitch({
    ledger,
    actions: new Map([[wipe.name, wipe]]),
    kinds: new Map([[host.name, host]]),
    principals: [bot, oncall],
    killFile: '/nonexistent',
  });

const isAllowed = (decided: Decided): boolean =>
  ('repeat' in decided ? decided.repeat : decided).document.decision === 'allowed';

describeWithPostgres('several gates on one PostgreSQL', () => {
  let database: FreshDatabase;
  let stores: Store[] = [];
  let gates: Parts[] = [];

  beforeEach(async () => {
    database = await freshDatabase();
    stores = await Promise.all(
      Array.from(
        { length: GATES },
        async () => await openStore({ type: 'server', url: database.url }, quiet, { poolSize: 3 }),
      ),
    );
    const [first] = stores;
    if (first === undefined) throw new Error('no store');
    await loadHosts(first, 4_000);
    gates = [];
    for (const store of stores) gates.push(await gateParts(store));
  });

  afterEach(async () => {
    await Promise.all(stores.map(async store => await store.close()));
    await database.drop();
  });

  const gate = (index: number): Parts => {
    const one = gates[index % GATES];
    if (one === undefined) throw new Error('no gate');
    return one;
  };

  const rowsOf = async <Row>(query: ReturnType<typeof sql<Row>>): Promise<readonly Row[]> => {
    const [store] = stores;
    if (store === undefined) throw new Error('no store');
    return (await query.execute(store.db)).rows;
  };

  it('decide a batch anew whose head another one has moved meanwhile', async () => {
    // The others' starts are news to it: so long it takes the lock first.
    for (let turn = 0; turn < 20; turn += 1) await gate(0).ask([`h${turn + 10}`], `calm ${turn}`);
    let runs = 0;
    await gate(0).ledger.enqueue(async turn => {
      runs += 1;
      if (runs === 1) await gate(1).ask(['h1'], 'between');
      turn.draft.append('outcome', { runs });
    });
    expect(runs).toBe(2);
    const written = await rowsOf(
      sql<{ body: unknown }>`select body from entries where type = 'outcome' order by seq`,
    );
    expect(written).toEqual([{ body: { runs: 2 } }]);
  });

  it('give one target to one request only', async () => {
    const decided = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, index) => await gate(index).ask(['h7'], `k${index}`)),
    );
    expect(decided.filter(isAllowed)).toHaveLength(1);
  });

  it('decide one key once, whichever of them is asked', async () => {
    const decided = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => await gate(index).ask(['h7'], 'same')),
    );
    expect(new Set(decided.map(one => ('repeat' in one ? one.repeat : one).document.id)).size).toBe(1);
    expect(decided.filter(one => !('repeat' in one))).toHaveLength(1);
  });

  it('claim nothing after an engage returned, at any of them', async () => {
    const [first] = gates;
    if (first === undefined) throw new Error('no gate');
    const killSwitch = switchOf(first);
    let engagedAt: number | undefined;
    const late: Decided[] = [];
    const stream = Array.from({ length: 16 }, async (_, client) => {
      for (let turn = 0; turn < 12; turn += 1) {
        const after = engagedAt !== undefined;
        const decided = await gate(client).ask([`h${client * 100 + turn}`], `k${client}-${turn}`);
        if (after) late.push(decided);
      }
    });
    await new Promise(resolve => setTimeout(resolve, 30));
    const engaged = await killSwitch.engage({ scope: {}, except: [] }, oncall);
    engagedAt = performance.now();
    await Promise.all(stream);
    if (!('on_the_wire' in engaged)) throw new Error('not engaged');
    expect(late.length).toBeGreaterThan(0);
    expect(late.filter(isAllowed)).toEqual([]);
    const claimed = await rowsOf(sql<{ id: string }>`select id from operations where attempts > 0`);
    expect(new Set(engaged.on_the_wire)).toEqual(new Set(claimed.map(({ id }) => id)));
    const waiting = await rowsOf(
      sql<{ n: number }>`select count(*)::int as n from operations where phase = 'waiting'`,
    );
    expect(waiting).toEqual([{ n: 0 }]);
    expect(engaged.stopped.length).toBeGreaterThan(0);
  });

  // As a process that is frozen: it holds the head, and does not let go of it by itself.
  it('a gate that is held up in the middle of a turn keeps the others from a stop for seconds, and writes nothing later', async () => {
    let goOn = (): void => undefined;
    const frozen = new Promise<void>(resolve => {
      goOn = resolve;
    });
    let turn = Promise.resolve();
    await new Promise<void>(isHeld => {
      turn = gate(0).ledger.enqueueAlone(async ({ draft }) => {
        draft.append('evidence', { of: 'a turn that was held up' });
        isHeld();
        await frozen;
      });
    });
    try {
      const startedMs = performance.now();
      const engaged = await switchOf(gate(1)).engage({ scope: {}, except: [] }, oncall);
      expect('on_the_wire' in engaged).toBe(true);
      expect(performance.now() - startedMs).toBeLessThan(UNDECIDED_MS);
    } finally {
      goOn();
    }
    await expect(turn).rejects.toBeInstanceOf(Fault);
    expect(await rowsOf(sql<{ type: string }>`select type from entries where type = 'evidence'`)).toEqual([]);
  });
});
