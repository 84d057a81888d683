import * as answers from './answers.ts';
import * as asks from './asks.ts';
import type { Call } from './call.ts';
import * as examples from './examples.ts';
import { bodyNos, keyedNos } from './nos.ts';
import { listing } from './request-calls.ts';
import { policy } from './policy-answer.ts';

const JSON_TYPE = 'application/json';

const reasonBody = {
  required: true,
  content: { [JSON_TYPE]: { schema: asks.reasonBody, examples: examples.reasons } },
} as const;

const stopping: readonly Call[] = [
  {
    method: 'get',
    path: '/v1/kill-switch',
    id: 'readSwitches',
    tag: 'Kill switch',
    summary: 'What is engaged, since when, by whom, why.',
    roles: ['auditor', 'operator'],
    done: {
      200: { description: 'All that is engaged', content: { [JSON_TYPE]: { schema: answers.switches } } },
    },
    no: keyedNos(),
  },
  {
    method: 'post',
    path: '/v1/kill-switch',
    id: 'engage',
    tag: 'Kill switch',
    summary: 'Engage. No body stops everything.',
    description:
      'Nothing may stand in the way of stopping: no body, no scope and `{}` are everything, and no content type is asked for. What was on the wire when it was engaged is in the answer; nothing else leaves the gate in its scope after it.',
    roles: ['operator'],
    body: { required: false, content: { [JSON_TYPE]: { schema: asks.engage, examples: examples.engages } } },
    done: {
      201: { description: 'It is engaged', content: { [JSON_TYPE]: { schema: answers.engaged } } },
    },
    no: keyedNos(...bodyNos),
  },
  {
    method: 'post',
    path: '/v1/kill-switch/{id}/release',
    id: 'release',
    tag: 'Kill switch',
    summary: 'Release one switch, with a reason.',
    description: 'What it stopped does not come back. A second time is a 409.',
    roles: ['operator'],
    body: reasonBody,
    done: {
      200: { description: 'It is released', content: { [JSON_TYPE]: { schema: answers.released } } },
    },
    no: keyedNos(...bodyNos, 'request.query', 'request.not_found', 'request.conflict'),
  },
  {
    method: 'post',
    path: '/v1/clock/accept',
    id: 'acceptClock',
    tag: 'Policy',
    summary: "Accept the database's time after a jump.",
    roles: ['operator'],
    body: reasonBody,
    done: {
      200: { description: 'It is accepted', content: { [JSON_TYPE]: { schema: answers.acceptedClock } } },
    },
    no: keyedNos(...bodyNos, 'request.query', 'request.conflict'),
  },
];

const loadNos = keyedNos(
  'request.media_type',
  'request.invalid',
  'request.not_found',
  'inventory.malformed',
  'inventory.unexpected_count',
  'inventory.cut_off',
  'inventory.busy',
  'inventory.out_of_order',
  'inventory.shrunken',
  'inventory.changed',
  'policy.stale',
);

/** An empty inventory, or one of another declaration of the kind, is 503 to a decision and 409 to a load. */
const loadNo: Call['no'] = {
  ...loadNos,
  409: {
    schema: answers.problem,
    rules: [...(loadNos[409]?.rules ?? []), 'inventory.empty', 'inventory.stale'],
  },
};

const LOADERS = ['inventory', 'operator, with `force`'];

const loading: readonly Call[] = [
  {
    method: 'put',
    path: '/v1/inventory/{kind}',
    id: 'loadSnapshot',
    tag: 'Inventory',
    summary: 'A whole snapshot, NDJSON or CSV, all or nothing.',
    description: 'A load that is refused changes nothing and says why, with the number of the line.',
    roles: LOADERS,
    query: asks.putQuery,
    body: {
      required: true,
      content: {
        'application/x-ndjson': {
          line: asks.inventoryLine,
          description:
            'A target a line, each an `InventoryLine`: `{"id", "labels"}`, with `weights` where the kind declares some',
          examples: { ndjson: examples.snapshots.ndjson },
        },
        'text/csv': {
          description: 'The header is `id`, the labels, and `weight:NAME` for each weight',
          examples: { csv: examples.snapshots.csv },
        },
      },
    },
    done: { 200: { description: 'It is in force', content: { [JSON_TYPE]: { schema: answers.loaded } } } },
    no: loadNo,
  },
  {
    method: 'patch',
    path: '/v1/inventory/{kind}',
    id: 'patchInventory',
    tag: 'Inventory',
    summary: 'Single targets, set or taken out, NDJSON.',
    description: 'It moves the revision, and not the age. `{"id", "removed": true}` takes one out.',
    roles: LOADERS,
    query: asks.patchQuery,
    body: {
      required: true,
      content: {
        'application/x-ndjson': {
          line: asks.inventoryChange,
          description:
            'A target a line, each an `InventoryChange`: as in a snapshot, or `{"id", "removed": true}`',
          examples: examples.changes,
        },
      },
    },
    done: { 200: { description: 'It is in force', content: { [JSON_TYPE]: { schema: answers.loaded } } } },
    no: loadNo,
  },
  {
    method: 'get',
    path: '/v1/inventory',
    id: 'readInventory',
    tag: 'Inventory',
    summary: 'What is in force of each kind.',
    roles: ['auditor', 'inventory'],
    done: {
      200: {
        description: 'Each kind that was loaded',
        content: { [JSON_TYPE]: { schema: answers.inventory } },
      },
    },
    no: keyedNos('request.query'),
  },
];

const seeing: readonly Call[] = [
  {
    method: 'post',
    path: '/v1/evidence',
    id: 'postEvidence',
    tag: 'Evidence',
    summary: 'Say what was seen of an artifact.',
    description:
      'An entry of the audit trail. For a decision the newest of each name counts, and never what its requester said itself. With a dimension and a value it is of that value only.',
    roles: ['observer'],
    body: {
      required: true,
      content: { [JSON_TYPE]: { schema: asks.evidence, examples: examples.evidence } },
    },
    done: {
      201: { description: 'It is recorded', content: { [JSON_TYPE]: { schema: answers.postedEvidence } } },
    },
    no: keyedNos(...bodyNos, 'request.query'),
  },
  {
    method: 'get',
    path: '/v1/evidence',
    id: 'readEvidence',
    tag: 'Evidence',
    summary: 'What was seen, newest first.',
    description: 'Of one artifact, or of all. By `Accept` a page of JSON, or all of it as NDJSON.',
    roles: ['auditor', 'observer (its own)'],
    query: asks.evidenceQuery,
    done: {
      200: listing('The evidence', answers.evidencePage, { 'application/x-ndjson': 'One a line' }),
    },
    no: keyedNos('request.query', 'request.not_acceptable'),
  },
];

const looking: readonly Call[] = [
  {
    method: 'get',
    path: '/v1/budgets',
    id: 'readBudgets',
    tag: 'Policy',
    summary: 'How full each window, budget and limit in flight is now.',
    roles: ['auditor'],
    done: {
      200: { description: 'By scope', content: { [JSON_TYPE]: { schema: answers.budgets } } },
    },
    no: keyedNos('request.query'),
  },
  {
    method: 'get',
    path: '/v1/audit',
    id: 'readAudit',
    tag: 'Audit',
    summary: 'The whole trail in order, each entry with the hash of the one before.',
    description:
      'There are no filters: a trail with holes could not be verified. To find decisions, use `GET /v1/requests`. By `Accept` a page of JSON, or all of it as NDJSON, which `interlock audit verify --export FILE` reads.',
    roles: ['auditor'],
    query: asks.pageQuery,
    done: {
      200: listing('The entries', answers.auditPage, { 'application/x-ndjson': 'An entry a line' }),
    },
    no: keyedNos('request.query', 'request.not_acceptable'),
  },
  {
    method: 'get',
    path: '/v1/policy',
    id: 'readPolicy',
    tag: 'Policy',
    summary: 'The policy revision, its checks, the limits in force, and what is protected.',
    roles: ['auditor'],
    done: { 200: { description: 'As it is loaded', content: { [JSON_TYPE]: { schema: policy } } } },
    no: keyedNos('request.query'),
  },
];

export const controlCalls: readonly Call[] = [...stopping, ...loading, ...seeing, ...looking];
