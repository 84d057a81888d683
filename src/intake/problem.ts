import { inOrder } from '../api/order.ts';
import { publicReason, type Reason, type Refusal } from '../kit/refusal.ts';
import { rules, type RuleInfo } from '../kit/rules.ts';
import type { Answer } from '../ledger/decision.ts';
import type { Headers } from './answer.ts';
import type { Refused } from './refused.ts';

/** An answer that says no: RFC 9457, with what belongs to it beside. */
export interface Problem {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Readonly<Record<string, unknown>>;
}

const builtin: Readonly<Record<string, RuleInfo>> = rules;

/** What is known of a rule; undefined for one that neither the gate nor `more`, the loaded bundle's, has. */
function ruleInfo(rule: string, more: Readonly<Record<string, RuleInfo>>): RuleInfo | undefined {
  if (Object.hasOwn(builtin, rule)) return builtin[rule];
  return Object.hasOwn(more, rule) ? more[rule] : undefined;
}

export const requestPath = (id: string): string => `/v1/requests/${id}`;

/** What is so of this gate, and need not be of another one. */
const HERE: ReadonlySet<string> = new Set([
  'policy.stale',
  'policy.unavailable',
  'store.unavailable',
  'store.behind',
  'store.newer',
  'store.undecided',
  'clock.jumped',
  'gate.stopping',
] satisfies (keyof typeof rules)[]);

/** Behind one address for several gates a connection that is kept leads each further try to the same one. */
const letGo = (rule: string, status: number): Headers =>
  status === 503 && HERE.has(rule) ? { connection: 'close' } : {};

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Where there is no decision, the instance is the request's id in the log. */
const occurrence = (requestId: string): string =>
  `urn:${UUID.test(requestId) ? 'uuid' : 'x-request-id'}:${requestId}`;

/** Makes problems; `more` gives the rules of the loaded bundle, for their titles; `publicUrl` goes before an instance's path. */
export function createProblems(more: () => Readonly<Record<string, RuleInfo>>, publicUrl = '') {
  function problem(
    rule: string,
    status: number,
    said: { detail: string; instance: string },
    headers: Headers,
    members: object,
  ): Problem {
    const title = ruleInfo(rule, more())?.title ?? rule;
    return {
      status,
      headers: {
        'content-type': 'application/problem+json; charset=utf-8',
        ...letGo(rule, status),
        ...headers,
      },
      body: { type: `/problems/${rule}`, title, status, ...said, ...members },
    };
  }

  return {
    refused({ rule, detail, options }: Refused, requestId: string): Problem {
      const said = { detail, instance: occurrence(requestId) };
      const members = options.reasons === undefined ? {} : { reasons: options.reasons };
      return problem(rule, options.status ?? rules[rule].status, said, options.headers ?? {}, members);
    },

    /** A refusal of something that is no decision: a load, a switch, a report. Members beside it, as `line`, are kept. */
    refusal(refusal: Refusal, requestId: string): Problem {
      const { reasons, status } = refusal;
      const { refused: _refused, status: _status, ...said } = refusal;
      const members = { ...said, reasons: reasons.map(publicReason) };
      const decides = (reason: Reason): boolean =>
        (reason.status ?? ruleInfo(reason.rule, more())?.status) === status;
      const occasion = { detail: sentence(reasons), instance: occurrence(requestId) };
      const { rule } = reasons.find(decides) ?? reasons[0];
      return problem(rule, status, occasion, retryAfter(reasons), members);
    },

    /** A decision that is a no, or whose outcome is one: the document stands beside the problem's members. */
    answer({ document, outcome, status, rule: deciding, retryAfterS, unrecorded }: Answer): Problem {
      const rule = deciding ?? document.reasons[0]?.rule ?? outcome?.rule ?? 'gate.failed';
      const first = document.reasons.find(reason => reason.rule === rule) ?? document.reasons[0];
      const detail =
        first !== undefined
          ? sentence([first, ...document.reasons.filter(reason => reason !== first)])
          : (outcome?.detail ?? ruleInfo(rule, more())?.explain ?? rule);
      // A record of an earlier version may say a time beside another status, at which nothing passes.
      const headers =
        retryAfterS === undefined || status !== 429
          ? {}
          : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterS))) };
      const instance =
        unrecorded === true ? occurrence(document.id) : `${publicUrl}${requestPath(document.id)}`;
      const said = { detail, instance };
      const decided = inOrder({ ...document, ...(outcome !== undefined && { outcome }) });
      return problem(rule, status, said, headers, decided);
    },
  };
}

export type Problems = ReturnType<typeof createProblems>;

/** The first reason whole; the others stand in `reasons`. */
function sentence(reasons: readonly [Reason, ...Reason[]]): string {
  const [first, ...more] = reasons;
  const remedy = first.remedy === undefined ? '' : ` Would pass: ${first.remedy}.`;
  const rest =
    more.length === 0 ? '' : ` And ${more.length} more ${more.length === 1 ? 'reason' : 'reasons'}.`;
  return `${first.message}${remedy}${rest}`;
}

function retryAfter(reasons: readonly Reason[]): Headers {
  const longestMs = Math.max(...reasons.map(reason => reason.retryAfterMs ?? 0));
  return longestMs > 0 ? { 'retry-after': String(Math.ceil(longestMs / 1000)) } : {};
}
