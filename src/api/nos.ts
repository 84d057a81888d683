import { z } from 'zod';
import { rules, type Rule } from '../kit/rules.ts';
import { rateLimits, type AnswerHeaders } from './answer-headers.ts';
import { problem, refusedDecision } from './answers.ts';
import type { No } from './call.ts';

/* What calls answer when they say no: each status once, with the rules behind it. */

const isRule = (name: string): name is Rule => Object.hasOwn(rules, name);
const ruleNames = Object.keys(rules).filter(isRule);

const faults = ruleNames.filter(name => rules[name].step === 'fault');

type Nos = Readonly<Record<number, No>>;

/** A plain problem by these rules, each under its own status. */
export function nos(...names: readonly Rule[]): Nos {
  const found: Record<number, No> = {};
  for (const name of names) {
    const { status } = rules[name];
    found[status] = { rules: [...(found[status]?.rules ?? []), name], schema: problem };
  }
  return found;
}

/** What every call with a key can answer. */
const keyed: Nos = {
  ...nos('request.malformed', 'principal.not_allowed', ...faults),
  401: { rules: ['request.unauthenticated'], schema: problem, headers: { 'WWW-Authenticate': 'always' } },
  429: { rules: ['request.throttled'], schema: problem, headers: { 'Retry-After': 'always' } },
};

/** Those of every call with a key, and more by these rules. */
export const keyedNos = (...names: readonly Rule[]): Nos => merge(keyed, nos(...names));

function merge(some: Nos, more: Nos): Nos {
  const merged: Record<number, No> = { ...some };
  for (const [status, no] of Object.entries(more)) {
    const known = merged[Number(status)];
    merged[Number(status)] =
      known === undefined ? no : { ...known, rules: [...new Set([...known.rules, ...no.rules])] };
  }
  return merged;
}

/** Of a body in JSON. */
export const bodyNos: readonly Rule[] = [
  'request.too_slow',
  'request.too_large',
  'request.media_type',
  'request.invalid',
];

/** A decision that is a no; or, before there was one, a plain problem. */
export const decisionNo = z.union([refusedDecision, problem]);

const decidingSteps = new Set(['shape', 'targets', 'decide', 'forward']);
const later: readonly Rule[] = ['kill_switch.engaged', 'request.idempotency_key', 'request.cancelled'];

/** On an answer to a submitted request that was decided, now or before. */
export const ofDecided = {
  'Idempotency-Replayed': 'sometimes',
  ...rateLimits,
} as const satisfies AnswerHeaders;

/** 429 leaves the key free, so that there is nothing to repeat. */
const headersOfNo = (status: string): AnswerHeaders => (status === '429' ? rateLimits : ofDecided);

/** What is answered where there is no call: another path, or another method of a path. */
export const noCall = {
  ...keyedNos(),
  404: { rules: ['request.not_found'], schema: problem },
  405: { rules: ['request.method_not_allowed'], schema: problem, headers: { Allow: 'always' } },
} as const satisfies Nos;

/** What a submitted request can be answered with. */
export function decisionNos(): Nos {
  const names = ruleNames.filter(name => decidingSteps.has(rules[name].step));
  const all = merge(
    keyedNos('request.query', 'request.too_slow', 'request.too_large', 'request.media_type'),
    nos(...names, ...later),
  );
  const decided: Record<number, No> = {};
  for (const [status, no] of Object.entries(all)) {
    const isPlain = [400, 401, 408, 413, 415].includes(Number(status));
    const isBudget = status === '403';
    decided[Number(status)] = {
      ...no,
      ...(!isPlain && { schema: decisionNo, headers: { ...no.headers, ...headersOfNo(status) } }),
      // A budget that this request can never pass is a 403.
      ...(isBudget && { rules: [...no.rules, ...ruleNames.filter(name => name.startsWith('budget.'))] }),
    };
  }
  return decided;
}
