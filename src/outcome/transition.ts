import type { Rule } from '../kit/rules.ts';
import type { EngagedSwitch } from '../ledger/book.ts';
import type { OutcomeStatus } from '../ledger/decision.ts';
import type { Operation } from '../ledger/operation.ts';
import type { Attempted } from '../forward/attempted.ts';

/** Attempts an idempotent executor gets. */
const MAX_ATTEMPTS = 3;
/** The pause before attempt n + 1. */
const RETRY_PAUSE_MS = 500;

/** What happened to an operation. */
export type Event =
  | {
      readonly type: 'attempt';
      readonly attempt: number;
      readonly attempted: Attempted;
    }
  | { readonly type: 'lost' }
  /** The database was put back: what waits in it may have been sent in the history that was given up. */
  | { readonly type: 'restored' }
  | {
      readonly type: 'report';
      readonly status: 'delivered' | 'refused';
      readonly detail?: string;
      readonly fromExecutor: boolean;
      /** The principal. */
      readonly by: string;
    }
  | {
      readonly type: 'stop';
      readonly rule: Rule;
      readonly detail: string;
      /** The principal who cancelled it, or engaged the switch; absent where the gate itself gives it up. */
      readonly by?: string;
    };

/** In the name of whoever engaged it, wherever it is found. */
export const stoppedBy = ({ id, engagedBy }: EngagedSwitch): Event & { type: 'stop' } => ({
  type: 'stop',
  rule: 'kill_switch.engaged',
  detail: `stopped by the kill switch ${id}`,
  by: engagedBy,
});

/** What an event makes of an operation; `conflict` says why it makes nothing of it. */
export type Transition = { readonly operation: Operation } | { readonly conflict: string };

const settled = (outcome: OutcomeStatus): boolean =>
  outcome === 'delivered' || outcome === 'refused' || outcome === 'stopped';

/** The outcome's rules in one place. Pure. */
export function transition(operation: Operation, event: Event, nowMs: number): Transition {
  switch (event.type) {
    case 'attempt':
      return isRecorded(operation, event)
        ? { conflict: 'it is recorded already' }
        : { operation: afterAttempt(operation, event, nowMs) };
    case 'lost':
      return { operation: afterLost(operation, nowMs) };
    case 'restored':
      return afterRestored(operation, nowMs);
    case 'report':
      return afterReport(operation, event, nowMs);
    case 'stop':
      return afterStop(operation, event, nowMs);
  }
}

interface Seen {
  readonly detail: string;
  readonly httpStatus?: number;
  /** The principal whose word it is; absent where the gate itself saw it. */
  readonly by?: string | undefined;
}

function end(
  operation: Operation,
  outcome: OutcomeStatus,
  rule: Rule | undefined,
  seen: Seen,
  nowMs: number,
): Operation {
  const {
    rule: _rule,
    notBeforeMs: _notBefore,
    httpStatus: _http,
    detail: _detail,
    settledBy: _by,
    ...rest
  } = operation;
  return {
    ...rest,
    outcome,
    phase: 'ended',
    ...(rule !== undefined && { rule }),
    detail: seen.detail,
    ...(seen.httpStatus !== undefined && { httpStatus: seen.httpStatus }),
    ...(outcome !== 'unknown' && { settledAtMs: nowMs }),
    ...(seen.by !== undefined && { settledBy: seen.by }),
  };
}

/** The gate that had claimed it did not come back with an answer; what was reported meanwhile stands. */
const afterLost = (operation: Operation, nowMs: number): Operation =>
  settled(operation.outcome)
    ? { ...operation, phase: 'ended' }
    : afterUnknown(operation, nowMs, {
        detail: 'the gate that had claimed it did not come back with an answer',
      });

/**
 * What may have been sent counts as an attempt that was unknown: so nothing that is seen here says that nothing was done. An idempotent
 * executor knows the request by its key, and gets it again.
 */
function afterRestored(operation: Operation, nowMs: number): Transition {
  if (operation.phase !== 'waiting') return { conflict: 'it was claimed already' };
  if (operation.wasUnknown) return { conflict: 'it is unknown already' };
  const detail =
    'it waited in a database that was put back: it may have been sent in the history that was given up';
  return { operation: afterUnknown({ ...operation, attempts: operation.attempts + 1 }, nowMs, { detail }) };
}

const mayTryAgain = ({ idempotent, attempts }: Operation): boolean => idempotent && attempts < MAX_ATTEMPTS;

const toTryAgain = (operation: Operation, nowMs: number): Operation => ({
  ...operation,
  phase: 'waiting',
  notBeforeMs: nowMs + RETRY_PAUSE_MS,
});

function afterUnknown(operation: Operation, nowMs: number, seen: Seen): Operation {
  const unknown: Operation = {
    ...end(operation, 'unknown', 'executor.unknown', seen, nowMs),
    wasUnknown: true,
  };
  return mayTryAgain(operation) ? toTryAgain(unknown, nowMs) : unknown;
}

/**
 * A commit that got no answer may have come to be all the same, and then the same end of the same attempt comes once more. It says nothing new,
 * and least of all that the executor may not be asked again.
 */
const isRecorded = (operation: Operation, { attempt, attempted }: Event & { type: 'attempt' }): boolean =>
  operation.phase !== 'claimed' &&
  operation.attempts === attempt &&
  operation.settledBy === undefined &&
  operation.detail === attempted.detail;

function afterAttempt(operation: Operation, event: Event & { type: 'attempt' }, nowMs: number): Operation {
  const { attempted } = event;
  const current = operation.phase === 'claimed' && operation.attempts === event.attempt;
  const { detail, httpStatus } = attempted;
  const seen: Seen = { detail, ...(httpStatus !== undefined && { httpStatus }) };
  // A later attempt is on the wire: it will tell. Only `delivered` is news, and the targets wait for that attempt's end.
  if (!current && operation.phase === 'claimed') {
    return attempted.kind === 'delivered'
      ? { ...end(operation, 'delivered', undefined, seen, nowMs), phase: 'claimed' }
      : operation;
  }
  // It was settled, or given up, while this attempt was on the wire: only `delivered` overrules that.
  if (settled(operation.outcome)) {
    if (attempted.kind === 'delivered' && operation.outcome !== 'delivered')
      return end(operation, 'delivered', undefined, seen, nowMs);
    return current ? { ...operation, phase: 'ended' } : operation;
  }
  switch (attempted.kind) {
    case 'delivered':
      return end(operation, 'delivered', undefined, seen, nowMs);
    case 'accepted': {
      const { settledAtMs: _settled, settledBy: _by, rule: _rule, ...rest } = operation;
      return { ...rest, outcome: 'pending', phase: 'accepted', detail: seen.detail, httpStatus: 202 };
    }
    case 'unknown':
      return current ? afterUnknown(operation, nowMs, seen) : operation;
    case 'refused':
    case 'never_connected':
    case 'never_sent':
      return afterNothingDone(operation, event, current, seen, nowMs);
  }
}

/** The executor did nothing in this attempt. That says nothing of an earlier one that was unknown. */
function afterNothingDone(
  operation: Operation,
  event: Event & { type: 'attempt' },
  current: boolean,
  seen: Seen,
  nowMs: number,
): Operation {
  const again = event.attempted.kind === 'never_connected' && mayTryAgain(operation);
  const earlierUnknown = current ? operation.wasUnknown : operation.attempts > 1;
  if (earlierUnknown) {
    if (!current) return operation;
    return again ? toTryAgain(operation, nowMs) : { ...operation, phase: 'ended' };
  }
  if (again && current) return { ...toTryAgain(operation, nowMs), detail: seen.detail };
  if (event.attempted.why === 'held_back')
    return end(operation, 'stopped', 'kill_switch.engaged', seen, nowMs);
  if (event.attempted.why === 'expired') return end(operation, 'stopped', 'forward.expired', seen, nowMs);
  return end(operation, 'refused', 'executor.refused', seen, nowMs);
}

function afterReport(operation: Operation, event: Event & { type: 'report' }, nowMs: number): Transition {
  const { outcome, phase } = operation;
  if (outcome === 'stopped') return { conflict: 'it was stopped before anything was sent' };
  if (operation.attempts === 0) return { conflict: 'nothing was sent yet' };
  if (phase === 'claimed' && !event.fromExecutor) {
    return {
      conflict: 'an attempt is on the wire: only the executor may report it until the attempt has ended',
    };
  }
  // A report that contradicts a settlement is recorded, and `delivered` wins.
  if (outcome === 'delivered' || (outcome === 'refused' && event.status === 'refused')) return { operation };
  const rule: Rule | undefined = event.status === 'refused' ? 'executor.refused' : undefined;
  const ended = end(
    operation,
    event.status,
    rule,
    { detail: event.detail ?? `reported ${event.status}`, by: event.by },
    nowMs,
  );
  return { operation: phase === 'claimed' ? { ...ended, phase: 'claimed' } : ended };
}

function afterStop(operation: Operation, event: Event & { type: 'stop' }, nowMs: number): Transition {
  if (operation.phase !== 'waiting') return { conflict: 'it was claimed already' };
  // An earlier attempt may have been carried out: it stays unknown, and no other is made.
  if (operation.wasUnknown) return { operation: { ...operation, phase: 'ended' } };
  return { operation: end(operation, 'stopped', event.rule, { detail: event.detail, by: event.by }, nowMs) };
}
