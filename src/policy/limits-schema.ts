import type { JsonObject } from '../kit/strict-json.ts';
import { effectName } from '../kit/text.ts';
import {
  changeOf,
  keptKey,
  mapOf,
  wordOf,
  type LimitShape,
  type LimitWord,
  type MapShape,
} from './limit-shape.ts';
import type { CheckManifest, LimitKey } from './manifest.ts';

const name = { type: 'string', minLength: 1 };
const shareText = { type: 'string', pattern: '^(0|[1-9][0-9]{0,2})(\\.[0-9]{1,4})?%$' };
const nameList = { type: 'array', items: name, minItems: 1, uniqueItems: true };

/** The words as people write them. What depends on the kinds that are declared, only the reader can check. */
const written: Readonly<Record<LimitWord, JsonObject>> = {
  count: { type: 'integer', minimum: 0 },
  positive: { type: 'integer', minimum: 1 },
  share: {
    oneOf: [
      shareText,
      {
        type: 'object',
        properties: { share: shareText, at_least: { type: 'integer', minimum: 1 } },
        required: ['share', 'at_least'],
        additionalProperties: false,
      },
    ],
  },
  duration: { type: 'string', pattern: '^[1-9][0-9]{0,9}[smhd]$' },
  scope: name,
  dimension: name,
  fleet_or_dimension: name,
  label: name,
  weight: name,
  values: nameList,
  kind: name,
  ids: nameList,
  selector: {
    type: 'object',
    minProperties: 1,
    additionalProperties: { oneOf: [name, nameList] },
  },
  effect: { type: 'string', pattern: effectName.source },
  word: name,
  yes: { const: true },
  action: name,
  requester: name,
  time: { type: 'string', format: 'date-time' },
  line: name,
  // Which they are the manifests say.
  limits: { type: 'object', minProperties: 1 },
};

const text = { type: 'string' };
const whole = { type: 'integer', minimum: 0 };
const texts = { type: 'array', items: text };

/** The words as policies see them. */
const kept: Readonly<Record<LimitWord, JsonObject>> = {
  count: whole,
  positive: whole,
  share: {
    type: 'object',
    properties: { share_ppm: whole, at_least: whole },
    required: ['share_ppm', 'at_least'],
    additionalProperties: false,
  },
  duration: whole,
  scope: text,
  dimension: text,
  fleet_or_dimension: text,
  label: text,
  weight: text,
  values: texts,
  kind: text,
  ids: texts,
  selector: { type: 'object', additionalProperties: texts },
  effect: text,
  word: text,
  yes: { type: 'boolean' },
  action: text,
  requester: text,
  time: whole,
  line: text,
  limits: { type: 'object' },
};

const draft = 'http://json-schema.org/draft-07/schema#';

const keysOn = (manifests: readonly CheckManifest[], on: LimitKey['on']): LimitKey[] =>
  manifests.flatMap(({ keys }) => keys.filter(key => key.on === on));

/** JSON Schema of limits.yaml, for editors. Made from the manifests. */
export function limitsFileSchema(manifests: readonly CheckManifest[]): JsonObject {
  const entry = keysOn(manifests, 'action');
  const top = keysOn(manifests, 'top');
  return {
    $schema: draft,
    title: 'The limits of an Interlock gate',
    type: 'object',
    required: ['actions'],
    additionalProperties: false,
    properties: {
      actions: {
        type: 'object',
        additionalProperties: {
          oneOf: [{ $ref: '#/$defs/entry' }, { $ref: '#/$defs/profiled' }],
        },
      },
      ...Object.fromEntries(top.map(({ key, schema }) => [key, writtenSchema(schema)])),
    },
    $defs: {
      entry: {
        type: 'object',
        required: entry.filter(({ required }) => required).map(({ key }) => key),
        additionalProperties: false,
        properties: Object.fromEntries(entry.map(({ key, schema }) => [key, writtenSchema(schema)])),
      },
      profiled: {
        type: 'object',
        required: ['like'],
        additionalProperties: false,
        properties: {
          like: { type: 'string', pattern: '^[a-z]+(@[1-9][0-9]*)?$' },
          ...Object.fromEntries(entry.map(({ key, schema }) => [key, droppable(changeSchema(schema))])),
        },
      },
      ...written,
      limits: {
        ...written.limits,
        additionalProperties: false,
        properties: Object.fromEntries(
          entry
            .filter(({ loosen }) => loosen !== undefined)
            .map(({ key, schema }) => [key, writtenSchema(changeOf(schema))]),
        ),
      },
    },
  };
}

/** `none` drops what the profile has. */
const droppable = (schema: JsonObject): JsonObject => ({ oneOf: [{ const: 'none' }, schema] });

/** A map beside `like` says only what is other than in the profile. */
function changeSchema(shape: LimitShape): JsonObject {
  const map = mapOf(shape);
  if (map === undefined) return writtenSchema(shape);
  const { additionalProperties: each } = map;
  const plain = writtenSchema(map);
  return each === undefined || each === false
    ? plain
    : { ...plain, required: [], additionalProperties: droppable(changeSchema(each)) };
}

/** A shape is JSON Schema already; only its type says less than JSON may hold. */
function writtenSchema(shape: LimitShape): JsonObject {
  const plain = JSON.stringify(shape, (key, value: unknown) => (key.startsWith('x-') ? undefined : value));
  // A shape was read from JSON or YAML, so writing and reading it loses nothing.
  return JSON.parse(plain) as JsonObject;
}

/** JSON Schema of `data.limits`, for `opa check`. Made from the manifests, without references: opa's reader is plain. */
export function keptLimitsSchema(manifests: readonly CheckManifest[]): JsonObject {
  const top = keysOn(manifests, 'top');
  return {
    $schema: draft,
    type: 'object',
    additionalProperties: false,
    required: ['actions', ...top.map(({ key }) => key)],
    properties: {
      actions: {
        type: 'object',
        additionalProperties: {
          type: 'object',
          additionalProperties: false,
          properties: Object.fromEntries(
            keysOn(manifests, 'action').map(({ key, schema }) => [key, keptSchema(schema)]),
          ),
        },
      },
      ...Object.fromEntries(top.map(({ key, schema }) => [key, keptSchema(schema)])),
    },
  };
}

function keptSchema(shape: LimitShape): JsonObject {
  if ('$ref' in shape) return kept[wordOf(shape)];
  if ('const' in shape || 'enum' in shape) return text;
  if ('type' in shape)
    return shape.type === 'array' ? { type: 'array', items: keptSchema(shape.items) } : keptMapSchema(shape);
  return { oneOf: shape.oneOf.map(keptSchema) };
}

function keptMapSchema({ properties, additionalProperties }: MapShape): JsonObject {
  return {
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(properties ?? {}).map(([key, shape]) => [keptKey(key, shape), keptSchema(shape)]),
    ),
    additionalProperties:
      additionalProperties === undefined || additionalProperties === false
        ? false
        : keptSchema(additionalProperties),
  };
}
