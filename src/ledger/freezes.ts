import type { FreezeFact } from '../policy/facts.ts';
import type { Freeze, Limits } from '../policy/limits.ts';

/** Whether a freeze is in force: from its beginning on, and before its end. */
export function freezeStatus({ from_ms, until_ms }: Freeze, nowMs: number): 'to_come' | 'in_force' | 'over' {
  if (nowMs < from_ms) return 'to_come';
  return until_ms === undefined || nowMs < until_ms ? 'in_force' : 'over';
}

/** Each freeze that names the action, and what it is to the principal now: at the decision, and at each claim. */
export function freezeFacts(
  { freezes }: Pick<Limits, 'freezes'>,
  action: string,
  principal: string,
  nowMs: number,
): FreezeFact[] {
  return [...freezes.entries()].flatMap(([index, freeze]) => {
    if (!freeze.actions.includes(action)) return [];
    const status = freezeStatus(freeze, nowMs);
    const isExcepted = status === 'in_force' && freeze.except?.includes(principal) === true;
    return [{ index, status: isExcepted ? 'excepted' : status }];
  });
}

/** Whether what was allowed to a principal before is held back now. */
export const isFrozen = (...of: Parameters<typeof freezeFacts>): boolean =>
  freezeFacts(...of).some(({ status }) => status === 'in_force');
