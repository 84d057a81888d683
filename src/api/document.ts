import { z } from 'zod';
import { rules } from '../kit/rules.ts';
import { answerHeaders, onEveryAnswer, type AnswerHeaders } from './answer-headers.ts';
import * as answers from './answers.ts';
import * as asks from './asks.ts';
import type { Call, Content, No } from './call.ts';
import { calls } from './calls.ts';
import { decisionNo, noCall } from './nos.ts';
import { policy } from './policy-answer.ts';

/** Schemas with a name of their own in the document. */
const named: Readonly<Record<string, z.ZodType>> = {
  Json: answers.anyJson,
  Reason: answers.reason,
  BlastRadius: answers.blastRadius,
  Outcome: answers.outcome,
  Decision: answers.recordedDecision,
  DecisionPage: answers.requestPage,
  TargetPage: answers.targetPage,
  Problem: answers.problem,
  RefusedDecision: answers.refusedDecision,
  DecisionOrProblem: decisionNo,
  Scope: answers.scope,
  Switches: answers.switches,
  EngagedSwitch: answers.engaged,
  ReleasedSwitch: answers.released,
  AcceptedClock: answers.acceptedClock,
  Load: answers.loaded,
  Inventory: answers.inventory,
  Budgets: answers.budgets,
  AuditEntry: answers.auditEntry,
  AuditPage: answers.auditPage,
  Policy: policy,
  Live: answers.live,
  Ready: answers.ready,
  ReadyToDecide: answers.readyToDecide,
};

/** What is asked: strict, for an unknown field is refused. */
const asked: Readonly<Record<string, z.ZodType>> = {
  Request: asks.request,
  Targets: asks.targets,
  OutcomeReport: asks.report,
  ReasonBody: asks.reasonBody,
  Engage: asks.engage,
  InventoryLine: asks.inventoryLine,
  InventoryChange: asks.inventoryChange,
};

type Schema = Record<string, unknown>;

const refOf = (id: string): string => `#/components/schemas/${id}`;

/** By name. What is answered is open: a client must not break when a member is added. */
function components(): Schema {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries({ ...named, ...asked })) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: refOf, override: tidy });
  const found: Schema = {};
  for (const [id, { $schema: _schema, $id: _id, ...schema }] of Object.entries(schemas))
    found[id] = Object.hasOwn(asked, id) ? schema : opened(schema);
  return { ...found, ProblemType: problemType };
}

/** Of an inline schema, that has no name. */
function inline(schema: z.ZodType): object {
  const names = Object.entries({ ...named, ...asked }).find(([, one]) => one === schema);
  if (names !== undefined) return { $ref: refOf(names[0]) };
  const { $schema: _schema, ...rest } = z.toJSONSchema(schema, { override: tidy });
  return rest;
}

/** Whatever JSON can say is `{}`; the bounds of safe integers are no news. */
function tidy({ zodSchema, jsonSchema }: { zodSchema: unknown; jsonSchema: Schema }): void {
  if (zodSchema === answers.problemType) {
    for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
    jsonSchema['$ref'] = refOf('ProblemType');
  }
  if (zodSchema === answers.anyJson) for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
  if (jsonSchema['minimum'] === Number.MIN_SAFE_INTEGER) delete jsonSchema['minimum'];
  if (jsonSchema['maximum'] === Number.MAX_SAFE_INTEGER) delete jsonSchema['maximum'];
}

function opened(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(opened);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, one]) => name !== 'additionalProperties' || one !== false)
      .map(([name, one]) => [name, opened(one)]),
  );
}

const types = Object.keys(rules).map(rule => `/problems/${rule}`);

/** The type of a problem is one of those that ship; a bundle of one's own may have more. */
const problemType = {
  anyOf: [{ enum: types }, { pattern: '^/problems/' }],
  type: 'string',
  description: `The page of the rule: ${types.map(type => `[${type.slice(10)}](${type})`).join(', ')}. A bundle of one's own may have more.`,
};

/** A header by whether it must be there: a reference cannot say that beside. */
const headerId = (name: string, presence: string): string =>
  presence === 'always' ? name : `${name}.sometimes`;

/** @param users the text of what refers to them */
function headerComponents(users: string): Schema {
  const found: Schema = {};
  for (const [name, schema] of Object.entries(answerHeaders)) {
    const { description, ...shape } = z.toJSONSchema(schema);
    delete shape.$schema;
    for (const presence of ['always', 'sometimes']) {
      const id = headerId(name, presence);
      if (users.includes(`"#/components/headers/${id}"`))
        found[id] = { description, required: presence === 'always', schema: shape };
    }
  }
  return found;
}

/** The calls as an OpenAPI 3.1 document. */
export function apiDocument() {
  const paths: Record<string, Record<string, object>> = {};
  for (const call of calls) (paths[call.path] ??= {})[call.method] = operationOf(call);
  const responses = { NoCall: noOf(noCall[404]), MethodNotAllowed: noOf(noCall[405]) };
  return {
    openapi: '3.1.0',
    info: {
      title: 'Interlock',
      version: '1',
      summary: 'The gate that every destructive automation request passes through.',
      description:
        'Errors and refusals are `application/problem+json` (RFC 9457); `type` is the path of a page that explains the rule. `HEAD` goes wherever `GET` does. Another method is a 405 with `Allow`, another path a 404. Members may be added to answers, never to what is asked: an unknown field or parameter is refused.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(calls.map(({ tag }) => tag))].map(name => ({ name })),
    security: [{ key: [] }],
    paths,
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      headers: headerComponents(JSON.stringify([paths, responses])),
      // Of no operation: each has its own path and method.
      responses,
      schemas: components(),
    },
  };
}

function operationOf(call: Call): object {
  const { id, tag, summary, description, roles, body } = call;
  const said = [description, roles === undefined ? 'No key is needed.' : `Roles: ${roles.join('; ')}.`];
  const parameters = parametersOf(call);
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: said.filter(one => one !== undefined).join('\n\n'),
    ...(roles === undefined && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && { requestBody: { required: body.required, content: contentOf(body.content) } }),
    responses: responsesOf(call),
  };
}

function parametersOf({ path, query = {}, headers: sent = {} }: Call): object[] {
  const places = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'id' ? { type: 'string', format: 'uuid' } : { type: 'string', pattern: '^[^/]+$' },
  }));
  const asked = Object.entries(query).map(([name, schema]) => ({
    name,
    in: 'query',
    schema: inline(schema),
  }));
  const heads = Object.entries(sent).map(([name, { schema, required }]) => ({
    name,
    in: 'header',
    required,
    schema: inline(schema),
  }));
  return [...places, ...asked, ...heads];
}

function responsesOf({ done, no }: Call): object {
  const dones = Object.entries(done).map(([status, one]) => [
    status,
    { description: one.description, ...headersOf(one.headers), content: contentOf(one.content) },
  ]);
  return Object.fromEntries([...dones, ...Object.entries(no).map(([status, one]) => [status, noOf(one)])]);
}

const noOf = ({ rules: names, schema, examples, headers: sent }: No): object => ({
  description: names.map(name => `[${name}](/problems/${name}): ${rules[name].title}.`).join('\n\n'),
  ...headersOf(sent),
  content: {
    'application/problem+json': { schema: inline(schema), ...(examples !== undefined && { examples }) },
  },
});

const headersOf = (sent: AnswerHeaders | undefined): object => ({
  headers: Object.fromEntries(
    Object.entries({ ...onEveryAnswer, ...sent }).map(([name, presence]) => [
      name,
      { $ref: `#/components/headers/${headerId(name, presence)}` },
    ]),
  ),
});

function contentOf(content: Readonly<Record<string, Content>>): object {
  return Object.fromEntries(
    Object.entries(content).map(([type, { schema, line, examples, description }]) => [
      type,
      {
        schema:
          schema === undefined
            ? {
                type: 'string',
                ...(description !== undefined && { description }),
                // OpenAPI 3.1 has no word for the lines of a text; this one of JSON Schema says what the text holds, and asks nothing of it.
                ...(line !== undefined && { contentMediaType: type, contentSchema: inline(line) }),
              }
            : inline(schema),
        ...(examples !== undefined && { examples }),
      },
    ]),
  );
}
