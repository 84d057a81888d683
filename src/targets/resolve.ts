import type { Kysely } from 'kysely';

import type { Database } from '../db/database.ts';
import { tagOf } from '../inventory/describe-kind.ts';
import { MAX_TARGETS } from '../kit/most-targets.ts';
import { refuse, type Reason, type Refusal } from '../kit/refusal.ts';
import { listNames, quote } from '../kit/text.ts';
import type { Named } from '../validate/validated.ts';
import { beliefReasons, MAX_NAMED } from './believed.ts';
import { meantBy } from './meant.ts';
import {
  countByTags,
  findByIds,
  findByTags,
  findIdsByTags,
  findNeighbours,
  findOtherKinds,
} from './queries.ts';
import { targetSet, type Target, type TargetSet } from './target-set.ts';

/** So many unknown ids are looked at for what may have been meant. */
const MAX_HINTS = 3;

/** A selector that stands for more is counted before its targets are read: a refusal should cost little. */
const FEW = 2_000;

/**
 * What the caller named → a frozen target set, all of it from one revision. One unknown id refuses the request; a selector
 * that stands for another number than expected does too.
 * @param isWeighed whether the kind declares weights; a target that was read without them weighs nothing that a limit could know
 */
export async function resolveTargets(
  db: Kysely<Database>,
  kind: string,
  named: Named,
  revision: number,
  isWeighed = false,
): Promise<TargetSet | Refusal> {
  return 'ids' in named
    ? await resolveIds(db, kind, named, revision, isWeighed)
    : await resolveSelector(db, kind, named, revision, isWeighed);
}

type NamedIds = Extract<Named, { readonly ids: unknown }>;
type NamedSelector = Extract<Named, { readonly selector: unknown }>;

async function resolveIds(
  db: Kysely<Database>,
  kind: string,
  named: NamedIds,
  revision: number,
  isWeighed: boolean,
): Promise<TargetSet | Refusal> {
  const { ids, expect, asserts } = named;
  const found = await findByIds(db, kind, ids, revision, isWeighed);
  const known = new Set(found.map(({ id }) => id));
  const missing = ids.filter(id => !known.has(id));
  if (missing.length === 0) return freezeFound(kind, revision, found, named);
  const unknown = await explainMissing(db, kind, missing, revision);
  const others = [...unknown, ...notExpected(ids.length, expect, 'named')];
  return freeze(kind, revision, found, [...others, ...beliefReasons(asserts, found)]);
}

/**
 * A set of ids that were all found, if they are as many as expected. What the caller believes of them is looked at here only
 * where the set is refused anyway: a set that is what was named is recorded with its refusal.
 */
export function freezeFound(
  kind: string,
  revision: number,
  found: readonly Target[],
  named: Named,
): TargetSet | Refusal {
  const { expect, asserts } = named;
  const reasons = notExpected(found.length, expect, 'ids' in named ? 'named' : 'resolved');
  const isRefused = reasons.length > 0;
  return freeze(kind, revision, found, isRefused ? [...reasons, ...beliefReasons(asserts, found)] : reasons);
}

/** @param how ids are counted as they stand in the request: some of them may be no target's */
const notExpected = (count: number, expect: number | undefined, how: 'named' | 'resolved'): Reason[] =>
  expect === undefined || expect === count ? [] : [unexpected(count, expect, how)];

async function explainMissing(
  db: Kysely<Database>,
  kind: string,
  missing: readonly string[],
  revision: number,
): Promise<Reason[]> {
  const elsewhere = new Map((await findOtherKinds(db, kind, missing)).map(row => [row.id, row.kind]));
  const wrongKind = missing.filter(id => elsewhere.has(id));
  const unknown = missing.filter(id => !elsewhere.has(id));
  const hints: string[] = [];
  for (const id of unknown.slice(0, MAX_HINTS)) hints.push(await hintFor(db, kind, id, revision));
  return [
    ...(unknown.length > 0
      ? [
          {
            rule: 'targets.unknown',
            message: `${list(unknown)} ${unknown.length === 1 ? 'is' : 'are'} not in the inventory of ${kind}. Ids are compared letter by letter, upper and lower case apart.${hints.join('')}`,
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

/** What may have been meant by an id that is not there; a sentence with a blank before it, or nothing. */
async function hintFor(db: Kysely<Database>, kind: string, id: string, revision: number): Promise<string> {
  const { spellings, choose } = meantBy(id);
  const meant = choose(await findNeighbours(db, kind, id, spellings, revision));
  return meant === undefined ? '' : ` Did you mean ${quote(meant)} by ${quote(id)}?`;
}

const list = (ids: readonly string[]): string =>
  listNames(
    ids.map(id => quote(id)),
    MAX_NAMED,
  );

async function resolveSelector(
  db: Kysely<Database>,
  kind: string,
  named: NamedSelector,
  revision: number,
  isWeighed: boolean,
): Promise<TargetSet | Refusal> {
  const { selector, expect } = named;
  const groups = Object.entries(selector).map(([label, values]) =>
    values.map(value => tagOf(kind, label, value)),
  );
  const some = await findByTags(db, groups, revision, FEW + 1, isWeighed);
  if (some.length <= FEW) return freezeFound(kind, revision, some, named);
  const count = await countByTags(db, groups, revision, MAX_TARGETS + 1);
  if (count > MAX_TARGETS) return refuse(tooMany(count, expect));
  if (count !== expect) return refuse(unexpected(count, expect, 'resolved'));
  const found = await findByIds(
    db,
    kind,
    await findIdsByTags(db, groups, revision, MAX_TARGETS + 1),
    revision,
    isWeighed,
  );
  // A revision does not change while it is in force; if it is not any more, the ledger resolves anew.
  return freezeFound(kind, revision, found, named);
}

const tooMany = (measured: number, expect: number): Reason => ({
  rule: 'targets.too_many',
  message: `The selector stands for more than ${MAX_TARGETS} targets; ${expect} were expected.`,
  measured,
  limit: MAX_TARGETS,
  unit: 'targets',
  pointer: '/targets/selector',
  remedy: 'a narrower selector',
});

const unexpected = (measured: number, limit: number, how: 'named' | 'resolved'): Reason => ({
  rule: 'targets.unexpected_count',
  message: `${
    measured === 0
      ? 'Nothing in the inventory matches'
      : `${measured} ${measured === 1 ? 'target was' : 'targets were'} ${how}`
  }, and ${limit} ${limit === 1 ? 'was' : 'were'} expected.`,
  measured,
  limit,
  unit: 'targets',
  pointer: '/targets/expect',
  // An `expect` of 0 passes nowhere: nothing is never a target set.
  remedy:
    measured === 0
      ? 'a selector that matches what you mean; where nothing is left to do, there is nothing to ask for'
      : `look at the difference; \`expect\`: ${measured} if that is what you mean`,
});

function freeze(
  kind: string,
  revision: number,
  found: readonly Target[],
  reasons: readonly Reason[],
): TargetSet | Refusal {
  const [first, ...rest] = reasons;
  if (first !== undefined) return refuse(first, ...rest);
  return (
    targetSet(kind, revision, found) ??
    refuse({
      rule: 'targets.empty',
      message: 'Nothing was resolved.',
      measured: 0,
      limit: 1,
      unit: 'targets',
      remedy: 'name the targets',
    })
  );
}
