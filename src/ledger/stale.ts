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
  state: Pick<KindState, 'definition' | 'asOfMs' | 'sources'>,
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
  if (kind.sources === undefined)
    return tooOld(`The inventory of ${kind.name}`, nowMs - state.asOfMs, kind.maxAgeMs, remedy);
  // Whichever limit would need it: what one source brings says which targets a selector or a switch is about, too.
  return kind.sources.flatMap(({ name, principal, maxAgeMs }): Reason[] => {
    const what = `The source ${name} of ${kind.name}`;
    const ofSource = `a fresh snapshot of ${name}, by ${principal}: PUT /v1/inventory/${kind.name}`;
    const loaded = state.sources?.get(name);
    if (loaded === undefined || loaded.definition !== definition) {
      const message = `${what} was never loaded${loaded === undefined ? '' : ' under this declaration of the kind'}.`;
      return [{ rule: 'inventory.stale', message, value: name, remedy: ofSource }];
    }
    return tooOld(what, nowMs - loaded.asOfMs, maxAgeMs, ofSource).map(reason => ({
      ...reason,
      value: name,
    }));
  });
}

function tooOld(what: string, ageMs: number, maxAgeMs: number, remedy: string): Reason[] {
  if (ageMs >= 0 && ageMs <= maxAgeMs) return [];
  return [
    {
      rule: 'inventory.stale',
      message: ageMs < 0 ? `${what} is from the future.` : `${what} is older than it may be.`,
      measured: Math.ceil(ageMs / 1000),
      limit: maxAgeMs / 1000,
      unit: 'seconds',
      remedy,
    },
  ];
}
