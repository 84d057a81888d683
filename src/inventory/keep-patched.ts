import { refuse } from '../kit/refusal.ts';
import { labelOf, lineRulesOf, type Labels, type LineRules, type Weights } from './describe-kind.ts';
import type { Line } from './line.ts';
import { underLease } from './lease-queries.ts';
import { beginTargets, endTargets, readPatched, type Patched } from './load-queries.ts';
import { LoadRefused } from './load-refusal.ts';
import { countsChanges, type Load, type PartlySaid } from './load.ts';
import { speaksOf, type SpeaksOf } from './speaks-of.ts';

/** Rows looked at, and written, at a time: on the embedded store nothing else runs meanwhile. */
const PAGE = 2_000;
const BATCH = 500;

export interface StandingOver {
  /** Wholly: id → whether it is in force. The snapshot does not touch them. */
  readonly patched: ReadonlyMap<string, boolean>;
  readonly partly: ReadonlyMap<string, PartlySaid>;
}

interface Kept extends Pick<PartlySaid, 'labels' | 'weights'> {
  readonly id: string;
  readonly named: readonly string[];
}

/**
 * Finds the targets whose later PATCHes stand over a snapshot read at `asOfMs`, wholly or in part. Those in force stay as they are and are counted;
 * if the kind was declared anew, their rows are written again.
 * @throws LoadRefused
 */
export async function keepPatched(load: Load, asOfMs: number): Promise<StandingOver> {
  const { db, kind, revision, done, source } = load;
  const patched = new Map<string, boolean>();
  const partly = new Map<string, PartlySaid>();
  const own = speaksOf(kind.kind, source);
  const rules = lineRulesOf(kind, source);
  let untold = 0;
  let after = '';
  for (;;) {
    const page = await readPatched(db, kind.kind.name, revision, asOfMs, after, PAGE);
    const rewritten: Kept[] = [];
    for (const { id, labels, weights: known, saidBy, patches } of page) {
      const said = saidOf(load, own, patches);
      const weights = kind.declaredWeights(known ?? {});
      if (labels === null) {
        if (own.existence && (said === 'unknown' || said.existence)) patched.set(id, false);
        continue;
      }
      if (said === 'unknown') untold += 1;
      else if (isWhole(own, withoutLacking(said, rules, labels, weights))) {
        const named = new Set(Object.keys(saidBy ?? {}));
        if (load.redefined || (source !== undefined && !named.has(source.name)))
          rewritten.push({ id, labels, weights, named: [...named, ...(source ? [source.name] : [])] });
        patched.set(id, true);
        if (!countsChanges(load)) done.counts.add(labels, weights);
      } else if (said.existence || said.labels.length > 0 || said.weights.length > 0)
        partly.set(id, { said: withoutLacking(said, rules, labels, weights), labels, weights });
    }
    await rewrite(load, rewritten);
    after = page.at(-1)?.id ?? '';
    if (page.length < PAGE) break;
  }
  if (untold > 0) throw patchedSince(untold, asOfMs);
  return { patched, partly };
}

/**
 * Which part of what a load speaks of was said by PATCHes. A PATCH from before entries told it (`of` is null) said all of it, if its source and declaration are
 * those of the load; if the declaration may have changed since, nobody knows: a label may belong to another source by now.
 */
function saidOf(load: Load, own: SpeaksOf, patches: Patched['patches']): SpeaksOf | 'unknown' {
  const said: SpeaksOf[] = [];
  for (const { source, of } of patches) {
    if (of !== null) said.push(of);
    else if (load.redefined || load.isFirst) return 'unknown';
    else if (source === (load.source?.name ?? null)) said.push(own);
  }
  return {
    existence: own.existence && said.some(({ existence }) => existence),
    labels: own.labels.filter(label => said.some(({ labels }) => labels.includes(label))),
    weights: own.weights.filter(name => said.some(({ weights }) => weights.includes(name))),
  };
}

/** What is required now and not there was not said: a PATCH of when it might be left out did not speak of it. */
const withoutLacking = (
  said: SpeaksOf,
  { required }: LineRules,
  labels: Labels,
  weights: Weights,
): SpeaksOf => ({
  ...said,
  labels: said.labels.filter(label => labelOf(labels, label) !== undefined || !required.includes(label)),
  weights: said.weights.filter(name => Object.hasOwn(weights, name)),
});

const isWhole = (own: SpeaksOf, said: SpeaksOf): boolean =>
  said.existence === own.existence &&
  said.labels.length === own.labels.length &&
  said.weights.length === own.weights.length;

async function rewrite(load: Load, targets: readonly Kept[]): Promise<void> {
  const { db, lease, kind, revision } = load;
  for (let at = 0; at < targets.length; at += BATCH) {
    const some = targets.slice(at, at + BATCH);
    load.done.wrote = true;
    await underLease(db, lease, async tx => {
      await endTargets(
        tx,
        kind.kind.name,
        revision,
        some.map(target => target.id),
      );
      const rows = some.map(({ id, labels, weights, named }) => ({
        id,
        ...kind.describe(labels, weights, named),
      }));
      await beginTargets(tx, kind.kind.name, revision, rows);
    });
  }
}

/** A line of a snapshot, except for what PATCHes have said since it was read: that stays as it is in force, a label that is missing there included. */
export function underPatches(line: Line, { said, labels, weights }: PartlySaid): Line {
  if (line.labels === null) return line;
  return {
    ...line,
    labels: under(line.labels, labels, said.labels),
    weights: under(line.weights, weights, said.weights),
  };
}

const under = <Value>(
  line: Readonly<Record<string, Value>>,
  inForce: Readonly<Record<string, Value>>,
  said: readonly string[],
): Readonly<Record<string, Value>> =>
  Object.fromEntries([
    ...Object.entries(line).filter(([name]) => !said.includes(name)),
    ...Object.entries(inForce).filter(([name]) => said.includes(name)),
  ]);

/**
 * Once the lines have been read: of a target that they do not name, and that PATCHes have said to be there, nobody speaks of the rest.
 * @throws LoadRefused
 */
export function refuseUntold({ done, source }: Load, asOfMs: number): void {
  const tellsExistence = source?.ownsExistence ?? true;
  const untold = [...done.partly].filter(
    ([id, { said }]) => !done.seen.has(id) && (said.existence || !tellsExistence),
  );
  if (untold.length > 0) throw patchedSince(untold.length, asOfMs);
}

const patchedSince = (count: number, asOfMs: number): LoadRefused =>
  new LoadRefused(
    refuse({
      rule: 'inventory.out_of_order',
      message: `The snapshot was read at ${new Date(asOfMs).toISOString()}. PATCHes since then, under another declaration of the kind, set ${count} ${count === 1 ? 'target' : 'targets'} of which nobody has said all that is declared now.`,
      measured: count,
      limit: 0,
      unit: 'targets',
      remedy: 'a snapshot that is read now',
    }),
  );
