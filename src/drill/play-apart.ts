import { asError } from '../kit/fault.ts';
import type { DrillCase } from './case.ts';
import { playCase, type Rig } from './play.ts';
import { unplayed, unseen, type CaseResult } from './result.ts';

/** A rig that nothing was played on yet. */
export interface FreshRig {
  readonly rig: Rig;
  /** Takes it away with all that was done on it. */
  readonly close: () => Promise<void>;
}

/** @param forWhat the case, or its twin by itself, which may need a second rig: each has a name of its own */
export type OpenRig = (drillCase: DrillCase, forWhat: 'case' | 'twin') => Promise<FreshRig>;

/**
 * Plays each case on a rig of its own, so that no case sees what another spent, engaged, loaded or gave as evidence. One that has no rig
 * is untold, and the others go on.
 */
export async function playApart(
  cases: readonly DrillCase[],
  open: OpenRig,
  onCase: (drillCase: DrillCase, index: number) => void,
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const [index, drillCase] of cases.entries()) {
    onCase(drillCase, index);
    results.push(await playAlone(drillCase, open));
  }
  return results;
}

async function playAlone(drillCase: DrillCase, open: OpenRig): Promise<CaseResult> {
  const { trial } = drillCase;
  if (trial.kind !== 'trial') return unseen(drillCase, trial);
  const on = async <T>(forWhat: 'case' | 'twin', act: (rig: Rig) => Promise<T>): Promise<T> => {
    const { rig, close } = await open(drillCase, forWhat);
    try {
      return await act(rig);
    } finally {
      await close();
    }
  };
  try {
    return await on('case', async rig => await playCase(drillCase, rig, async act => await on('twin', act)));
  } catch (thrown) {
    return unplayed(drillCase, asError(thrown).message);
  }
}
