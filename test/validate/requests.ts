import type { Action, Kind } from '../../src/config/config.ts';
import { isRefusal, type Reason } from '../../src/kit/refusal.ts';
import { parseStrictJson, type JsonObject } from '../../src/kit/strict-json.ts';
import { compileParameterChecks } from '../../src/validate/parameters.ts';
import { validate } from '../../src/validate/validate.ts';
import type { Validated } from '../../src/validate/validated.ts';

const host: Kind = {
  name: 'host',
  dimensions: ['region', 'rack'],
  state: { label: 'state', inService: ['serving'] },
  labels: ['owner'],
  optional: ['quarantined_at'],
  maxAgeMs: 1,
  maxShrinkPpm: 0,
  maxChangePpm: 0,
};

const executor = {
  url: new URL('http://127.0.0.1:9/'),
  timeoutMs: 1,
  concurrency: 1,
  validForMs: 1,
  idempotent: false,
};

const action = (name: string, parameters?: Action['parameters']): Action => ({
  name,
  kind: 'host',
  irreversible: false,
  executor,
  ...(parameters !== undefined && { parameters }),
});

const passes = { type: 'integer', minimum: 1, maximum: 7 };

const actions = [
  action('disk.wipe', { type: 'object', properties: { passes }, additionalProperties: false }),
  action('disk.check', { type: 'object', properties: { passes }, required: ['passes'] }),
  action('machine.reboot'),
  action('config.push', { minProperties: 0 }),
];

export const config = {
  kinds: new Map([['host', host]]),
  actions: new Map(actions.map(one => [one.name, one])),
};

export const checks = compileParameterChecks(config.actions);

export const good = {
  action: 'disk.wipe',
  targets: { ids: ['host-1', 'host-2'] },
  reason: 'rack r12 is retired',
} as const;

/** A body as it comes off the wire, with all that strict JSON does to it. */
export function bodyOf(value: object): JsonObject {
  // Of a NUL outside of `targets` the intake keeps it.
  const read = parseStrictJson(new TextEncoder().encode(JSON.stringify(value)), 'anywhere');
  if (!read.ok) throw new Error(read.problem);
  return read.value;
}

export const check = (body: object): ReturnType<typeof validate> =>
  validate(bodyOf(body), config, checks, 'bot');

/** The reasons against a body; none if it is right. */
export function reasonsAgainst(body: object): readonly Reason[] {
  const result = check(body);
  return isRefusal(result) ? result.reasons : [];
}

export function validated(body: object): Validated {
  const result = check(body);
  if (isRefusal(result)) throw new Error(result.reasons.map(reason => reason.message).join('\n'));
  return result;
}
