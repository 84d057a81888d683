import type { Turn } from '../ledger/turn.ts';
import { holdsItsTargets, outcomeView, type Operation } from '../ledger/operation.ts';
import { transition, type Event } from './transition.ts';

/**
 * Applies an event to an operation and drafts all it changes: the operation, its entry in the chain, and its holds.
 * @param by the gate or the principal that writes it
 * @returns the operation as it is then; `conflict` where the event may not be applied, and then nothing is drafted
 */
export function recordEvent(
  turn: Turn,
  operation: Operation,
  event: Event,
  by: string,
): Operation | { readonly conflict: string } {
  const result = transition(operation, event, turn.draft.nowMs);
  if ('conflict' in result) return result;
  const after = result.operation;
  // The same report twice says nothing new.
  if (event.type === 'report' && after === operation && event.status === operation.outcome) return operation;
  turn.draft.append('outcome', {
    request: operation.id,
    event: event.type,
    by,
    ...seenIn(event),
    outcome: after.outcome,
    attempts: after.attempts,
    ...(after.rule !== undefined && { rule: after.rule }),
    stands: standing(after),
  });
  turn.draft.setOperation(after, operation);
  settleHolds(turn, operation, after);
  turn.book.setOperation(after);
  if (turn.precedents.change(operation, after)) turn.draft.endsTurn = true;
  return after;
}

/** All that the request answers from now on, which this event alone need not say: a report that changes nothing has its words, too. */
function standing(operation: Operation): Record<string, unknown> {
  const { http_status, detail, settled_at, by } = outcomeView(operation);
  return {
    was_unknown: operation.wasUnknown,
    ...(http_status !== undefined && { http_status }),
    ...(detail !== undefined && { detail }),
    ...(settled_at !== undefined && { settled_at }),
    ...(by !== undefined && { by }),
  };
}

function settleHolds(turn: Turn, before: Operation, after: Operation): void {
  if (holdsItsTargets(after)) return;
  if (!holdsItsTargets(before) && before.outcome === after.outcome) return;
  const phase = after.outcome === 'delivered' ? 'done' : 'closed';
  turn.draft.settledHolds.set(after.id, phase);
  turn.book.held.settleHolds(after.id, phase);
  // Given back before, and delivered after all: the book has let go of what it must hold again.
  if (!holdsItsTargets(before)) turn.draft.rereadBook = true;
}

function seenIn(event: Event): Record<string, unknown> {
  switch (event.type) {
    case 'attempt':
      return {
        attempt: event.attempt,
        result: event.attempted.kind,
        detail: event.attempted.detail,
        ...(event.attempted.httpStatus !== undefined && { http_status: event.attempted.httpStatus }),
      };
    case 'report':
      return { reported: event.status, ...(event.detail !== undefined && { detail: event.detail }) };
    case 'stop':
      return { detail: event.detail };
    case 'lost':
    case 'restored':
      return {};
  }
}
