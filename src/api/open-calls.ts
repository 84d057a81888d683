import { z } from 'zod';
import * as answers from './answers.ts';
import type { Call, Done } from './call.ts';
import { nos } from './nos.ts';

/* What needs no key. */

const json = (description: string, schema: z.ZodType): Done => ({
  description,
  content: { 'application/json': { schema } },
});

const page = (description: string, schema: z.ZodType): Done => ({
  description,
  content: { 'text/html': {}, 'application/json': { schema } },
});

const look = { method: 'get', no: {} } as const;

export const openCalls: readonly Call[] = [
  {
    ...look,
    path: '/livez',
    id: 'live',
    tag: 'Health',
    summary: 'The process is alive.',
    done: { 200: json('It is', answers.live) },
  },
  {
    ...look,
    path: '/readyz',
    id: 'ready',
    tag: 'Health',
    summary: 'Process and database: what a load balancer asks.',
    done: { 200: json('Ready', answers.ready), 503: json('Not ready: look at `checks`', answers.ready) },
  },
  {
    ...look,
    path: '/readyz/decide',
    id: 'readyToDecide',
    tag: 'Health',
    summary: 'Also the policy, the clock and each inventory.',
    done: {
      200: json('Ready to decide', answers.readyToDecide),
      503: json('Not ready: look at `checks`', answers.readyToDecide),
    },
  },
  {
    ...look,
    path: '/metrics',
    id: 'metrics',
    tag: 'Health',
    summary: 'For Prometheus.',
    done: { 200: { description: 'The text format of Prometheus', content: { 'text/plain': {} } } },
  },
  {
    ...look,
    path: '/openapi.json',
    id: 'apiDocument',
    tag: 'Documents',
    summary: 'This document.',
    done: { 200: json('OpenAPI 3.1', z.looseObject({ openapi: z.string() })) },
  },
  {
    ...look,
    path: '/docs',
    id: 'docs',
    tag: 'Documents',
    summary: 'This document as a page.',
    done: { 200: page('The page', z.looseObject({ openapi: z.string() })) },
    no: nos('request.not_acceptable'),
  },
  {
    ...look,
    path: '/problems',
    id: 'rules',
    tag: 'Documents',
    summary: 'Every rule that the gate can say no by.',
    done: {
      200: page('All rules', answers.rules),
    },
    no: nos('request.not_acceptable'),
  },
  {
    ...look,
    path: '/problems/{rule}',
    id: 'rule',
    tag: 'Documents',
    summary: 'What a rule means, and what to do.',
    done: { 200: page('The rule', answers.rule) },
    no: nos('request.not_found', 'request.not_acceptable'),
  },
];
