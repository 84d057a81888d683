import { shareOf } from '../kit/units.ts';
import { Fault } from '../kit/fault.ts';
import type { EvidenceFact, PlanFact, StageFact } from '../policy/facts.ts';
import type { ActionLimits, StageLimit } from '../policy/limits.ts';
import { HEALTH } from './asked-evidence.ts';
import type { Counts } from './counts.ts';
import type { Circumstances, Subject } from './case.ts';
import { entryOf } from './entry-of.ts';
import type { Place, Rollout } from './rollout.ts';
import { stageDimensions } from './precedents.ts';
import type { EvidenceShown, StageShown } from './decision.ts';
import type { Askers, Evidence, OfValue, SeenEvidence } from './seen-evidence.ts';

/** What a policy may know of what is rolled out; each absent where the action's entry does not ask for it, or the request does not name it. */
export interface RolloutFacts {
  readonly artifact?: string;
  readonly plan?: PlanFact;
  readonly evidence?: readonly EvidenceFact[];
  readonly stage?: StageFact;
}

/** What the decision shows of it. */
interface RolloutShown {
  readonly stage?: StageShown;
  readonly evidence?: readonly EvidenceShown[];
}

export interface RolloutMeasured {
  readonly facts: RolloutFacts;
  /** The stage as it would be with the request. */
  readonly allowed: RolloutShown;
  readonly refused: RolloutShown;
}

const nothing: RolloutMeasured = { facts: {}, allowed: {}, refused: {} };

/** Measures a request against what was done and seen before of its artifact and plan. Without an entry that asks, nothing. */
export function measureRollout(
  subject: Subject,
  now: Circumstances,
  counts: Counts,
  entry: ActionLimits | undefined,
): RolloutMeasured {
  const { stages, require_evidence: wanted, require_plan: needsPlan } = entry ?? {};
  if (stages === undefined && wanted === undefined && needsPlan === undefined) return nothing;
  const planned = needsPlan === undefined ? {} : planFact(subject, now);
  const { artifact } = subject;
  if (artifact === undefined || (stages === undefined && wanted === undefined))
    return { ...nothing, facts: planned };
  const seen = now.precedents.evidence(artifact);
  const rollout = now.precedents.rollout(subject.action.name, subject.kind.name, artifact);
  if (seen === undefined || rollout === undefined)
    throw new Fault('gate.failed', 'An artifact that was not looked up.');
  const who: Askers = { requester: subject.principal, observers: now.observers };
  const evidence = wanted === undefined ? undefined : lookAt(who, seen, counts, wanted);
  const dimensions = stageDimensions(now.policy.limits, subject.action.name);
  const health = stages === undefined ? undefined : seen.standing(who, HEALTH);
  const place = placeOf(subject, now, counts, rollout);
  const shown = [...(evidence ?? []).flatMap(({ found }) => found ?? []), ...(health ? [health] : [])];
  const looked = shown.length > 0 ? { evidence: shownEvidence(shown) } : {};
  const show = (more: number): RolloutShown => ({
    ...looked,
    ...(stages !== undefined && { stage: shownStage(place, stages, more) }),
  });
  return {
    facts: {
      artifact,
      ...planned,
      ...(evidence !== undefined && { evidence: evidence.map(({ fact }) => fact) }),
      ...(stages !== undefined && { stage: stageFact(counts, { dimensions, place, rollout, health }) }),
    },
    allowed: show(counts.count),
    refused: show(0),
  };
}

function planFact({ action, plan }: Subject, { precedents }: Circumstances): RolloutFacts {
  if (plan === undefined) return {};
  const { known, highest = 0 } = precedents.plan(action.name, plan.name);
  if (!known) throw new Fault('gate.failed', 'A plan that was not looked up.');
  return { plan: { generation: plan.generation, highest } };
}

/** Whether a set of its targets could begin a run of an artifact that has stages, where a part of the set would not. */
export function mayBeginRun(
  { action, kind, artifact, plan }: Subject,
  { precedents, policy, state }: Circumstances,
): boolean {
  if (artifact === undefined || plan === undefined) return false;
  if (entryOf(policy.limits, action.name)?.stages === undefined) return false;
  const place = { again: 0, total: state.count, generation: plan.generation };
  return precedents.rollout(action.name, kind.name, artifact)?.placeOf(place).mayBegin ?? false;
}

const placeOf = ({ plan }: Subject, { state }: Circumstances, counts: Counts, rollout: Rollout): Place =>
  rollout.placeOf({
    again: counts.delivered.again,
    total: state.count,
    ...(plan !== undefined && { generation: plan.generation }),
  });

interface Looked {
  readonly fact: EvidenceFact;
  readonly found: Evidence | undefined;
}

/** For each evidence that the entry wants: the newest of the whole, or of each value that targets have. */
function lookAt(
  who: Askers,
  seen: SeenEvidence,
  counts: Counts,
  wanted: NonNullable<ActionLimits['require_evidence']>,
): Looked[] {
  return wanted.flatMap(({ name, per }, index): Looked[] => {
    const look = (count: number, of?: OfValue): Looked => {
      const found = seen.newest(who, name, of);
      const isElsewhere =
        found !== undefined && (found.dimension !== of?.dimension || found.value !== of?.value);
      return {
        found,
        fact: {
          index,
          ...(of !== undefined && { value: of.value }),
          count,
          status: found?.status ?? 'none',
          ...(found !== undefined && { at_ms: found.atMs }),
          ...(isElsewhere && { elsewhere: true }),
        },
      };
    };
    if (per === undefined) return [look(counts.count)];
    const values = [...(counts.labels.get(per) ?? [])].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return values.map(([value, count]) => look(count, { dimension: per, value }));
  });
}

function stageFact(
  counts: Counts,
  {
    dimensions,
    place,
    rollout,
    health,
  }: {
    /** Those that a stage names. */
    readonly dimensions: readonly string[];
    readonly place: Place;
    readonly rollout: Rollout;
    readonly health: Evidence | undefined;
  },
): StageFact {
  const { run, total, totalEver, whole, reached, opened, reachedEver, unsettled, deliveredMs } = place.run;
  const never = run === 1 ? 0 : counts.delivered.never;
  return {
    run,
    total,
    total_ever: totalEver,
    whole,
    reached,
    opened,
    reached_ever: reachedEver,
    never,
    unsettled,
    again: place.begins ? 0 : counts.delivered.again,
    fresh: run === 1 ? 0 : counts.count - (place.begins ? counts.delivered.again : counts.delivered.early),
    barred: place.barred ? counts.count : 0,
    ...(deliveredMs !== undefined && { delivered_ms: deliveredMs }),
    values: Object.fromEntries(
      dimensions.flatMap(name => {
        const asked = counts.dimensions.get(name)?.keys() ?? [];
        const values = rollout.valuesWith(place, name, asked, never > 0);
        return values === undefined ? [] : [[name, values]];
      }),
    ),
    health: { status: health?.status ?? 'none', ...(health !== undefined && { at_ms: health.atMs }) },
  };
}

/** How many targets each stage holds. A stage never holds less than the one before. */
function stageCounts(stages: readonly Pick<StageLimit, 'upto'>[], total: number): number[] {
  let most = 0;
  return stages.map(({ upto: { share_ppm, at_least } }) => {
    most = Math.max(most, shareOf(total, share_ppm), at_least);
    return most;
  });
}

/** @param more what is allowed: that is in the first stage which holds it, where what was reached is in none that nobody was let into */
function shownStage({ run }: Place, stages: readonly StageLimit[], more: number): StageShown {
  const counts = stageCounts(stages, run.total);
  const entered = Math.max(0, ...counts.filter(count => count <= run.opened));
  const reached = run.reached + more;
  const first = counts.findIndex(count => count >= (more > 0 ? reached : Math.min(reached, entered)));
  const index = first < 0 ? counts.length - 1 : first;
  return {
    run: run.run,
    stage: index + 1,
    of: counts.length,
    reached,
    count: counts[index] ?? 0,
    total: run.total,
  };
}

const shownEvidence = (found: readonly Evidence[]): EvidenceShown[] =>
  [...new Map(found.map(one => [one.seq, one])).values()].map(
    ({ seq, name, status, dimension, value, by, atMs }) => ({
      seq,
      name,
      status,
      ...(dimension !== undefined && value !== undefined && { dimension, value }),
      by,
      at: new Date(atMs).toISOString(),
    }),
  );
