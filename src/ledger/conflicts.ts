import type { Reason } from '../kit/refusal.ts';
import type { Book } from './book.ts';
import type { Case } from './decide.ts';

/** A long list of targets in the way says no more than a short one. */
const MAX_NAMED = 20;

export function conflictReasons(one: Case, book: Book): Reason[] {
  const reasons: Reason[] = [];
  let more = 0;
  for (const { id } of one.targets) {
    for (const reason of conflictsOn(one, id, book)) {
      if (reasons.length < MAX_NAMED) reasons.push(reason);
      else more += 1;
    }
  }
  const [first, ...rest] = reasons;
  if (first === undefined || more === 0) return reasons;
  return [
    { ...first, message: `${first.message} (${more} more targets are in the way of this request.)` },
    ...rest,
  ];
}

function conflictsOn(one: Case, id: string, book: Book): Reason[] {
  return [...book.holdsOn(one.kind.name, id)].flatMap((hold): Reason[] => {
    const isSame = hold.irreversible && hold.action === one.action.name;
    const isUnknown = book.operation(hold.requestId)?.outcome === 'unknown';
    return [
      ...(hold.operating
        ? [
            {
              rule: 'targets.in_operation',
              message: `${id} is in the operation of request ${hold.requestId} (${hold.action}), which is not settled.`,
              value: id,
              request: hold.requestId,
              remedy: 'wait for the outcome of that request, or settle it',
            } as const,
          ]
        : []),
      ...(isSame && (!hold.operating || isUnknown)
        ? [
            {
              rule: 'targets.already_done',
              message: `${hold.action} was ${isUnknown ? 'perhaps ' : ''}done to ${id} by request ${hold.requestId}, and the inventory has not shown ${id} otherwise since.`,
              value: id,
              request: hold.requestId,
              remedy: 'load an inventory that shows what became of it',
            } as const,
          ]
        : []),
    ];
  });
}
