import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { isTargetName, isWildcard, quote } from '../kit/text.ts';
import { parseDurationMs, parseSharePpm } from '../kit/units.ts';
import { isForbiddenName } from './yaml-file.ts';

/**
 * The form of each part of the configuration. Every object is flat and strict: `readConfig` checks one at a time, so that
 * one broken part hides nothing of the others. Nothing here has a default that weakens a guard.
 */

const DAY_MS = 86_400_000;

/** Timers of Node end at 2^31 ms; a day is far below. */
const MAX_TIMEOUT_MS = DAY_MS;
/** What waits longer was decided in another world. */
const MAX_VALID_FOR_MS = 30 * DAY_MS;

/** A schema out of a function that returns the value, or a sentence saying what it must be. */
function text<T extends object | string | number>(read: (text: string) => T | undefined, must: string) {
  return z.string({ error: must }).transform((value, context) => {
    const result = read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: must, input: value });
    return z.NEVER;
  });
}

const duration = (maxMs: number, most: string) =>
  text(value => {
    const durationMs = parseDurationMs(value);
    return durationMs !== undefined && durationMs <= maxMs ? durationMs : undefined;
  }, `must be a duration above 0 like 30s, 15m, 24h or 7d${most}`);

const share = text(parseSharePpm, 'must be a share from 0% to 100% with at most four decimals, like 0.5%');

const name = (pattern: RegExp, reserved: readonly string[], what: string) =>
  text(value => (pattern.test(value) && !reserved.includes(value) ? value : undefined), what);

/** Of what stands as a key in a line of an inventory, and in the limits file. */
const keyName = (pattern: RegExp, reserved: readonly string[], what: string) =>
  name(pattern, reserved, what).refine(value => !isForbiddenName(value), what);

/** Labels stand in tags (`kind:label=value`), in CSV headers (`id`, `weight:…`), and beside `fleet` and `principal` in limits. */
const labelName = keyName(
  /^[A-Za-z][A-Za-z0-9_./-]{0,62}$/,
  ['id', 'fleet', 'principal'],
  'must be a label name: a letter, then letters, digits and _ . / - (63 at most); id, fleet, principal, prototype and what every object has (constructor, toString …) are taken',
);

/** Weights stand in CSV headers (`weight:traffic`), and where limits name them, as labels do. */
export const weightName = keyName(
  /^[A-Za-z][A-Za-z0-9_./-]{0,62}$/,
  [],
  'must be the name of a weight: a letter, then letters, digits and _ . / - (63 at most); prototype and what every object has (constructor, toString …) are taken',
);

/** Kinds stand in paths of the API. */
export const kindName = name(
  /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/,
  [],
  'must be a name: a letter, then letters, digits and _ . - (63 at most)',
);

/** `unknown` is what metrics call an action that is not declared. */
export const actionName = name(
  /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/,
  ['unknown'],
  'must be a name: a letter, then letters, digits and _ . - (63 at most); unknown is taken',
);

export const principalName = name(
  /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/,
  [],
  'must be a name: a letter or digit, then letters, digits and _ . @ - (63 at most)',
);

/** A list in which nothing stands twice. */
function distinct<T extends z.ZodType>(item: T, min: number, must: string) {
  return z.array(item, { error: must }).check(context => {
    const { value } = context;
    if (value.length < min) context.issues.push({ code: 'custom', message: must, input: value });
    for (const [index, one] of value.entries()) {
      if (value.indexOf(one) === index) continue;
      context.issues.push({
        code: 'custom',
        message: `${quote(String(one))} stands twice`,
        input: value,
        path: [index],
      });
    }
  });
}

const flag = z.boolean({ error: 'must be true or false' });

const path = text(
  value => (value.trim().length > 0 && !value.includes('\0') ? value : undefined),
  'must be a path, and not blank',
);

export const DEFAULT_LISTEN = { host: '127.0.0.1', port: 7070 } as const;

const listen = text(readListen, 'must be a host and a port, like 127.0.0.1:7070 or "[::1]:7070"');

/** A host and a port. */
export function readListen(value: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})?)):([0-9]{1,5})$/.exec(value);
  const [, v6, other, digits] = match ?? [];
  const port = Number(digits);
  if (match === null || port > 65_535) return undefined;
  if (v6 !== undefined) return isIPv6(v6) ? { host: v6, port } : undefined;
  return other === undefined ? undefined : { host: other, port };
}

/** What never leaves this machine. A name other than localhost may resolve to anything. */
export const isLoopback = (host: string): boolean =>
  host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));

function readPublicUrl(value: string): string | undefined {
  if (!/^https?:\/\/[^\s?#@\\]+$/i.test(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  const host = url.hostname.replaceAll(/[[\]]/g, '');
  if (url.protocol !== 'https:' && !isLoopback(host)) return undefined;
  return url.href.replace(/\/+$/, '');
}

/** A part with a schema of its own, which also says so when it is missing and may not be. */
const checkedApart = z.unknown().optional();

export const topSchema = z.strictObject({
  listen: listen.default(DEFAULT_LISTEN),
  tls: checkedApart,
  plaintext: z.literal('behind-a-proxy', { error: 'may only be behind-a-proxy' }).optional(),
  public_url: text(
    readPublicUrl,
    'must be an https URL without user, password, query and fragment; http only for loopback',
  ).optional(),
  store: path.optional(),
  policies: path.optional(),
  limits: path.optional(),
  kill_file: path.optional(),
  checkpoints: path.optional(),
  kinds: checkedApart,
  actions: checkedApart,
  principals: checkedApart,
});

export const tlsSchema = z.strictObject({ cert: path, key: path, client_ca: path.optional() });

export const kindSchema = z.strictObject({
  dimensions: distinct(labelName, 1, 'must be a list of label names, at least one'),
  state: checkedApart,
  labels: distinct(labelName, 0, 'must be a list of label names').default([]),
  optional: distinct(labelName, 0, 'must be a list of label names').default([]),
  weights: distinct(weightName, 1, 'must be a list of names of weights, at least one').optional(),
  max_age: duration(Number.POSITIVE_INFINITY, '').optional(),
  sources: checkedApart,
  max_shrink: share,
  max_change: share,
});

const labelValue = text(
  value => (isTargetName(value) && !isWildcard(value) ? value : undefined),
  'must be a value of the label: a letter or digit, then letters, digits and . _ : / -, and no word for "all"',
);

export const stateSchema = z.strictObject({
  label: labelName,
  in_service: distinct(labelValue, 1, 'must be a list of values, at least one'),
});

export const sourceSchema = z.strictObject({
  principal: principalName,
  owns: z.literal('existence', { error: 'may only be existence' }).optional(),
  labels: distinct(labelName, 1, 'must be a list of label names, at least one').optional(),
  weights: distinct(weightName, 1, 'must be a list of names of weights, at least one').optional(),
  max_age: duration(Number.POSITIVE_INFINITY, ''),
});

export const actionSchema = z.strictObject({
  kind: z.string({ error: 'must be the name of a kind' }),
  irreversible: flag.default(false),
  parameters: z.record(z.string(), z.unknown(), { error: 'must be a JSON Schema: a map' }).optional(),
  executor: checkedApart,
});

export const executorSchema = z.strictObject({
  url: text(readExecutorUrl, 'must be an http or https URL without user, password and fragment'),
  timeout: duration(MAX_TIMEOUT_MS, ', at most 1d'),
  concurrency: z
    .int({ error: 'must be a whole number, at least 1' })
    .min(1, { error: 'must be a whole number, at least 1' })
    .max(10_000, { error: 'must be at most 10000' }),
  valid_for: duration(MAX_VALID_FOR_MS, ', at most 30d'),
  idempotent: flag.default(false),
  bearer_file: path.optional(),
});

function readExecutorUrl(value: string): URL | undefined {
  if (!/^https?:\/\/[^\s]+$/i.test(value) || !URL.canParse(value)) return undefined;
  const url = new URL(value);
  return url.username === '' && url.password === '' && !value.includes('#') ? url : undefined;
}

const ROLES = ['requester', 'executor', 'auditor', 'operator', 'inventory', 'observer'] as const;

export const roleName = z.enum(ROLES, { error: `must be one of ${ROLES.join(', ')}` });

/** SHA-256 of nothing: the key of whoever sends none. */
const EMPTY_KEY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const key = text(value => {
  const lower = value.toLowerCase();
  return /^sha256:[0-9a-f]{64}$/.test(lower) && lower !== EMPTY_KEY ? lower : undefined;
}, 'must be sha256: and 64 hexadecimal digits, not of an empty key (`interlock keygen NAME` makes one)');

export const principalSchema = z.strictObject({
  name: principalName,
  keys: distinct(key, 1, 'must be a list of one key, or of two while one is replaced').check(context => {
    if (context.value.length > 2) {
      context.issues.push({
        code: 'custom',
        message: 'must be one key, or two while one is replaced',
        input: context.value,
      });
    }
  }),
  roles: distinct(roleName, 1, 'must be a list of roles, at least one'),
  actions: distinct(
    z.string({ error: 'must be the name of an action' }),
    0,
    'must be a list of actions',
  ).default([]),
  labels: z
    .record(labelName, labelValue, { error: 'must be a map of labels, each to its one value' })
    .refine(labels => Object.keys(labels).length > 0, { error: 'must not be empty: leave it out for none' })
    .optional(),
});
