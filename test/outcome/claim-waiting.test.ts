import { beforeEach, describe, expect, it } from 'vitest';

import { activatePolicy } from '../../src/ledger/activate.ts';
import type { Operation } from '../../src/ledger/operation.ts';
import type { Turn } from '../../src/ledger/turn.ts';
import { Precedents } from '../../src/ledger/precedents.ts';
import type { Evidence } from '../../src/ledger/seen-evidence.ts';
import { hasFailedSince, isOvertaken } from '../../src/ledger/since-allowed.ts';
import type { ActionLimits, Freeze, Limits } from '../../src/policy/limits.ts';
import { claimWaiting, type Claiming } from '../../src/outcome/claim-waiting.ts';
import { recordEvent } from '../../src/outcome/record-event.ts';
import {
  bot,
  definitions,
  fakePolicy,
  gateParts,
  host,
  limits,
  wipe,
  type Parts,
} from '../support/gate-parts.ts';
import { countedStatements } from '../support/counted-statements.ts';
import { storeOfHosts } from '../support/store-of-hosts.ts';

const store = storeOfHosts(2_000);
let parts: Parts;
/** The executor takes two at once: of four, two wait. */
beforeEach(async () => {
  parts = await gateParts(store);
  for (const index of [1, 2, 3, 4]) await parts.ask([`h${index}`], `k${index}`);
});

const claiming: Claiming = {
  gateId: 'gate-1',
  actions: new Map([[wipe.name, wipe]]),
  kinds: new Map([[host.name, host]]),
  definitions,
  observers: new Set(),
  policyDigest: 'sha256:policy',
  limits,
  killFileEngages: () => false,
  resolveIds: async () => await Promise.reject(new Error('nothing has drifted')),
};
const activateNext = async (): Promise<void> => {
  await parts.ledger.enqueueAlone(turn => {
    const revision = {
      digest: 'sha256:next',
      bundle: { revision: 'test', digest: 'sha256:test' },
      limitsDigest: 'sha256:limits',
    };
    activatePolicy(turn, revision, false, 'gate-1');
  });
};
/** The limits of `disk.wipe`, and these. */
function askingFor(more: Partial<ActionLimits>): Limits {
  const entry = limits.actions[wipe.name];
  if (entry === undefined) throw new Error('no limits');
  return { ...limits, actions: { [wipe.name]: { ...entry, ...more } } };
}
const later = (turn: Turn, byMs: number): Turn => ({ ...turn, nowMs: turn.nowMs + byMs });
const waiting = async (): Promise<number> =>
  await parts.ledger.enqueue(turn => [...turn.book.waiting(wipe.name)].length);
const rulesOf = async (with_: Partial<Claiming>, byMs = 0): Promise<(string | undefined)[]> =>
  await parts.ledger.enqueue(async turn => {
    await claimWaiting(later(turn, byMs), { ...claiming, ...with_ }, wipe.name, 'all');
    return [...turn.draft.operations.values()].map(({ rule }) => rule);
  });

describe('what is allowed in the very batch that claims', () => {
  const wide = { ...wipe, executor: { ...wipe.executor, concurrency: 10 } };

  it('is left for the next one, for it has no record yet, and is not stopped', async () => {
    const [, looked] = await Promise.all([
      parts.ask(['h5'], 'k5'),
      parts.ledger.enqueue(
        async turn =>
          await claimWaiting(turn, { ...claiming, actions: new Map([[wipe.name, wide]]) }, wipe.name, 'all'),
      ),
    ]);
    expect(looked.claimed).toHaveLength(2);
    expect(looked.again).toBe(true);
    expect(await waiting()).toBe(1);
  });

  it('is written as it ends, its holds too', async () => {
    const stop = { type: 'stop', rule: 'request.cancelled', detail: 'a test' } as const;
    await Promise.all([
      parts.ask(['h5'], 'k5'),
      parts.ledger.enqueue(turn => {
        for (const operation of turn.book.operations())
          if (operation.seq > turn.book.seq) recordEvent(turn, operation, stop, 'bot');
      }),
    ]);
    const holds = await store.db.selectFrom('holds').select('phase').where('target_id', '=', 'h5').execute();
    expect(holds).toEqual([{ phase: 'closed' }]);
  });
});

describe('what waits', () => {
  it('is stopped when its action is not declared any more', async () => {
    expect(await rulesOf({ actions: new Map() })).toEqual(['forward.drifted', 'forward.drifted']);
    expect(await waiting()).toBe(0);
  });

  it('is stopped in the name of who engaged a switch that only the claim finds', async () => {
    const stopped = await parts.ledger.enqueue(async turn => {
      const said = { id: 's1', reason: '', except: [], engagedAt: turn.draft.at, engagedBy: 'oncall' };
      turn.book.switches.set('s1', { ...said, scope: {} });
      await claimWaiting(turn, claiming, wipe.name, 'all');
      turn.book.switches.delete('s1');
      return [...turn.draft.operations.values()].map(({ rule, settledBy }) => [rule, settledBy]);
    });
    expect(stopped).toEqual([
      ['kill_switch.engaged', 'oncall'],
      ['kill_switch.engaged', 'oncall'],
    ]);
  });

  it.each([undefined, 'sha256:another'])(
    'is left alone by a gate whose policy is not the active one (%s)',
    async policyDigest => {
      expect(await rulesOf({ policyDigest })).toEqual([]);
      expect(await rulesOf({ policyDigest, actions: new Map() })).toEqual([]);
      expect(await waiting()).toBe(2);
    },
  );

  it('expires by the valid_for that it was decided under, whatever gate looks', async () => {
    expect(
      await rulesOf({ policyDigest: undefined, actions: new Map() }, wipe.executor.validForMs / 2),
    ).toEqual([]);
    expect(
      await rulesOf({ policyDigest: undefined, actions: new Map() }, wipe.executor.validForMs + 1_000),
    ).toEqual(['forward.expired', 'forward.expired']);
  });

  it('is not given up under the kill file, and is as soon as that is gone: one look for all of it', async () => {
    let looks = 0;
    const killFileEngages = (): boolean => (looks += 1) > 0;
    const late = wipe.executor.validForMs + 1_000;
    expect(await rulesOf({ killFileEngages }, late)).toEqual([]);
    expect(await rulesOf({ killFileEngages, actions: new Map() })).toEqual([]);
    expect([looks, await waiting()]).toEqual([2, 2]);
    const gone = (): boolean => (looks += 1) === 0;
    expect(await rulesOf({ killFileEngages: gone }, late)).toEqual(['forward.expired', 'forward.expired']);
    expect(looks).toBe(3);
  });

  it('expires with a word on the executor where that was full', async () => {
    const details = await parts.ledger.enqueue(async turn => {
      await claimWaiting(later(turn, wipe.executor.validForMs + 1_000), claiming, wipe.name, 'all');
      return [...turn.draft.operations.values()].map(({ detail }) => detail);
    });
    const detail =
      "it was not claimed within valid_for of its decision: its executor's concurrency of 2 is taken up";
    expect(details).toEqual([detail, detail]);
  });

  it('waits on while the executor is full', async () => {
    expect(await rulesOf({})).toEqual([]);
    expect(await waiting()).toBe(2);
  });

  it('costs no look at the kill file while the executor is full, and one of all where the file engages', async () => {
    const roomy = { ...wipe, executor: { ...wipe.executor, concurrency: 10 } };
    let looks = 0;
    const killFileEngages = (): boolean => (looks += 1) > 0;
    expect(await rulesOf({ killFileEngages })).toEqual([]);
    expect(looks).toBe(0);
    expect(await rulesOf({ killFileEngages, actions: new Map([[wipe.name, roomy]]) })).toEqual([]);
    expect(looks).toBe(1);
    expect(await waiting()).toBe(2);
  });

  describe('where its executor has places', () => {
    const roomy = { ...wipe, executor: { ...wipe.executor, concurrency: 10 } };
    const claimedUnder = async (
      freezes: readonly Partial<Freeze>[],
      with_: Partial<Claiming> = {},
      over: (turn: Turn) => Partial<Turn> = () => ({}),
    ) =>
      await parts.ledger.enqueue(async turn => {
        const frozen = freezes.map((freeze): Freeze => ({
          actions: [wipe.name],
          from_ms: turn.nowMs,
          reason: 'a test',
          ...freeze,
        }));
        const now: Claiming = {
          ...claiming,
          actions: new Map([[wipe.name, roomy]]),
          limits: { ...limits, freezes: frozen },
          ...with_,
        };
        const { claimed } = await claimWaiting({ ...turn, ...over(turn) }, now, wipe.name, 'all');
        return { claimed: claimed.length, stopped: turn.draft.outcomes.length };
      });
    const inAnHour = (): number => Date.now() + 3_600_000;

    it('is held back while the kill file engages this gate, and not stopped', async () => {
      expect(await claimedUnder([], { killFileEngages: () => true })).toEqual({ claimed: 0, stopped: 0 });
      expect(await claimedUnder([])).toEqual({ claimed: 2, stopped: 0 });
    });

    it('is held back while the clocks are not agreed, and not stopped, for nobody knows what has expired', async () => {
      const parted = ({ nowMs }: Turn): Partial<Turn> => ({
        clockJumped: true,
        nowMs: nowMs + wipe.executor.validForMs + 1_000,
      });
      expect(await claimedUnder([], {}, parted)).toEqual({ claimed: 0, stopped: 0 });
      expect(await claimedUnder([])).toEqual({ claimed: 2, stopped: 0 });
    });

    it('is held back by a freeze, and not stopped', async () => {
      expect(await claimedUnder([{}])).toEqual({ claimed: 0, stopped: 0 });
      expect(await claimedUnder([{ until_ms: inAnHour() }])).toEqual({ claimed: 0, stopped: 0 });
      expect(await claimedUnder([{ except: ['oncall-bot'] }])).toEqual({ claimed: 0, stopped: 0 });
      expect(await waiting()).toBe(2);
    });

    it('is held back by a freeze that came with another policy revision, and drifts when it is over', async () => {
      await activateNext();
      const next = { policyDigest: 'sha256:next' };
      expect(await claimedUnder([{}], next)).toEqual({ claimed: 0, stopped: 0 });
      expect(await claimedUnder([], next)).toEqual({ claimed: 0, stopped: 2 });
    });

    it('is held back by an inventory that nothing would be decided by, but what has drifted anyhow is given up', async () => {
      const stale = { definitions: new Map([['host', 'another']]) };
      expect(await claimedUnder([], stale)).toEqual({ claimed: 0, stopped: 0 });
      await activateNext();
      expect(await claimedUnder([], { ...stale, policyDigest: 'sha256:next' })).toEqual({
        claimed: 0,
        stopped: 2,
      });
    });

    describe('is looked at with what was said in the same batch, which no row tells yet', () => {
      const canary = { name: 'canary', max_age_s: 60 };
      /** Of what is rolled out to two zones, where the limits ask for this and one thing was said of it, so much after its decision. */
      const hasFailed = async (
        asked: NonNullable<ActionLimits['require_evidence']>,
        said: Partial<Evidence>,
        after = 1,
      ): Promise<boolean> =>
        await parts.ledger.enqueue(async turn => {
          const asking = askingFor({ require_evidence: asked });
          const precedents = new Precedents(asking);
          const [id = ''] = turn.book.waiting(wipe.name);
          const operation = turn.book.operation(id);
          if (operation === undefined) throw new Error('nothing waits');
          const seen = { seq: operation.seq + after, atMs: turn.nowMs, by: 'watcher', name: 'canary' };
          precedents.add('a', { ...seen, status: 'failed', ...said });
          return await hasFailedSince(
            { ...turn, precedents },
            { ...operation, artifact: 'a', dimensionValues: { zone: ['z1', 'z2'] } },
            asking,
            new Set(['watcher']),
          );
        });

      it.each<[string, Parameters<typeof hasFailed>]>([
        ['what its limits ask for has failed', [[canary], {}]],
        ['one of what they ask for has', [[canary, { ...canary, name: 'lint' }], {}]],
        ['it has in one of its values', [[{ ...canary, per: 'zone' }], { dimension: 'zone', value: 'z2' }]],
        [
          'it has in any value of a label that is no dimension',
          [[{ ...canary, per: 'owner' }], { dimension: 'owner', value: 'red' }],
        ],
      ])('and is held back where %s', async (_, asked) => {
        expect(await hasFailed(...asked)).toBe(true);
      });

      it.each<[string, Parameters<typeof hasFailed>]>([
        ['has passed', [[canary], { status: 'passed' }]],
        ['had failed before', [[canary], {}, -1]],
        ['is not asked for', [[{ ...canary, name: 'lint' }], {}]],
        [
          'has failed in a value that it has not',
          [[{ ...canary, per: 'zone' }], { dimension: 'zone', value: 'z3' }],
        ],
      ])('and is not where it %s', async (_, asked) => {
        expect(await hasFailed(...asked)).toBe(false);
      });
    });

    it('is held back by what was seen of its artifact for as long as a turn may take, and the others come first in the next look', async () => {
      const asking = askingFor({ require_evidence: [{ name: 'canary', max_age_s: 60 }] });
      const lines = await parts.ledger.enqueue(async turn => {
        const precedents = new Precedents(asking);
        const said = { seq: turn.draft.seq + 1, atMs: turn.nowMs, by: 'watcher', name: 'canary' };
        precedents.add('a', { ...said, status: 'failed' });
        const line = (): string[] => [...turn.book.waiting(wipe.name)];
        const before = line();
        for (const id of before) {
          const operation = turn.book.operation(id);
          if (operation !== undefined) turn.book.setOperation({ ...operation, artifact: 'a' });
        }
        let ms = 0;
        const slow: Turn = { ...turn, precedents, monotonicMs: () => (ms += 300) };
        const now = { ...claiming, actions: new Map([[wipe.name, roomy]]), limits: asking };
        const looked = await claimWaiting(
          slow,
          { ...now, observers: new Set(['watcher']) },
          wipe.name,
          'all',
        );
        return { before, after: line(), looked };
      });
      expect(lines.before).toHaveLength(2);
      expect(lines.after).toEqual(lines.before.toReversed());
      expect(lines.looked).toEqual({ claimed: [], again: false });
    });

    it('is given up where a later generation of its plan was sent in the same batch, and for nothing else', async () => {
      const planned = askingFor({ require_plan: true });
      const plan = { name: 'p', generation: 5 };
      const looked = async (generation: number, more: Partial<Operation> = {}, by = planned) =>
        await parts.ledger.enqueue(async turn => {
          const all = [...turn.book.operations()];
          const other = all.find(({ phase }) => phase === 'claimed');
          const [id = ''] = turn.book.waiting(wipe.name);
          const old = turn.book.operation(id);
          if (old === undefined || other === undefined) throw new Error('nothing waits, or was sent');
          const operations = new Map([
            ['first', other],
            [other.id, { ...other, plan: { ...plan, generation }, ...more }],
          ]);
          const draft = Object.assign(Object.create(turn.draft), { operations });
          return await isOvertaken({ ...turn, draft }, { ...old, plan }, by);
        });
      expect(await looked(6)).toBe(true);
      expect(await looked(5)).toBe(false);
      expect(await looked(4)).toBe(false);
      expect(await looked(6, { plan: { name: 'q', generation: 6 } })).toBe(false);
      expect(await looked(6, { action: 'disk.other' })).toBe(false);
      expect(await looked(6, { attempts: 0 })).toBe(false);
      expect(await looked(6, {}, limits)).toBe(false);
    });

    it('is not claimed by a gate without limits', async () => {
      expect(await claimedUnder([], { limits: undefined })).toEqual({ claimed: 0, stopped: 0 });
    });

    it.each<[string, (nowMs: number) => Partial<Freeze>]>([
      ['is over at this very moment', nowMs => ({ from_ms: 1, until_ms: nowMs })],
      ['has not begun', () => ({ from_ms: inAnHour() })],
      ['is of another action', () => ({ actions: ['config.push'] })],
      ['excepts who asked', () => ({ except: [bot.name] })],
    ])('is claimed beside a freeze that %s', async (_, freeze) => {
      const before = await parts.ledger.enqueue(({ nowMs }) => nowMs);
      expect(await claimedUnder([freeze(before)])).toEqual({ claimed: 2, stopped: 0 });
    });
  });
});

describe('what has drifted', () => {
  const roomy = { ...wipe, executor: { ...wipe.executor, concurrency: 1_000 } };
  const next: Claiming = {
    ...claiming,
    actions: new Map([[wipe.name, roomy]]),
    policyDigest: 'sha256:next',
  };
  const looked = async (over: (turn: Turn) => Partial<Turn>) =>
    await parts.ledger.enqueue(async turn => {
      const { again } = await claimWaiting({ ...turn, ...over(turn) }, next, wipe.name, 'all');
      return { stopped: turn.draft.outcomes.length, again };
    });

  it('is given up without a look-up where the policy is another one', async () => {
    await activateNext();
    let begun = (): number => NaN;
    const counted = (turn: Turn): Partial<Turn> => {
      const statements = countedStatements(turn.db);
      begun = statements.begun;
      return { db: statements.db };
    };
    expect(await looked(counted)).toEqual({ stopped: 2, again: false });
    expect(begun()).toBe(0);
  });

  it('is given up as far as a turn may take, and the rest in the next one', async () => {
    await activateNext();
    let ms = 0;
    const slow = (): Partial<Turn> => ({ monotonicMs: () => (ms += 300) });
    expect(await looked(slow)).toEqual({ stopped: 1, again: true });
    expect(await looked(slow)).toEqual({ stopped: 1, again: false });
  });

  it('is given up as far as the targets of a batch go, and the rest in the next one', async () => {
    await activateNext();
    const large = ({ book }: Turn): Partial<Turn> => {
      for (const operation of [...book.operations()])
        if (operation.phase === 'waiting') book.setOperation({ ...operation, targetCount: 20_000 });
      return {};
    };
    expect(await looked(large)).toEqual({ stopped: 1, again: true });
  });

  it('is given up as many at a time as a batch has jobs, however many looks share a turn', async () => {
    const wide = await gateParts(store, { policy: fakePolicy(() => ({ allow: true })) });
    await Promise.all(Array.from({ length: 300 }, (_, index) => wide.ask([`h${100 + index}`], `w${index}`)));
    const atOnce = (): Partial<Turn> => ({ monotonicMs: () => 0 });
    // What waits on is no change, and asks for no other turn.
    expect(await looked(atOnce)).toEqual({ stopped: 0, again: false });
    await activateNext();
    const inOneTurn = await Promise.all([looked(atOnce), looked(atOnce)]);
    expect(inOneTurn).toEqual([
      { stopped: 256, again: true },
      { stopped: 256, again: true },
    ]);
    expect(await looked(atOnce)).toEqual({ stopped: 46, again: false });
  });
});
