import { recordedDecision, requestPage, targetPage } from './answers.ts';
import * as asks from './asks.ts';
import type { Call, Content, Done } from './call.ts';
import * as examples from './examples.ts';
import { bodyNos, decisionNos, keyedNos, ofDecided } from './nos.ts';
import { rateLimits } from './answer-headers.ts';

const JSON_TYPE = 'application/json';
const READERS = ['auditor', 'requester (its own)', 'operator (allowed requests, which it settles)'];

const oneDecision: Readonly<Record<string, Content>> = { [JSON_TYPE]: { schema: recordedDecision } };

/** A page as JSON, and the whole of it as lines. */
export const listing = (
  description: string,
  page: Content['schema'],
  lines: Readonly<Record<string, string>>,
): Done => ({
  description,
  content: {
    [JSON_TYPE]: page === undefined ? {} : { schema: page },
    ...Object.fromEntries(Object.entries(lines).map(([type, text]) => [type, { description: text }])),
  },
});

const requestBody = {
  required: true,
  content: { [JSON_TYPE]: { schema: asks.request, examples: examples.requests } },
} as const;

const deciding: readonly Call[] = [
  {
    method: 'post',
    path: '/v1/requests',
    id: 'submitRequest',
    tag: 'Requests',
    summary: 'Decide, record, forward.',
    description:
      'The answer comes when the outcome is known, at the latest after 60 s or after what `Prefer` says. The same `Idempotency-Key` with the same body gets the recorded decision with its present outcome, marked `Idempotency-Replayed: true`: nothing is consumed or forwarded again. Only a refusal or a fault with 429 or 503 leaves the key free: where `decision` is `allowed`, the key keeps its answer, a 503 too.',
    roles: ['requester, for the actions it names'],
    headers: {
      'Idempotency-Key': { schema: asks.idempotencyKey, required: true },
      Prefer: { schema: asks.prefer, required: false },
    },
    body: requestBody,
    done: {
      200: {
        description: 'Allowed, and delivered to the executor',
        content: { [JSON_TYPE]: { schema: recordedDecision, examples: examples.decisions } },
        headers: { ...ofDecided, 'Preference-Applied': 'sometimes' },
      },
      202: {
        description:
          'Allowed; the outcome is not known yet: look at `Location` while `outcome.status` is `pending`, or `outcome.tries_again` is there',
        content: oneDecision,
        headers: { Location: 'always', ...ofDecided, 'Preference-Applied': 'sometimes' },
      },
    },
    no: shown(decisionNos()),
  },
  {
    method: 'post',
    path: '/v1/preflight',
    id: 'preflight',
    tag: 'Requests',
    summary: 'The same decision; nothing consumed, nothing forwarded.',
    description:
      'Answers 200 whenever there is a verdict, a refusal too: `decision` says which, and `status` what a request would get now. Recorded as a pre-flight, outside the audit chain.',
    roles: ['requester, for the actions it names'],
    body: requestBody,
    done: {
      200: { description: 'A verdict: look at `decision`', content: oneDecision, headers: rateLimits },
    },
    no: preflightNos(),
  },
];

/** With the refusal that everybody should have seen once. */
function shown(no: Call['no']): Call['no'] {
  const refusal = no[422];
  return refusal === undefined ? no : { ...no, 422: { ...refusal, examples: examples.refusals } };
}

function preflightNos(): Call['no'] {
  const plain = new Set([400, 401, 403, 408, 413, 415, 429, 503]);
  const all = Object.entries(decisionNos()).filter(([status]) => plain.has(Number(status)));
  return Object.fromEntries(
    all.map(([status, { schema, rules }]) => {
      const own = keyedNos(...bodyNos, 'request.query')[Number(status)];
      const names = status === '403' ? (['principal.not_allowed'] as const) : (own?.rules ?? rules);
      // A role that may not, and a fault: both are decisions.
      const isDecided = status === '403' || status === '503';
      return [status, { schema, rules: names, headers: { ...own?.headers, ...(isDecided && rateLimits) } }];
    }),
  );
}

const reading: readonly Call[] = [
  {
    method: 'get',
    path: '/v1/requests',
    id: 'searchRequests',
    tag: 'Requests',
    summary: 'Search the recorded decisions, newest first.',
    description:
      'Every filter that is given must hold. A name that is not known (an action, a principal, a rule, a target) is not a mistake: history may know names that the configuration has not any more, so the list is empty. By `Accept` a page of JSON, or all of it as NDJSON or CSV, streamed.',
    roles: READERS,
    query: asks.searchQuery,
    done: {
      200: listing('The decisions', requestPage, {
        'application/x-ndjson': 'A decision a line',
        'text/csv': 'id,decided_at,mode,action,principal,decision,status,count,rules,outcome,reason,ticket',
      }),
    },
    no: keyedNos('request.query', 'request.not_acceptable'),
  },
  {
    method: 'get',
    path: '/v1/requests/{id}',
    id: 'readRequest',
    tag: 'Requests',
    summary: 'One decision, whole.',
    roles: READERS,
    done: { 200: { description: 'The decision with its present outcome', content: oneDecision } },
    no: keyedNos('request.query', 'request.not_found'),
  },
  {
    method: 'get',
    path: '/v1/requests/{id}/targets',
    id: 'readTargets',
    tag: 'Requests',
    summary: 'Its frozen target set, ids in order.',
    description: 'A request that was refused before its targets were resolved has none: 404.',
    roles: READERS,
    query: asks.pageQuery,
    done: {
      200: listing('The ids', targetPage, {
        'application/x-ndjson': 'An id a line, as a JSON text',
        'text/csv': 'The header `id`, and an id a line',
      }),
    },
    no: keyedNos('request.query', 'request.not_found', 'request.not_acceptable'),
  },
];

const settling: readonly Call[] = [
  {
    method: 'post',
    path: '/v1/requests/{id}/outcome',
    id: 'reportOutcome',
    tag: 'Requests',
    summary: 'Report or settle a pending or unknown outcome.',
    description: 'While an attempt is on the wire only the executor may report; before the claim nobody may.',
    roles: ['executor, of the actions it names', 'operator'],
    body: { required: true, content: { [JSON_TYPE]: { schema: asks.report, examples: examples.reports } } },
    done: { 200: { description: 'The request as it now stands', content: oneDecision } },
    no: keyedNos(...bodyNos, 'request.query', 'request.not_found', 'request.conflict'),
  },
  {
    method: 'post',
    path: '/v1/requests/{id}/cancel',
    id: 'cancelRequest',
    tag: 'Requests',
    summary: 'Stop a request of your own that is not claimed yet.',
    description: 'Why may be said in the body, which may be left out.',
    roles: ['requester (its own)'],
    body: {
      required: false,
      content: { [JSON_TYPE]: { schema: asks.cancellation, examples: examples.cancellations } },
    },
    done: { 200: { description: 'The request as it now stands', content: oneDecision } },
    no: keyedNos(...bodyNos, 'request.query', 'request.not_found', 'request.conflict'),
  },
];

export const requestCalls: readonly Call[] = [...deciding, ...reading, ...settling];
