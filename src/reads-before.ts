import type { Kysely } from 'kysely';

import type { Database } from './db/database.ts';
import { fromDatabase } from './db/from-database.ts';
import type { Store } from './db/store.ts';
import type { Deadline } from './kit/deadline.ts';
import { Fault } from './kit/fault.ts';
import { inTime } from './kit/in-time.ts';
import { Lane } from './kit/lane.ts';
import type { Refusal } from './kit/refusal.ts';
import { Together } from './kit/together.ts';
import { keyName, type AskedKey } from './ledger/key.ts';
import { UNDECIDED_MS } from './ledger/ledger.ts';
import { readRecorded, type HeldKey } from './ledger/recorded.ts';
import { findByIds } from './targets/queries.ts';
import { freezeFound, resolveTargets } from './targets/resolve.ts';
import type { Target, TargetSet } from './targets/target-set.ts';
import type { Named } from './validate/validated.ts';

/** The reads of a request before the ledger, each up to the request's deadline, waiting included. */
export interface ReadsBefore {
  /** What holds a key. @throws Fault `store.unavailable`, `store.undecided` */
  recorded(key: AskedKey, deadline: Deadline): Promise<HeldKey | undefined>;
  /** As `resolveTargets`. @throws Fault `store.unavailable`, `store.undecided` */
  resolve(kind: string, named: Named, revision: number, deadline: Deadline): Promise<TargetSet | Refusal>;
}

/** Keys, or small requests, that are looked up in one statement. */
const KEYS_AT_ONCE = 256;
const REQUESTS_AT_ONCE = 64;
/** A request with more ids is looked up by itself. */
const FEW_IDS = 100;
/**
 * So many of those at once on a server: one keeps the database busy, and the other this thread. With more, all that came together are past their
 * deadline together, and nobody is answered.
 */
const LARGE_AT_ONCE = 2;

interface Wanted {
  readonly kind: string;
  readonly revision: number;
  readonly ids: readonly string[];
}

/**
 * What many ask at once is read in one statement; what is large has a lane of its own. So the ledger, and a stop with it,
 * never waits behind more than a few reads.
 * @param isWeighed whether a kind declares weights, which are then read too
 */
export function createReadsBefore(
  { db, keyedDb, embedded }: Pick<Store, 'db' | 'keyedDb' | 'embedded'>,
  isWeighed: (kind: string) => boolean,
): ReadsBefore {
  const patienceMs = UNDECIDED_MS;
  const lane = new Lane(embedded ? 1 : LARGE_AT_ONCE, patienceMs);
  const keys = new Together(async (asked: readonly AskedKey[]) => await findAllRecorded(keyedDb, asked), {
    most: KEYS_AT_ONCE,
    patienceMs,
  });
  const targets = new Together(
    async (asked: readonly Wanted[]) => await findAllTargets(keyedDb, asked, isWeighed),
    {
      most: REQUESTS_AT_ONCE,
      patienceMs,
    },
  );
  return {
    recorded: async (key, deadline) => await upTo(deadline, async isWanted => await keys.ask(key, isWanted)),
    resolve: async (kind, named, revision, deadline) =>
      await upTo(deadline, async isWanted => {
        if ('ids' in named && named.ids.length <= FEW_IDS) {
          const found = await targets.ask({ kind, revision, ids: named.ids }, isWanted);
          if (found.length === named.ids.length) return freezeFound(kind, revision, found, named);
        }
        return await lane.run(
          async () => await resolveTargets(db, kind, named, revision, isWeighed(kind)),
          isWanted,
        );
      }),
  };
}

async function findAllRecorded(
  db: Kysely<Database>,
  keys: readonly AskedKey[],
): Promise<readonly (HeldKey | undefined)[]> {
  const found = await readRecorded(db, keys);
  return keys.map(key => found.get(keyName(key)));
}

/** Nearly always all of one kind and revision; each is found in the revision it asked for. */
async function findAllTargets(
  db: Kysely<Database>,
  asked: readonly Wanted[],
  isWeighed: (kind: string) => boolean,
): Promise<readonly (readonly Target[])[]> {
  const groups = new Map<
    string,
    { readonly kind: string; readonly revision: number; readonly ids: Set<string> }
  >();
  for (const { kind, revision, ids } of asked) {
    const group = groups.get(groupOf({ kind, revision })) ?? { kind, revision, ids: new Set<string>() };
    groups.set(groupOf(group), group);
    for (const id of ids) group.ids.add(id);
  }
  const found = new Map<string, ReadonlyMap<string, Target>>();
  for (const [name, { kind, revision, ids }] of groups) {
    const targets = await findByIds(db, kind, [...ids], revision, isWeighed(kind));
    found.set(name, new Map(targets.map(target => [target.id, target])));
  }
  return asked.map(one => one.ids.flatMap(id => found.get(groupOf(one))?.get(id) ?? []));
}

const groupOf = ({ kind, revision }: Pick<Wanted, 'kind' | 'revision'>): string => `${kind}\n${revision}`;

const upTo = async <T>(deadline: Deadline, read: (isWanted: () => boolean) => Promise<T>): Promise<T> =>
  await inTime(
    fromDatabase(async () => await read(() => !deadline.isOver())),
    deadline.leftMs(),
    () =>
      new Fault(
        'store.undecided',
        'What it needs was not read from the database in 10 s, its wait behind large requests included. Nothing was decided.',
      ),
  );
