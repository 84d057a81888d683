import type { Kysely } from 'kysely';

import type { Database } from './db/database.ts';
import type { LoadedPolicy } from './load-policy.ts';
import { tagOf } from './inventory/describe-kind.ts';
import { readExceptionUses } from './ledger/exception-queries.ts';
import { freezeStatus } from './ledger/freezes.ts';
import type { Exception, Freeze, Limits, ProtectedEntry } from './policy/limits.ts';
import { countByTags, findByIds, readLoadedKinds, revisionInForce } from './targets/queries.ts';

/** What of it is as a turn of the ledger finds it. */
export interface PolicyStanding {
  readonly loaded: LoadedPolicy;
  readonly activePolicy: string | undefined;
  readonly nowMs: number;
}

/**
 * The policy revision of this gate: what it is made of, its checks, and its limits. What is counted for it is counted outside of the
 * ledger: it takes as long as there are entries and targets, and a stop would wait for that.
 */
export async function describePolicy(
  db: Kysely<Database>,
  { loaded: { policy, revision, profiles, gaps }, activePolicy, nowMs }: PolicyStanding,
): Promise<object> {
  return {
    revision: revision.digest,
    digest: revision.digest,
    active: activePolicy === revision.digest,
    bundle: revision.bundle,
    checks: policy.checks,
    limits: policy.limits,
    profiles,
    gaps,
    protected: await countProtected(db, policy.limits),
    freezes: policy.limits.freezes.map(freeze => describeFreeze(freeze, nowMs)),
    exceptions: await describeExceptions(db, policy.limits, nowMs),
  };
}

const iso = (ms: number): string => new Date(ms).toISOString();

/** A freeze as people say it, and whether it is in force at that time. */
export const describeFreeze = (freeze: Freeze, nowMs: number) => ({
  actions: freeze.actions,
  from: iso(freeze.from_ms),
  ...(freeze.until_ms !== undefined && { until: iso(freeze.until_ms) }),
  reason: freeze.reason,
  ...(freeze.except !== undefined && { except: freeze.except }),
  status: freezeStatus(freeze, nowMs),
});

/** Each exception with what of it is used, and whether it can still let anything through at that time. */
export async function describeExceptions(db: Kysely<Database>, { exceptions }: Limits, nowMs: number) {
  const ids = exceptions.map(({ id }) => id);
  const uses = ids.length === 0 ? new Map<string, number>() : await readExceptionUses(db, ids);
  return exceptions.map(exception => describeException(exception, uses.get(exception.id) ?? 0, nowMs));
}

function describeException(exception: Exception, used: number, nowMs: number) {
  const { status, ...said } = describeUncounted(exception, nowMs);
  const left = Math.max(0, exception.max_targets - used);
  return { ...said, used, left, status: status === 'in_force' && left === 0 ? ('used_up' as const) : status };
}

/** An exception as the files alone tell it: how much of it is used stands in the store. */
export function describeUncounted({ until_ms, max_targets, ...exception }: Exception, nowMs: number) {
  const status = nowMs >= until_ms ? ('over' as const) : ('in_force' as const);
  return { ...exception, until: iso(until_ms), max_targets, status };
}

export type CountedEntry = ProtectedEntry & {
  readonly matches: number;
  /** Of an entry with ids: those that are no target's, if there are any. They guard nothing, whatever the others do. */
  readonly missing?: readonly string[] | undefined;
};

/**
 * Each protected entry with how many targets it stands for, in the revision that is in force while it is counted; one that matches none
 * guards nothing. One statement an entry, so that on the embedded store others get their turn between two.
 */
export async function countProtected(
  db: Kysely<Database>,
  limits: Pick<Limits, 'protected'>,
): Promise<readonly CountedEntry[]> {
  const loaded = await readLoadedKinds(db);
  const counted: CountedEntry[] = [];
  for (const entry of limits.protected) {
    const found = loaded.has(entry.kind)
      ? await countMatches(db, entry, Number.MAX_SAFE_INTEGER)
      : { matches: 0 };
    counted.push({ ...entry, ...found });
  }
  return counted;
}

/** One entry of a kind that has an inventory, as it is now. Of a selector's targets one is enough. */
export async function findIdle(db: Kysely<Database>, entry: ProtectedEntry): Promise<CountedEntry> {
  return { ...entry, ...(await countMatches(db, entry, 1)) };
}

async function countMatches(
  db: Kysely<Database>,
  entry: ProtectedEntry,
  upTo: number,
): Promise<Pick<CountedEntry, 'matches' | 'missing'>> {
  const revision = revisionInForce(entry.kind);
  if ('ids' in entry) {
    const found = new Set((await findByIds(db, entry.kind, entry.ids, revision)).map(({ id }) => id));
    const missing = entry.ids.filter(id => !found.has(id));
    return { matches: found.size, ...(missing.length > 0 && { missing }) };
  }
  const groups = Object.entries(entry.selector).map(([label, values]) =>
    values.map(value => tagOf(entry.kind, label, value)),
  );
  return { matches: await countByTags(db, groups, revision, upTo) };
}
