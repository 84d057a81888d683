import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import { tagOf } from '../inventory/describe-kind.ts';
import { refuse, type Reason, type Refusal } from '../kit/refusal.ts';
import { quote } from '../kit/text.ts';
import { MAX_TARGETS, type Named } from '../validate/validated.ts';
import { findByIds, findByTags, findOtherKinds } from './queries.ts';
import { targetSet, type Target, type TargetSet } from './target-set.ts';

/** So many ids are named in a message; the rest is a number. */
const MAX_NAMED = 5;

/**
 * What the caller named → a frozen target set, all of it from one revision. One unknown id refuses the request; a selector
 * that stands for another number than expected does too.
 */
export async function resolveTargets(db: Kysely<Database>, kind: string, named: Named, revision: number): Promise<TargetSet | Refusal> {
  return 'ids' in named
    ? await resolveIds(db, kind, named.ids, named.expect, revision)
    : await resolveSelector(db, kind, named.selector, named.expect, revision);
}

async function resolveIds(
  db: Kysely<Database>,
  kind: string,
  ids: readonly [string, ...string[]],
  expect: number | undefined,
  revision: number,
): Promise<TargetSet | Refusal> {
  const found = await findByIds(db, kind, ids, revision);
  const known = new Set(found.map(({ id }) => id));
  const missing = ids.filter(id => !known.has(id));
  const reasons = [
    ...(missing.length > 0 ? await explainMissing(db, kind, missing) : []),
    ...(expect !== undefined && expect !== ids.length ? [unexpected(ids.length, expect, '/targets/expect')] : []),
  ];
  return freeze(kind, revision, found, reasons);
}

async function explainMissing(db: Kysely<Database>, kind: string, missing: readonly string[]): Promise<Reason[]> {
  const elsewhere = new Map((await findOtherKinds(db, kind, missing)).map(row => [row.id, row.kind]));
  const wrongKind = missing.filter(id => elsewhere.has(id));
  const unknown = missing.filter(id => !elsewhere.has(id));
  return [
    ...(unknown.length > 0
      ? [
          {
            rule: 'targets.unknown',
            message: `${list(unknown)} ${unknown.length === 1 ? 'is' : 'are'} not in the inventory of ${kind}. Ids are compared letter by letter, upper and lower case apart.`,
            measured: unknown.length,
            limit: 0,
            unit: 'targets',
            pointer: '/targets/ids',
            remedy: 'only ids that the inventory has',
          } as const,
        ]
      : []),
    ...(wrongKind.length > 0
      ? [
          {
            rule: 'targets.wrong_kind',
            message: `${list(wrongKind)} ${wrongKind.length === 1 ? 'is' : 'are'} not of the kind ${kind}, but ${[...new Set(wrongKind.map(id => elsewhere.get(id)))].join(', ')}.`,
            measured: wrongKind.length,
            limit: 0,
            unit: 'targets',
            pointer: '/targets/ids',
            remedy: `only targets of the kind ${kind}`,
          } as const,
        ]
      : []),
  ];
}

function list(ids: readonly string[]): string {
  const shown = ids.slice(0, MAX_NAMED).map(id => quote(id)).join(', ');
  return ids.length > MAX_NAMED ? `${shown} and ${ids.length - MAX_NAMED} more` : shown;
}

async function resolveSelector(
  db: Kysely<Database>,
  kind: string,
  selector: Readonly<Record<string, readonly [string, ...string[]]>>,
  expect: number,
  revision: number,
): Promise<TargetSet | Refusal> {
  const groups = Object.entries(selector).map(([label, values]) => values.map(value => tagOf(kind, label, value)));
  const found = await findByTags(db, groups, revision, MAX_TARGETS + 1);
  if (found.length > MAX_TARGETS) {
    return refuse({
      rule: 'targets.too_many',
      message: `The selector stands for more than ${MAX_TARGETS} targets; ${expect} were expected.`,
      measured: found.length,
      limit: MAX_TARGETS,
      unit: 'targets',
      pointer: '/targets/selector',
      remedy: 'a narrower selector',
    });
  }
  return freeze(kind, revision, found, found.length === expect ? [] : [unexpected(found.length, expect, '/targets/expect')]);
}

const unexpected = (measured: number, limit: number, pointer: string): Reason => ({
  rule: 'targets.unexpected_count',
  message: `${measured} targets were resolved, and ${limit} were expected.`,
  measured,
  limit,
  unit: 'targets',
  pointer,
  remedy: `look at the difference; \`expect\`: ${measured} if that is what you mean`,
});

function freeze(kind: string, revision: number, found: readonly Target[], reasons: readonly Reason[]): TargetSet | Refusal {
  const [first, ...rest] = reasons;
  if (first !== undefined) return refuse(first, ...rest);
  return (
    targetSet(kind, revision, found) ??
    refuse({ rule: 'targets.empty', message: 'Nothing was resolved.', measured: 0, limit: 1, unit: 'targets', remedy: 'name the targets' })
  );
}
