import { sql } from 'kysely';

import type { Action, Kind, Principal } from '../../src/config/config.ts';
import { privileges } from '../../src/db/grants.ts';
import type { Store } from '../../src/db/store.ts';
import { systemClock } from '../../src/kit/clock.ts';
import { sha256 } from '../../src/kit/digest.ts';
import { createLogger } from '../../src/kit/logger.ts';
import { activatePolicy } from '../../src/ledger/activate.ts';
import { GENESIS } from '../../src/ledger/chain.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { decideRequest } from '../../src/ledger/request.ts';
import { jobOf, type Submission } from '../../src/ledger/submission.ts';
import type { Decided, Deciding } from '../../src/ledger/deciding.ts';
import type { Turn } from '../../src/ledger/turn.ts';
import type { Facts } from '../../src/policy/facts.ts';
import type { Limits } from '../../src/policy/limits.ts';
import type { Policy, Verdict } from '../../src/policy/policy.ts';
import { targetSet, type Target, type TargetSet } from '../../src/targets/target-set.ts';
import { validated } from '../../src/validate/validated.ts';

export const host: Kind = {
  name: 'host',
  dimensions: ['zone', 'rack'],
  state: { label: 'state', inService: ['serving'] },
  labels: [],
  optional: [],
  maxAgeMs: 86_400_000,
  maxShrinkPpm: 100_000,
  maxChangePpm: 200_000,
};

export const wipe: Action = {
  name: 'disk.wipe',
  kind: 'host',
  irreversible: true,
  executor: {
    url: new URL('http://127.0.0.1:1/'),
    timeoutMs: 1_000,
    concurrency: 2,
    validForMs: 60_000,
    idempotent: false,
  },
};

export const bot: Principal = {
  name: 'bot',
  keys: [],
  roles: new Set(['requester'] as const),
  actions: new Set(['disk.wipe']),
};

export const limits: Limits = {
  actions: {
    'disk.wipe': {
      max_targets: 1_000,
      max_share: { fleet: { share_ppm: 1_000_000, at_least: 0 } },
      require: 'any',
      windows: [{ per: 'fleet', over_s: 3_600, max_targets: 100 }],
    },
  },
  budgets: [],
  protected: [],
  freezes: [],
  exceptions: [],
};

/** A policy that holds the first window's limit and nothing else; or whatever a test wants it to say. */
export function fakePolicy(evaluate?: (facts: Facts) => Verdict): Policy {
  const ask = evaluate ?? holdFirstWindow;
  return {
    limits,
    checks: [],
    rules: {},
    loosened: new Map(),
    evaluate: ask,
    allows: facts => ask(facts).allow,
  };
}

function holdFirstWindow(facts: Facts): Verdict {
  const [window] = facts.windows;
  const limit = limits.actions['disk.wipe']?.windows[0]?.max_targets ?? 0;
  const measured = (window?.used ?? 0) + (window?.count ?? 0);
  if (window !== undefined && measured <= limit) return { allow: true };
  return {
    allow: false,
    reasons: [{ rule: 'budget.window', message: 'full', measured, limit, unit: 'targets' }],
  };
}

/** As `loadHosts` loads them. */
export const definitions = new Map([['host', 'definition']]);

export const quiet = createLogger('silent');

/** All but the head, which is set back, what says which migrations landed, and a view. */
const emptied = Object.keys(privileges).filter(
  table => !['head', 'migrations', 'inventory_totals'].includes(table),
);

/** Empties a store between two tests of a file; a new one costs seconds. Only here may append-only rows go. */
export async function wipeStore(store: Store): Promise<void> {
  await sql`set session_replication_role = replica`.execute(store.db);
  await sql`truncate ${sql.join(emptied.map(table => sql.table(table)))} cascade`.execute(store.db);
  await sql`update head set version = 0, seq = 0, at = 'epoch', hash = ${GENESIS}`.execute(store.db);
  await sql`set session_replication_role = origin`.execute(store.db);
}

/** A hundred hosts per rack, as they are in force at revision 1. */
export async function loadHosts(store: Store, count: number): Promise<void> {
  await sql`
    insert into inventory_targets (kind, id, labels, tags, labels_digest, state, from_revision)
    select 'host', 'h' || i, jsonb_build_object('zone', 'z' || i / 1000, 'rack', 'r' || i / 100, 'state', 'serving'),
      array[]::text[], 'd', 'serving', 1
    from generate_series(0, ${count - 1}::int) i`.execute(store.db);
  for (const [dimension, size] of [
    ['zone', 1000],
    ['rack', 100],
  ] as const) {
    await sql`
      insert into inventory_total_versions (kind, dimension, value, count, in_service, from_revision)
      select 'host', ${dimension}, left(${dimension}, 1) || i / ${size}::int, count(*), count(*), 1
      from generate_series(0, ${count - 1}::int) i group by 3`.execute(store.db);
  }
  await sql`
    insert into inventory_kinds (kind, revision, count, as_of, loaded_at, definition, version)
    values ('host', 1, ${count}, now(), now(), 'definition', 1)`.execute(store.db);
  await sql`update head set version = 1`.execute(store.db);
}

const target = (id: string): Target => {
  const index = Number(id.slice(1));
  return {
    id,
    labels: { zone: `z${Math.floor(index / 1000)}`, rack: `r${Math.floor(index / 100)}`, state: 'serving' },
    labelsDigest: 'd',
    state: 'serving',
  };
};

/** What some ids of `loadHosts` resolve to. */
export function setOf(ids: readonly string[], revision = 1): TargetSet {
  const set = targetSet('host', revision, ids.map(target));
  if (set === undefined) throw new Error('a test that resolves to nothing');
  return set;
}

interface Asking {
  readonly mode?: Submission['mode'];
  readonly body?: string;
  /** The revision in which its targets were resolved; 1 is in force. */
  readonly revision?: number;
  readonly action?: Action;
  readonly deciding?: Partial<Deciding>;
  /** A look-up before has not found the key. */
  readonly keyWasFree?: boolean;
}

export interface Parts {
  readonly ledger: Ledger;
  readonly deciding: Deciding;
  /** Within a turn of the ledger. */
  readonly decide: (turn: Turn, ids: readonly string[], key: string) => ReturnType<typeof decideRequest>;
  readonly ask: (ids: readonly string[], key: string, more?: Asking) => Promise<Decided>;
}

/** A ledger with an active policy on a store, and a way to ask it. */
export async function gateParts(
  store: Store,
  more: Partial<LedgerOptions> & { readonly policy?: Policy; readonly killFile?: () => boolean } = {},
): Promise<Parts> {
  const ledger = new Ledger({
    db: store.ledgerDb,
    kinds: new Map([['host', host]]),
    actions: new Set([wipe.name]),
    limits,
    clock: systemClock,
    logger: quiet,
    onOperation: () => undefined,
    onOutcome: () => undefined,
    onBatch: () => undefined,
    onFailedBatch: () => undefined,
    ...more,
  });
  const deciding: Deciding = {
    gateId: 'gate-1',
    policy: { loaded: more.policy ?? fakePolicy(), digest: 'sha256:policy' },
    definitions,
    killFileEngages: more.killFile ?? (() => false),
    observers: new Set<string>(),
    resolve: async () => await Promise.reject(new Error('resolved under the lock')),
  };
  const revision = {
    digest: 'sha256:policy',
    bundle: { revision: 'test', digest: 'sha256:test' },
    limitsDigest: 'sha256:limits',
  };
  await ledger.enqueueAlone(turn => activatePolicy(turn, revision, false, 'gate-1'));
  const submissionOf = (
    ids: readonly string[],
    key: string,
    { mode = 'request', body = JSON.stringify(ids), revision: of = 1, action = wipe }: Asking = {},
  ): Submission => {
    const [first, ...rest] = ids;
    if (first === undefined) throw new Error('a test that asks for nothing');
    return {
      mode,
      asked: {
        principal: bot,
        body: {},
        bodyDigest: sha256(body),
        ...(mode === 'request' && { idempotencyKey: key }),
      },
      action,
      validated: validated({
        action,
        kind: host,
        named: { ids: [first, ...rest] },
        parameters: {},
        reason: 'a test',
      }),
      resolved: { revision: of, result: setOf(ids, of) },
    };
  };
  return {
    ledger,
    deciding,
    decide: (turn, ids, key) => decideRequest(turn, submissionOf(ids, key), deciding),
    ask: async (ids, key, more = {}) => {
      const submission = submissionOf(ids, key, more);
      return await ledger.enqueue(
        turn => decideRequest(turn, submission, { ...deciding, ...more.deciding }),
        { ...jobOf(submission), keyWasFree: more.keyWasFree ?? false },
      );
    },
  };
}
