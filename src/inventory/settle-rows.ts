import { setImmediate as nextTurn } from 'node:timers/promises';
import { sameWeights, sumWeights, type ValueCount } from './count-values.ts';
import { underLease } from './lease-queries.ts';
import { endTargets, moveTotals, readRows, readTotals, readTotalsOf } from './load-queries.ts';
import { countsChanges, type Load } from './load.ts';

/** Rows looked at, and written, at a time: on the embedded store nothing else runs meanwhile. */
const PAGE = 2_000;
const BATCH = 500;

/** How many targets in force the snapshot does not name. Known without a look at them. */
export function countAbsent(load: Load): number {
  const kept = [...load.done.patched.values()].filter(isThere => isThere).length;
  const absent = (load.inForce?.count ?? 0) - load.done.met - kept;
  if (absent < 0) throw new Error('a snapshot met more targets than are in force');
  return absent;
}

/** Ends the rows of the targets that a snapshot does not name. */
export async function endAbsent(load: Load): Promise<void> {
  const { db, lease, revision, done } = load;
  const { patched } = done;
  if (done.removed === 0) return;
  const kind = load.kind.kind.name;
  done.wrote = true;
  let found = 0;
  let after = '';
  for (;;) {
    const page = await readRows(db, kind, revision, after, PAGE);
    const absent = page.filter(({ id }) => !done.seen.has(id) && !patched.has(id));
    if (countsChanges(load))
      for (const { labels, weights } of absent) done.counts.remove(labels, weights ?? {});
    for (let at = 0; at < absent.length; at += BATCH) {
      const ids = absent.slice(at, at + BATCH).map(({ id }) => id);
      found += await underLease(db, lease, async tx => await endTargets(tx, kind, revision, ids));
    }
    after = page.at(-1)?.id ?? '';
    if (page.length < PAGE) break;
    await nextTurn();
  }
  if (found !== done.removed) throw new Error(`${done.removed} targets were to be ended, and ${found} were`);
}

/** Writes the totals of the next revision, where they are others than in force. */
export async function settleTotals(load: Load): Promise<void> {
  let moved: ValueCount[] = [];
  const write = async (): Promise<void> => {
    const counts = moved;
    moved = [];
    load.done.wrote = true;
    await underLease(load.db, load.lease, async tx => {
      await moveTotals(tx, load.kind.kind.name, load.revision, counts);
    });
  };
  for await (const count of countsChanges(load) ? changedTotals(load) : snapshotTotals(load)) {
    moved.push(count);
    if (moved.length >= BATCH) await write();
  }
  if (moved.length > 0) await write();
}

const keyOf = ({ dimension, value }: { dimension: string; value: string }): string => `${dimension}=${value}`;

/** A snapshot knows all counts: those that differ from the ones in force, 0 for a value that is gone. */
async function* snapshotTotals(load: Load): AsyncGenerator<ValueCount, void> {
  const { counts } = load.done;
  const known = new Set<string>();
  let after = { dimension: '', value: '' };
  while (load.inForce !== undefined) {
    const page = await readTotals(load.db, load.kind.kind.name, load.revision, after, PAGE);
    for (const before of page) {
      known.add(keyOf(before));
      const now = counts.of(before.dimension, before.value);
      if (
        now.count !== before.count ||
        now.inService !== before.inService ||
        !sameWeights(now.weights, before.weights)
      )
        yield { dimension: before.dimension, value: before.value, ...now };
    }
    after = page.at(-1) ?? after;
    if (page.length < PAGE) break;
    await nextTurn();
  }
  for (const count of counts) if (!known.has(keyOf(count))) yield count;
}

/** A PATCH, or one of several sources, knows what it adds and takes away. */
async function* changedTotals(load: Load): AsyncGenerator<ValueCount, void> {
  const deltas = [...load.done.counts].filter(isSome);
  for (let at = 0; at < deltas.length; at += BATCH) {
    const some = deltas.slice(at, at + BATCH);
    const rows = await readTotalsOf(load.db, load.kind.kind.name, load.revision, some);
    const before = new Map(rows.map(row => [keyOf(row), row]));
    for (const delta of some) {
      const { count = 0, inService = 0, weights = null } = before.get(keyOf(delta)) ?? {};
      yield {
        ...delta,
        count: count + delta.count,
        inService: inService + delta.inService,
        weights: sumWeights(weights, delta.weights),
      };
    }
  }
}

const isSome = ({ count, inService, weights }: ValueCount): boolean =>
  count !== 0 || inService !== 0 || Object.values(weights ?? {}).some(sum => sum !== 0);
