import { rules, type Rule } from './rules.ts';

/** One reason against a request, as clients see it. Numbers come with `unit`. */
export interface Reason {
  readonly rule: Rule;
  readonly message: string;
  readonly dimension?: string;
  readonly value?: string;
  /** Of whose shares it speaks, where that is a weight and no number of targets. */
  readonly weight?: string;
  readonly measured?: number;
  readonly limit?: number;
  readonly unit?: string;
  readonly remedy?: string;
  /** JSON Pointer into the body. */
  readonly pointer?: string;
  /** The id of the other request, where one stands in the way. */
  readonly request?: string;
  /** HTTP status, where it is not the rule's own: a budget that can never pass is 403, not 429. */
  readonly status?: number;
  /** Milliseconds until this reason is gone, if nothing else happens. */
  readonly retryAfterMs?: number;
}

/** Of which the gate can tell when the request would pass, if nothing else happens: only these are answered 429. */
export const isTimedRule = (rule: string): boolean => rule.startsWith('budget.') || rule === 'stage.baking';

export type Reasons = readonly [Reason, ...Reason[]];

/** A no. A value, recorded and answered like a yes. */
export interface Refusal {
  readonly refused: true;
  readonly reasons: Reasons;
  /** HTTP status: the first of 423, 503, 422, 409, 403, 429 that a reason asks for. */
  readonly status: number;
}

const precedence = [423, 503, 422, 409, 403, 429];

const statusOf = (reason: Reason): number => reason.status ?? rules[reason.rule].status;

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** By rule, dimension, value; then by pointer, so that the order is total for what a caller can see. */
export function compareReasons(a: Reason, b: Reason): number {
  return (
    compareText(a.rule, b.rule) ||
    compareText(a.dimension ?? '', b.dimension ?? '') ||
    compareText(a.value ?? '', b.value ?? '') ||
    compareText(a.pointer ?? '', b.pointer ?? '') ||
    // Two weights of one value.
    compareText(a.message, b.message)
  );
}

/** A refusal of one step, for all its reasons, in the order that clients are promised. */
export function refuse(first: Reason, ...more: Reason[]): Refusal {
  const [head = first, ...tail] = [first, ...more].toSorted(compareReasons);
  const asked = new Set([head, ...tail].map(statusOf));
  const status = precedence.find(one => asked.has(one)) ?? statusOf(head);
  return { refused: true, reasons: [head, ...tail], status };
}

export const KEY_TAKEN_OUT =
  'The key was taken out, or what its principal may do was changed, since the request began: nothing of it was taken.';

/** Of what waited with a key that is not good any more for what it was. */
export const keyTakenOut = (): Refusal => refuse({ rule: 'request.unauthenticated', message: KEY_TAKEN_OUT });

/** A reason as it is answered and recorded: without what only the answer's head needs. */
export function publicReason(reason: Reason): Reason {
  // Most have neither; a copy with members left out is dear.
  if (reason.status === undefined && reason.retryAfterMs === undefined) return reason;
  const { status: _status, retryAfterMs: _retryAfterMs, ...shown } = reason;
  return shown;
}

export function isRefusal(value: object): value is Refusal {
  return 'refused' in value && value.refused === true;
}
