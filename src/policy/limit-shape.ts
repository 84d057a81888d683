import { z } from 'zod';

/**
 * How a check's manifest describes the value of its key in the limits file: a small part of JSON Schema, whose leaves are
 * the vocabulary below. Three readers share it: the limits file's reader (src/config/limits-value.ts), the JSON Schema of
 * the file, and the JSON Schema of what policies see as `data.limits`.
 */
export type LimitShape = RefShape | ConstShape | EnumShape | MapShape | ListShape | EitherShape;

/** The vocabulary. Adding a word means adding it here and to the reader. */
const limitWords = [
  'count',
  'positive',
  'share',
  'duration',
  'scope',
  'dimension',
  'fleet_or_dimension',
  'label',
  'weight',
  'values',
  'kind',
  'ids',
  'selector',
  'effect',
  'word',
  'yes',
  'action',
  'requester',
  'time',
  'line',
  'limits',
] as const;
export type LimitWord = (typeof limitWords)[number];

export interface RefShape {
  readonly $ref: `#/$defs/${LimitWord}`;
}
export interface ConstShape {
  readonly const: string;
}
export interface EnumShape {
  readonly enum: readonly string[];
}
export interface MapShape {
  readonly type: 'object';
  readonly properties?: Readonly<Record<string, LimitShape>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly propertyNames?: RefShape | undefined;
  readonly additionalProperties?: LimitShape | false | undefined;
  readonly minProperties?: number | undefined;
  /** Exactly one of these keys. */
  readonly oneOf?: readonly { readonly required: readonly [string] }[] | undefined;
  /** At least one of these keys. */
  readonly anyOf?: readonly { readonly required: readonly [string] }[] | undefined;
  /** `state`: only on kinds that have one. */
  readonly 'x-needs'?: 'state' | undefined;
  /** The time under the first key is before the one under the second, where both are there. */
  readonly 'x-before'?: readonly [string, string] | undefined;
}
export interface ListShape {
  readonly type: 'array';
  readonly items: LimitShape;
  readonly minItems: number;
  readonly uniqueItems: true;
  /** One of the items, at least, has this. */
  readonly contains?: ContainsShape | undefined;
  /** No two items have the same under these keys: what an item is about, where a number of it is no measure by itself. */
  readonly 'x-once'?: readonly string[] | undefined;
  /** The share under this key grows from item to item; the first lets something through. */
  readonly 'x-grows'?: string | undefined;
  /** All items but the last have this key. */
  readonly 'x-but-last'?: string | undefined;
}
interface ContainsShape {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, ConstShape>>;
  readonly required: readonly string[];
}
export interface EitherShape {
  readonly oneOf: readonly [ConstShape, MapShape | ListShape];
}

const refShape = z.strictObject({
  $ref: z.templateLiteral(['#/$defs/', z.enum(limitWords)]),
});
const constShape = z.strictObject({ const: z.string().min(1) });
const enumShape = z.strictObject({ enum: z.array(z.string().min(1)).min(1) });
const containsShape = z.strictObject({
  type: z.literal('object'),
  properties: z.record(z.string(), constShape),
  required: z.array(z.string()).min(1),
});

const mapShape: z.ZodType<MapShape> = z.strictObject({
  type: z.literal('object'),
  get properties() {
    return z.record(z.string(), limitShape).optional();
  },
  required: z.array(z.string()).optional(),
  propertyNames: refShape.optional(),
  get additionalProperties() {
    return z.union([limitShape, z.literal(false)]).optional();
  },
  minProperties: z.int().min(1).optional(),
  oneOf: z.array(z.strictObject({ required: z.tuple([z.string()]) })).optional(),
  anyOf: z.array(z.strictObject({ required: z.tuple([z.string()]) })).optional(),
  'x-needs': z.literal('state').optional(),
  'x-before': z.tuple([z.string(), z.string()]).optional(),
});

/** Lists are never empty and hold nothing twice: an empty list says nothing, and nothing is no limit. */
const listShape: z.ZodType<ListShape> = z.strictObject({
  type: z.literal('array'),
  get items() {
    return limitShape;
  },
  minItems: z.int().min(1),
  uniqueItems: z.literal(true),
  contains: containsShape.optional(),
  'x-once': z.array(z.string()).min(1).optional(),
  'x-grows': z.string().optional(),
  'x-but-last': z.string().optional(),
});

const eitherShape: z.ZodType<EitherShape> = z.strictObject({
  oneOf: z.tuple([constShape, z.union([mapShape, listShape])]),
});

/** Reads a shape, and refuses whatever of JSON Schema is not in this small part of it. */
export const limitShape: z.ZodType<LimitShape> = z.union([
  refShape,
  constShape,
  enumShape,
  z.lazy(() => mapShape),
  z.lazy(() => listShape),
  z.lazy(() => eitherShape),
]);

export const wordOf = (shape: RefShape): LimitWord => {
  const word = limitWords.find(one => shape.$ref === `#/$defs/${one}`);
  if (word === undefined) throw new Error(`${shape.$ref} is not in the vocabulary of limits`);
  return word;
};

/** Words whose value is how much a limit lets through, and not what it is on. */
const measures: ReadonlySet<LimitWord> = new Set(['count', 'positive', 'share']);

export const isMeasure = (shape: LimitShape | false | undefined): boolean =>
  shape !== undefined && shape !== false && '$ref' in shape && measures.has(wordOf(shape));

const units: Partial<Record<LimitWord, string>> = { duration: '_s', time: '_ms' };

/** The key under which a limit's part is kept: a duration says that it is kept in whole seconds, and a time in milliseconds. */
export const keptKey = (key: string, shape: LimitShape): string =>
  key + ('$ref' in shape ? (units[wordOf(shape)] ?? '') : '');

/** As a map says only what is other than in the entry: nothing that it must have. */
export function changeOf(shape: LimitShape): LimitShape {
  return 'type' in shape && shape.type === 'object' ? { ...shape, required: undefined } : shape;
}

/** The map that a shape is, or may be. */
export function mapOf(shape: LimitShape): MapShape | undefined {
  if ('type' in shape) return shape.type === 'object' ? shape : undefined;
  if (!('oneOf' in shape)) return undefined;
  const [, other] = shape.oneOf;
  return other.type === 'object' ? other : undefined;
}

/** What a map's shape says of one of its keys. */
export function innerShape(
  { properties, additionalProperties }: MapShape,
  key: string,
): LimitShape | undefined {
  if (properties !== undefined && Object.hasOwn(properties, key)) return properties[key];
  return additionalProperties === false ? undefined : additionalProperties;
}
