import { rules } from '../kit/rules.ts';

interface Call {
  readonly method: 'get' | 'post' | 'put' | 'patch';
  readonly path: string;
  readonly summary: string;
  /** Who may; without roles no key is needed. */
  readonly roles?: readonly string[];
  readonly statuses: readonly number[];
}

const READS = ['auditor', 'operator', 'requester'];

/** Every call, in the order of the contract. */
const calls: readonly Call[] = [
  {
    method: 'post',
    path: '/v1/requests',
    summary: 'Decide, record, forward. Needs the header Idempotency-Key.',
    roles: ['requester'],
    statuses: [200, 202, 400, 401, 403, 409, 413, 415, 422, 423, 429, 502, 503, 504],
  },
  {
    method: 'post',
    path: '/v1/preflight',
    summary:
      'The same decision; nothing consumed, nothing forwarded. `status` says what a request would get now.',
    roles: ['requester'],
    statuses: [200, 400, 401, 403, 413, 415, 503],
  },
  {
    method: 'get',
    path: '/v1/requests',
    summary: 'Search the recorded decisions, newest first; JSON, NDJSON or CSV by Accept.',
    roles: READS,
    statuses: [200, 400, 401, 403, 406, 503],
  },
  {
    method: 'get',
    path: '/v1/requests/{id}',
    summary: 'One decision, whole.',
    roles: READS,
    statuses: [200, 401, 403, 404, 503],
  },
  {
    method: 'get',
    path: '/v1/requests/{id}/targets',
    summary: 'Its frozen target set, ids in order.',
    roles: READS,
    statuses: [200, 400, 401, 403, 404, 406, 503],
  },
  {
    method: 'post',
    path: '/v1/requests/{id}/outcome',
    summary: 'Report or settle a pending or unknown outcome.',
    roles: ['executor', 'operator'],
    statuses: [200, 400, 401, 403, 404, 409, 422, 503],
  },
  {
    method: 'post',
    path: '/v1/requests/{id}/cancel',
    summary: 'Stop a request of your own that is not claimed yet.',
    roles: ['requester'],
    statuses: [200, 401, 403, 404, 409, 503],
  },
  {
    method: 'post',
    path: '/v1/clock/accept',
    summary: "Accept the database's time after a jump.",
    roles: ['operator'],
    statuses: [200, 400, 401, 403, 409, 422, 503],
  },
  {
    method: 'get',
    path: '/v1/kill-switch',
    summary: 'What is engaged.',
    roles: ['auditor', 'operator'],
    statuses: [200, 401, 403, 503],
  },
  {
    method: 'post',
    path: '/v1/kill-switch',
    summary:
      'Engage. No body stops everything. `took_ms` says how long it took from its arrival to its commit.',
    roles: ['operator'],
    statuses: [201, 400, 401, 403, 422, 503],
  },
  {
    method: 'post',
    path: '/v1/kill-switch/{id}/release',
    summary: 'Release one switch, with a reason.',
    roles: ['operator'],
    statuses: [200, 400, 401, 403, 404, 409, 422, 503],
  },
  {
    method: 'put',
    path: '/v1/inventory/{kind}',
    summary: 'A whole snapshot, NDJSON or CSV, all or nothing.',
    roles: ['inventory', 'operator'],
    statuses: [200, 400, 401, 403, 404, 409, 415, 422, 503],
  },
  {
    method: 'patch',
    path: '/v1/inventory/{kind}',
    summary: 'Single targets, set or taken out, NDJSON.',
    roles: ['inventory', 'operator'],
    statuses: [200, 400, 401, 403, 404, 409, 415, 422, 503],
  },
  {
    method: 'get',
    path: '/v1/inventory',
    summary: 'What is in force of each kind.',
    roles: ['auditor', 'inventory'],
    statuses: [200, 401, 403, 503],
  },
  {
    method: 'get',
    path: '/v1/budgets',
    summary: 'How full each window, budget and limit in flight is.',
    roles: ['auditor'],
    statuses: [200, 401, 403, 503],
  },
  {
    method: 'get',
    path: '/v1/audit',
    summary: 'The whole trail in order, each entry with the hash of the one before.',
    roles: ['auditor'],
    statuses: [200, 400, 401, 403, 406, 503],
  },
  {
    method: 'get',
    path: '/v1/policy',
    summary: 'The policy revision, its checks and its limits.',
    roles: ['auditor'],
    statuses: [200, 401, 403, 503],
  },
  { method: 'get', path: '/livez', summary: 'The process is alive.', statuses: [200] },
  {
    method: 'get',
    path: '/readyz',
    summary: 'Process and database: what a load balancer asks.',
    statuses: [200, 503],
  },
  {
    method: 'get',
    path: '/readyz/decide',
    summary: 'Also the policy, the clock and each inventory.',
    statuses: [200, 503],
  },
  { method: 'get', path: '/metrics', summary: 'Prometheus.', statuses: [200] },
  { method: 'get', path: '/problems', summary: 'Every rule.', statuses: [200, 406] },
  { method: 'get', path: '/problems/{rule}', summary: 'What a rule means.', statuses: [200, 404, 406] },
];

/** The calls as an OpenAPI 3.1 document. */
export function apiDocument(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const call of calls) (paths[call.path] ??= {})[call.method] = operationOf(call);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Interlock',
      version: '1',
      description: 'The gate that every destructive automation request passes through.',
    },
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: problemSchema },
    },
  };
}

const problemSchema = {
  type: 'object',
  description: 'RFC 9457; beside these members, those of the decision.',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: { type: 'string', enum: Object.keys(rules).map(rule => `/problems/${rule}`) },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
  },
};

function operationOf({ summary, roles, path, statuses }: Call): object {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  return {
    summary,
    ...(roles !== undefined && { description: `Roles: ${roles.join(', ')}.`, security: [{ key: [] }] }),
    ...(names.length > 0 && {
      parameters: names.map(name => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    }),
    responses: Object.fromEntries(statuses.map(status => [String(status), responseOf(status)])),
  };
}

function responseOf(status: number): object {
  if (status < 400) return { description: status === 202 ? 'Not known yet: look at Location' : 'Done' };
  return {
    description: 'A no, with its reason',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

/** What a page shows of the calls. */
export const callRows = (): readonly {
  readonly call: string;
  readonly summary: string;
  readonly roles: string;
}[] =>
  calls.map(({ method, path, summary, roles }) => ({
    call: `${method.toUpperCase()} ${path}`,
    summary,
    roles: roles?.join(', ') ?? 'no key needed',
  }));
