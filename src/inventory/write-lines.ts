import { mergeOwn, type Described, type Labels } from './describe-kind.ts';
import { sameWeights } from './count-values.ts';
import { underPatches } from './keep-patched.ts';
import type { Line, Lines } from './line.ts';
import { MAX_LINES } from './load-query.ts';
import {
  beginPatches,
  beginTargets,
  compareLines,
  endTargets,
  readRows,
  type Difference,
} from './load-queries.ts';
import { countsChanges, isMerging, type Load } from './load.ts';
import { malformed, tooHeavy } from './load-refusal.ts';
import { underLease } from './lease-queries.ts';

/** On the embedded store nothing else runs while a statement does: chunks are cut so that one takes about this long. */
const CHUNK_MS = 50;
const FIRST_CHUNK = 500;
const LEAST_CHUNK = 200;
const LARGEST_CHUNK = 5_000;

/** A slow stream writes what it has so far, and so keeps its lease. */
const IDLE_MS = 10_000;

/**
 * Takes the lines of a load, checks that no id comes twice, and writes what is new or different for the next revision, in chunks of one short
 * transaction each. Nobody sees them before the flip.
 * @throws LoadRefused `inventory.malformed`, LeaseLost, and what the stream throws.
 */
export async function writeLines(load: Load, source: AsyncIterable<Lines>): Promise<void> {
  const { clock } = load;
  let size = FIRST_CHUNK;
  let chunk: Line[] = [];
  let writtenAtMs = clock.monotonicMs();
  const write = async (): Promise<void> => {
    const startedMs = clock.monotonicMs();
    await writeChunk(load, chunk);
    writtenAtMs = clock.monotonicMs();
    if (chunk.length >= size) size = nextSize(size, writtenAtMs - startedMs);
    chunk = [];
  };
  for await (const lines of source) {
    for (const line of lines) {
      const partly = load.done.partly.get(line.id);
      const due = partly === undefined ? line : underPatches(line, partly);
      if (!takeLine(load, due)) continue;
      chunk.push(due);
      if (chunk.length >= size) await write();
    }
    if (clock.monotonicMs() - writtenAtMs > IDLE_MS) await write();
  }
  if (chunk.length > 0) await write();
}

function nextSize(size: number, tookMs: number): number {
  const factor = Math.min(2, Math.max(0.5, CHUNK_MS / Math.max(1, tookMs)));
  return Math.min(LARGEST_CHUNK, Math.max(LEAST_CHUNK, Math.round(size * factor)));
}

/** Counts a line. False if there is nothing to write for it. */
function takeLine(load: Load, line: Line): boolean {
  const { done } = load;
  done.lines += 1;
  if (done.lines > MAX_LINES) throw malformed(line.number, `a load has at most ${MAX_LINES} lines.`);
  if (!done.seen.add(line.id)) throw malformed(line.number, `the id "${line.id}" stands twice in the load.`);
  if (done.patched.has(line.id)) return false;
  // What is merged is counted as it is then.
  if (!countsChanges(load) && !isMerging(load) && line.labels !== null)
    refuseInexact(line.number, done.counts.add(line.labels, line.weights));
  return true;
}

async function writeChunk(load: Load, chunk: readonly Line[]): Promise<void> {
  load.done.wrote ||= chunk.length > 0;
  await underLease(load.db, load.lease, async tx => {
    if (chunk.length === 0) return;
    const { changes, skipped } = await differences(load, tx, chunk);
    load.done.skipped += skipped.size;
    await writeChanges(load, tx, changes);
    if (load.method === 'patch') {
      const ids = chunk.filter(line => !skipped.has(line)).map(({ id }) => id);
      const { kind, revision, source, arrival } = load;
      await beginPatches(tx, kind.kind.name, revision, arrival.nowMs, source?.name ?? null, ids);
    }
  });
}

/** A target's row, or nulls for one that is not there. */
interface Row extends Pick<Difference, 'labels' | 'weights'> {
  /** The sources that have named it, where there are several. */
  readonly named: readonly string[];
}

const rowOf = ({ labels, weights, saidBy }: Omit<Difference, 'n'>): Row => ({
  labels,
  weights,
  named: Object.keys(saidBy ?? {}),
});

interface Change {
  readonly id: string;
  /** Of the line that asks for it; absent where none does. */
  readonly number?: number;
  readonly before: Row;
  readonly after: Row;
}

/** Counts what is another one, and writes it for the next revision. */
async function writeChanges(load: Load, tx: Load['db'], changes: readonly Change[]): Promise<void> {
  const { kind, revision } = load;
  for (const change of changes) countChange(load, change);
  const ended = changes.filter(({ before }) => before.labels !== null).map(({ id }) => id);
  const begun = changes.flatMap(({ id, after: { labels, weights, named } }): (Described & { id: string })[] =>
    labels === null ? [] : [{ id, ...kind.describe(labels, weights ?? {}, named) }],
  );
  // A row ends before its successor begins: one row of a target is open at a time.
  if (ended.length > 0) {
    const found = await endTargets(tx, kind.kind.name, revision, ended);
    if (found !== ended.length) throw new Error(`${ended.length} rows to end, and ${found} were there`);
  }
  if (begun.length > 0) await beginTargets(tx, kind.kind.name, revision, begun);
}

interface Differences {
  readonly changes: readonly Change[];
  /** Lines of a source that does not say what exists, for targets that are not there. */
  readonly skipped: ReadonlySet<Line>;
}

/** What of a chunk is not as it is in force. Counts the targets that are. */
async function differences(load: Load, tx: Load['db'], chunk: readonly Line[]): Promise<Differences> {
  const skipped = new Set<Line>();
  const changes: Change[] = [];
  for (const { n, ...found } of await findRows(load, tx, chunk)) {
    const before = rowOf(found);
    const line = chunk[n];
    if (line === undefined) throw new Error('a difference to a line that was not sent');
    const { id, number } = line;
    if (before.labels === null && load.source?.ownsExistence === false) skipped.add(line);
    else {
      const after = rowAfter(load, before, line);
      if (!isMerging(load) || load.redefined || !isSame(before, after))
        changes.push({ id, number, before, after });
    }
  }
  return { changes, skipped };
}

/** The rows that lines speak of, where they differ; of one of several sources all, for only here it is known what it leaves as it is. */
async function findRows(load: Load, tx: Load['db'], chunk: readonly Line[]): Promise<readonly Difference[]> {
  if (load.inForce === undefined)
    return chunk.map((_, n) => ({ n, labels: null, weights: null, saidBy: null }));
  const sought = chunk.map(({ id, labels, weights }, n) => ({ n, id, labels, weights }));
  const isAll = load.redefined || isMerging(load);
  const found = await compareLines(tx, load.kind.kind.name, load.revision, sought, isAll);
  load.done.met += chunk.length;
  for (const { labels } of found) if (labels === null) load.done.met -= 1;
  // A line that takes out what is not there differs by nothing.
  return found.filter(({ n, labels }) => labels !== null || chunk[n]?.labels !== null);
}

/** @param line absent where its source does not name the target any more */
function rowAfter(load: Load, before: Row, line?: Pick<Line, 'labels' | 'weights'>): Row {
  const { source, kind } = load;
  const { labels, weights } = line ?? NOTHING;
  if (labels === null) return { labels: null, weights: null, named: [] };
  if (source === undefined) return { labels, weights, named: [] };
  if (before.labels === null) return { labels, weights, named: [source.name] };
  const merged = mergeOwn(
    kind.kind,
    source,
    { labels: before.labels, weights: before.weights ?? {} },
    {
      labels,
      weights,
    },
  );
  const others = before.named.filter(name => name !== source.name);
  return {
    labels: merged.labels,
    weights: load.redefined ? kind.declaredWeights(merged.weights) : merged.weights,
    named: line === undefined ? others : [...others, source.name],
  };
}

/**
 * Takes what a source owns from each target that its snapshot does not name: what it does not say it does not know, and nothing known is a no.
 * For a source that does not say what exists; the other one ends such targets.
 */
export async function forgetAbsent(load: Load): Promise<void> {
  const { db, lease, kind, revision, done } = load;
  let after = '';
  for (;;) {
    const page = await readRows(db, kind.kind.name, revision, after, LARGEST_CHUNK);
    const absent = page.filter(({ id }) => !done.seen.has(id) && !done.patched.has(id));
    const changes = absent
      .map(({ id, ...row }) => ({ id, before: rowOf(row), after: rowAfter(load, rowOf(row)) }))
      .filter(change => !isSame(change.before, change.after));
    for (let at = 0; at < changes.length; at += FIRST_CHUNK) {
      done.wrote = true;
      await underLease(db, lease, async tx => {
        await writeChanges(load, tx, changes.slice(at, at + FIRST_CHUNK));
      });
    }
    after = page.at(-1)?.id ?? '';
    if (page.length < LARGEST_CHUNK) return;
  }
}

const NOTHING = { labels: {}, weights: {} };

/**
 * A weight that is another one is a change, and no relabelling: it says nothing of what the target is, and traffic moves all day. Nor is
 * what a source adds to a target that others have brought, for so each target begins.
 */
function countChange(load: Load, { before, after, number }: Change): void {
  const { done, kind, source } = load;
  if (before.labels === null) done.added += 1;
  else if (after.labels === null) done.removed += 1;
  else {
    if (!isSame(before, after)) done.changed += 1;
    // Without a line: what its source brought is taken from it, be it a weight. A source that was cut off must not look like one that has forgotten.
    const isForgotten = number === undefined;
    if (isForgotten || kind.relabelled(before.labels, after.labels, source?.ownsExistence !== false))
      done.relabelled += 1;
  }
  if (!countsChanges(load) && !isMerging(load)) return;
  if (countsChanges(load) && before.labels !== null) done.counts.remove(before.labels, before.weights ?? {});
  if (after.labels !== null)
    refuseInexact(number ?? done.lines, done.counts.add(after.labels, after.weights ?? {}));
}

const isSame = (a: Row, b: Row): boolean =>
  a.labels !== null &&
  b.labels !== null &&
  sameLabels(a.labels, b.labels) &&
  sameWeights(a.weights, b.weights) &&
  a.named.length === b.named.length &&
  a.named.every(name => b.named.includes(name));

function refuseInexact(line: number, weight: string | undefined): void {
  if (weight !== undefined) throw tooHeavy(weight, line);
}

function sameLabels(a: Labels, b: Labels): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every(name => Object.hasOwn(b, name) && a[name] === b[name])
  );
}
