import { z } from 'zod';
import { listNames } from '../kit/text.ts';

const TYPES: Readonly<Record<string, string>> = {
  object: 'a map',
  record: 'a map',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

/** What a value must be, in the words of whoever writes the file; undefined where the library's own must do. */
export function sayPlainly(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') {
    const type = TYPES[issue.expected];
    return type === undefined ? undefined : `must be ${type}`;
  }
  if (issue.code === 'invalid_value')
    return `must be ${issue.values.length > 1 ? 'one of ' : ''}${listNames(issue.values.map(String), 20)}`;
  if (issue.code === 'too_small')
    return ['array', 'set', 'map'].includes(issue.origin)
      ? `must have at least ${issue.minimum} of them`
      : `must be at least ${issue.minimum}`;
  return undefined;
}

/** The keys that may stand at a path of what this schema takes; none where it is no map of named keys. */
export function keysAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  let here: unknown = schema;
  for (const key of path) here = inside(bare(here), key);
  const found = bare(here);
  return found instanceof z.ZodObject ? Object.keys(found.shape) : [];
}

/** Without what says that it may be left out. */
function bare(schema: unknown): unknown {
  return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault ? bare(schema.unwrap()) : schema;
}

function inside(schema: unknown, key: PropertyKey): unknown {
  if (schema instanceof z.ZodArray) return schema.element;
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (!(schema instanceof z.ZodObject)) return undefined;
  return new Map<PropertyKey, unknown>(Object.entries(schema.shape)).get(key);
}
