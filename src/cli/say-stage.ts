import type { RecordedDecision } from '../client/types.ts';
import { showCount } from '../kit/units.ts';
import { countOf } from './table.ts';

type Staged = Pick<RecordedDecision, 'mode' | 'decision' | 'targets'> &
  Partial<Pick<RecordedDecision, 'stage'>>;

/** Where the rollout stands: with the request where it is allowed, and without it where it is not. */
export const sayStage = ({ run, stage, of, reached, count, total }: NonNullable<Staged['stage']>): string =>
  `run ${run}, stage ${stage} of ${of}, ${showCount(reached)} of ${countOf(total, 'target')} reached; the stage holds ${showCount(count)}`;

/**
 * Of an allowed request that a further run has nothing but: it begins the rollout anew, and shuts out whoever has an earlier plan, or
 * none. Undefined of any other.
 */
export function sayFurtherRun({ mode, decision, targets, stage }: Staged): string | undefined {
  if (decision !== 'allowed' || stage === undefined || stage.run < 2 || stage.reached !== targets?.count)
    return undefined;
  const [has, lets] = mode === 'preflight' ? ['would have', 'would let'] : ['has', 'lets'];
  return `run ${stage.run} ${has} reached no other target: it begins at the first stage, and ${lets} in only requests with a plan as late as this one`;
}
