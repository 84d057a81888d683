import type { Kind } from '../config/config.ts';
import type { Reason } from '../kit/refusal.ts';
import type { KindState } from './book.ts';

/** What is against deciding on a kind by its inventory now: the ledger refuses by it, and readiness tells it. */

export const noInventory = (kind: Kind): Reason => ({
  rule: 'inventory.empty',
  message: `No inventory of the kind ${kind.name} was ever loaded.`,
  remedy: `PUT /v1/inventory/${kind.name}`,
});

/** @param definition the digest of the kind as it is declared now */
export function staleReasons(
  kind: Kind,
  definition: string | undefined,
  state: Pick<KindState, 'definition' | 'asOfMs'>,
  nowMs: number,
): Reason[] {
  const remedy = `a fresh snapshot: PUT /v1/inventory/${kind.name}`;
  if (state.definition !== definition) {
    return [
      {
        rule: 'inventory.stale',
        message: `The inventory of ${kind.name} was loaded under another declaration of the kind.`,
        remedy,
      },
    ];
  }
  const ageMs = nowMs - state.asOfMs;
  if (ageMs >= 0 && ageMs <= kind.maxAgeMs) return [];
  const message =
    ageMs < 0
      ? `The inventory of ${kind.name} is from the future.`
      : `The inventory of ${kind.name} is older than it may be.`;
  return [
    {
      rule: 'inventory.stale',
      message,
      measured: Math.ceil(ageMs / 1000),
      limit: kind.maxAgeMs / 1000,
      unit: 'seconds',
      remedy,
    },
  ];
}
