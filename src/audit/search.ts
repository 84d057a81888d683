import { parseTimeMs } from '../kit/time.ts';
import type { DecisionDocument, OutcomeStatus } from '../ledger/decision.ts';

/** What is searched for: every filter that is there must hold. */
export interface Search {
  readonly mode: DecisionDocument['mode'];
  readonly decision?: DecisionDocument['decision'];
  readonly outcome?: OutcomeStatus;
  readonly action?: string;
  readonly principal?: string;
  /** Among the decision's rules, or its outcome's. */
  readonly rule?: string;
  /** Id of a target that was resolved, allowed or not. */
  readonly target?: string;
  readonly idempotencyKey?: string;
  /** Unix milliseconds; inclusive. */
  readonly sinceMs?: number;
  /** Unix milliseconds; exclusive. */
  readonly untilMs?: number;
}

/** Why a query is refused: the parameter and a sentence. */
export interface QueryProblem {
  readonly parameter: string;
  readonly detail: string;
}

export const isQueryProblem = (value: object): value is QueryProblem => 'parameter' in value;

export const SEARCH_PARAMETERS = [
  'mode',
  'decision',
  'outcome',
  'action',
  'principal',
  'rule',
  'target',
  'idempotency_key',
  'since',
  'until',
] as const;

const modes = ['request', 'preflight'] as const;
const decisions = ['allowed', 'refused', 'fault'] as const;
const outcomes = ['pending', 'delivered', 'refused', 'unknown', 'stopped'] as const;

/** The filters of a query string that was already checked for unknown, repeated and blank parameters. */
export function parseSearch(query: ReadonlyMap<string, string>): Search | QueryProblem {
  const mode = oneOf('mode', modes, query);
  const decision = oneOf('decision', decisions, query);
  const outcome = oneOf('outcome', outcomes, query);
  const sinceMs = time('since', query);
  const untilMs = time('until', query);
  for (const parsed of [mode, decision, outcome, sinceMs, untilMs]) {
    if (typeof parsed === 'object') return parsed;
  }
  const [action, principal, rule] = [query.get('action'), query.get('principal'), query.get('rule')];
  const [target, idempotencyKey] = [query.get('target'), query.get('idempotency_key')];
  return {
    mode: typeof mode === 'string' ? mode : 'request',
    ...(typeof decision === 'string' && { decision }),
    ...(typeof outcome === 'string' && { outcome }),
    ...(action !== undefined && { action }),
    ...(principal !== undefined && { principal }),
    ...(rule !== undefined && { rule }),
    ...(target !== undefined && { target }),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
    ...(typeof sinceMs === 'number' && { sinceMs }),
    ...(typeof untilMs === 'number' && { untilMs }),
  };
}

function oneOf<const Value extends string>(
  parameter: string,
  values: readonly Value[],
  query: ReadonlyMap<string, string>,
): Value | QueryProblem | undefined {
  const given = query.get(parameter);
  if (given === undefined) return undefined;
  const known = values.find(value => value === given);
  return known ?? { parameter, detail: `\`${parameter}\` is one of ${values.join(', ')}.` };
}

function time(parameter: string, query: ReadonlyMap<string, string>): number | QueryProblem | undefined {
  const given = query.get(parameter);
  if (given === undefined) return undefined;
  return (
    parseTimeMs(given, 'up') ?? {
      parameter,
      detail: `\`${parameter}\` is a time like 2026-11-22T15:04:05Z (a + in an offset is written %2B).`,
    }
  );
}
