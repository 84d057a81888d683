import type { Described, Labels } from './describe-kind.ts';
import { sameWeights } from './count-values.ts';
import { MAX_LINES, type Line, type Lines } from './line.ts';
import { beginPatches, beginTargets, compareLines, endTargets, type Difference } from './load-queries.ts';
import type { Load } from './load.ts';
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
      if (!takeLine(load, line)) continue;
      chunk.push(line);
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
  if (load.method === 'put' && line.labels !== null)
    refuseInexact(line.number, done.counts.add(line.labels, line.weights));
  return true;
}

async function writeChunk(load: Load, chunk: readonly Line[]): Promise<void> {
  load.done.wrote ||= chunk.length > 0;
  await underLease(load.db, load.lease, async tx => {
    if (chunk.length === 0) return;
    const { kind, revision } = load;
    const ended: string[] = [];
    const begun: (Described & { readonly id: string })[] = [];
    for (const { n, ...before } of await differences(load, tx, chunk)) {
      const line = chunk[n];
      if (line === undefined) throw new Error('a difference to a line that was not sent');
      countDifference(load, before, line);
      if (before.labels !== null) ended.push(line.id);
      if (line.labels !== null) begun.push({ id: line.id, ...kind.describe(line.labels, line.weights) });
    }
    // A row ends before its successor begins: one row of a target is open at a time.
    if (ended.length > 0) {
      const found = await endTargets(tx, kind.kind.name, revision, ended);
      if (found !== ended.length) throw new Error(`${ended.length} rows to end, and ${found} were there`);
    }
    if (begun.length > 0) await beginTargets(tx, kind.kind.name, revision, begun);
    if (load.method === 'patch') {
      const ids = chunk.map(line => line.id);
      await beginPatches(tx, kind.kind.name, revision, load.arrival.nowMs, ids);
    }
  });
}

/** What of a chunk is not as it is in force, with the labels it has there. Counts the targets that are. */
async function differences(
  load: Load,
  tx: Load['db'],
  chunk: readonly Line[],
): Promise<readonly Difference[]> {
  if (load.inForce === undefined) return chunk.map((_, n) => ({ n, labels: null, weights: null }));
  const sought = chunk.map(({ id, labels, weights }, n) => ({ n, id, labels, weights }));
  const found = await compareLines(tx, load.kind.kind.name, load.revision, sought, load.redefined);
  load.done.met += chunk.length;
  for (const { labels } of found) if (labels === null) load.done.met -= 1;
  // A line that takes out what is not there differs by nothing.
  return found.filter(({ n, labels }) => labels !== null || chunk[n]?.labels !== null);
}

/** A target's row in force, or nulls for one that is not there. */
type Row = Pick<Difference, 'labels' | 'weights'>;

/** A weight that is another one is a change, and no relabelling: it says nothing of what the target is, and traffic moves all day. */
function countDifference({ done, kind, method }: Load, before: Row, after: Line): void {
  if (before.labels === null) done.added += 1;
  else if (after.labels === null) done.removed += 1;
  else {
    if (!sameLabels(before.labels, after.labels) || !sameWeights(before.weights, after.weights))
      done.changed += 1;
    if (kind.relabelled(before.labels, after.labels)) done.relabelled += 1;
  }
  if (method === 'put') return;
  if (before.labels !== null) done.counts.remove(before.labels, before.weights ?? {});
  if (after.labels !== null) refuseInexact(after.number, done.counts.add(after.labels, after.weights));
}

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
