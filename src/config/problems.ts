import { z } from 'zod';
import { didYouMean, quote } from '../kit/text.ts';
import { FileError, type PlacedProblem } from './config.ts';
import { keysAt, sayPlainly } from './schema-words.ts';
import type { YamlFile, YamlPath } from './yaml-file.ts';

/** Everything that is wrong in one file, gathered, so that a person hears of all of it at once. */
export class Problems {
  readonly #yaml: YamlFile;
  readonly #found: PlacedProblem[] = [];

  constructor(yaml: YamlFile) {
    this.#yaml = yaml;
  }

  add(path: YamlPath, message: string): void {
    this.#found.push(this.#yaml.problemAt(path, message));
  }

  /** Where something stands, for what can only be found wrong when this file is read. */
  placeOf(path: YamlPath): Omit<PlacedProblem, 'message'> {
    const { message: _, ...place } = this.#yaml.problemAt(path, '');
    return place;
  }

  /** The checked value, or undefined with its problems added. */
  check<Shape extends z.core.$ZodLooseShape>(
    schema: z.ZodObject<Shape, z.core.$strict>,
    value: unknown,
    path: YamlPath,
  ): z.output<z.ZodObject<Shape, z.core.$strict>> | undefined {
    if (value === undefined || value === null) {
      this.add(path, value === undefined ? 'is missing' : 'is empty');
      return undefined;
    }
    const result = schema.safeParse(value, { error: sayPlainly });
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#addIssue(issue, value, path, schema);
    return undefined;
  }

  #addIssue(issue: z.core.$ZodIssue, value: unknown, above: YamlPath, schema: z.core.$ZodType): void {
    const path = [...above, ...issue.path.map(one => (typeof one === 'number' ? one : String(one)))];
    if (issue.code === 'unrecognized_keys') {
      const known = keysAt(schema, issue.path);
      for (const key of issue.keys)
        this.add([...path, key], `is not known here${didYouMean(key, known, true)}`);
    } else if (issue.path.length === 0 && issue.code === 'invalid_type') {
      this.add(path, 'must be a map');
    } else {
      const found = issue.path.reduce<unknown>(member, value);
      this.add(
        path,
        found === undefined
          ? `is missing: it ${issue.message}`
          : `${issue.message}${path.includes('keys') ? '' : but(found)}`,
      );
    }
  }

  /** A map of at least one entry, as entries; empty with a problem added. */
  entries(value: unknown, path: YamlPath): [string, unknown][] {
    const entries =
      typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
    if (entries.length === 0)
      this.add(path, `${value === undefined ? 'is missing' : 'must be a map'}: at least one entry`);
    return entries;
  }

  /** What was added, by line; undefined if nothing was. */
  toError(): FileError | undefined {
    return this.#found.length === 0
      ? undefined
      : new FileError(this.#found.toSorted((a, b) => a.line - b.line));
  }

  /** @throws FileError if anything was added */
  throwIfAny(): void {
    const error = this.toError();
    if (error !== undefined) throw error;
  }
}

/** A member of whatever it is; undefined if there is none. For looking at a value that was not checked yet. */
export function member(value: unknown, key: PropertyKey): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  // An own property of an object; its type is unknown either way.
  return (value as Readonly<Record<PropertyKey, unknown>>)[key];
}

/** The texts in a list that was not checked yet. */
export const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter(one => typeof one === 'string') : [];

/** Of a URL, or of what should be one: `user:password@`. */
const mayHoldPassword = (found: string): boolean => /:.*@/s.test(found);

/** What was found, for scalars that a person typed; a text in full would show secrets that were put in the wrong place. */
function but(found: unknown): string {
  if (found === null) return ', and is empty';
  if (typeof found === 'number' || typeof found === 'boolean') return `, and is ${found}`;
  const isShort = typeof found === 'string' && found.length <= 24;
  return isShort && !mayHoldPassword(found) ? `, and is ${quote(found)}` : '';
}
