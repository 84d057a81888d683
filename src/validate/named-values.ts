import { canonicalJson } from '../kit/canonical-json.ts';
import { isJsonList, isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import { pointerSegment } from '../kit/text.ts';
import type { Place } from './place.ts';

/** A schema as the configuration has it: JSON. */
type Schema = Json | undefined;

/** Whether a value follows the part of the schema at a JSON Pointer. */
export type FollowsPart = (pointer: string, value: Json) => boolean;

/** What a schema names of a value. */
export interface NamedPlaces {
  /** The value there, or one that it is in, is one of an `enum`, or a `const`. */
  hasValue(place: Place): boolean;
  /** The key of the member there is one of `properties`, or named for `propertyNames`. */
  hasKey(place: Place): boolean;
}

/**
 * Finds what a schema names of a value, on the way that the value takes through it: of `anyOf` and `oneOf` only the branches
 * that it follows count, of `if` only what comes of it. What this does not follow names nothing, which is a no: `$dynamicRef`,
 * references to anchors, parts with an `$id` of their own, `contains`, `not`, and the `unevaluated` keywords.
 * @param root the place of the whole value: only places that are wanted below it are gone to
 */
export function findNamed(schema: Schema, value: Json, follows: FollowsPart, root: Place): NamedPlaces {
  const walk = new Walk(schema, follows);
  walk.visit(schema, '', value, root);
  return walk;
}

class Walk implements NamedPlaces {
  readonly #values = new Set<Place>();
  readonly #keys = new Set<Place>();
  /** Which parts of the schema have been at a place. */
  readonly #seen = new Map<Place, Set<string>>();
  readonly #root: Schema;
  readonly #follows: FollowsPart;

  constructor(root: Schema, follows: FollowsPart) {
    this.#root = root;
    this.#follows = follows;
  }

  hasValue(place: Place): boolean {
    for (let at: Place | undefined = place; at !== undefined; at = at.parent)
      if (this.#values.has(at)) return true;
    return false;
  }

  hasKey(place: Place): boolean {
    return this.#keys.has(place);
  }

  /**
   * @param at where the part stands in the schema
   * @param place where the value stands in the whole value
   */
  visit(part: Schema, at: string, value: Json, place: Place): void {
    if (!isJsonObject(part) || (at !== '' && Object.hasOwn(part, '$id'))) return;
    const seen = this.#seen.get(place) ?? new Set();
    if (seen.has(at)) return;
    this.#seen.set(place, seen.add(at));
    if (names(part, value)) this.#values.add(place);
    this.#visitReference(part['$ref'], value, place);
    this.#visitBranches(part, at, value, place);
    if (isJsonList(value)) this.#visitItems(part, at, value, place);
    else if (isJsonObject(value)) this.#visitMembers(part, at, value, place);
  }

  #visitReference(reference: Schema, value: Json, place: Place): void {
    if (typeof reference !== 'string' || !/^#(?:\/|$)/.test(reference)) return;
    const at = decodeURIComponent(reference.slice(1));
    const part = partAt(this.#root, at);
    if (part !== undefined) this.visit(part, at, value, place);
  }

  #visitBranches(part: JsonObject, at: string, value: Json, place: Place): void {
    for (const [index, one] of listOf(part['allOf']).entries())
      this.visit(one, `${at}/allOf/${index}`, value, place);
    for (const keyword of ['anyOf', 'oneOf']) {
      for (const [index, one] of listOf(part[keyword]).entries()) {
        const branch = `${at}/${keyword}/${index}`;
        if (this.#follows(branch, value)) this.visit(one, branch, value, place);
      }
    }
    if (!Object.hasOwn(part, 'if')) return;
    const then = this.#follows(`${at}/if`, value) ? 'then' : 'else';
    this.visit(part[then], `${at}/${then}`, value, place);
  }

  #visitItems(part: JsonObject, at: string, list: readonly Json[], place: Place): void {
    const first = listOf(part['prefixItems']);
    for (const [index, item] of list.entries()) {
      const there = place.wanted(String(index));
      if (there === undefined) continue;
      if (index < first.length) this.visit(first[index], `${at}/prefixItems/${index}`, item, there);
      else this.visit(part['items'], `${at}/items`, item, there);
    }
  }

  #visitMembers(part: JsonObject, at: string, object: JsonObject, place: Place): void {
    const properties = mapOf(part['properties']);
    const patterns = Object.entries(mapOf(part['patternProperties']));
    const dependent = mapOf(part['dependentSchemas']);
    for (const [name, member] of Object.entries(object)) {
      if (Object.hasOwn(dependent, name))
        this.visit(dependent[name], `${at}/dependentSchemas${pointerSegment(name)}`, object, place);
      const there = place.wanted(name);
      if (there === undefined) continue;
      const isDeclared = Object.hasOwn(properties, name);
      if (isDeclared || names(mapOf(part['propertyNames']), name)) this.#keys.add(there);
      if (isDeclared) this.visit(properties[name], `${at}/properties${pointerSegment(name)}`, member, there);
      const matching = patterns.filter(([pattern]) => new RegExp(pattern, 'u').test(name));
      for (const [pattern, one] of matching)
        this.visit(one, `${at}/patternProperties${pointerSegment(pattern)}`, member, there);
      if (!isDeclared && matching.length === 0)
        this.visit(part['additionalProperties'], `${at}/additionalProperties`, member, there);
    }
  }
}

const listOf = (value: Schema): readonly Json[] => (isJsonList(value) ? value : []);
const mapOf = (value: Schema): JsonObject => (isJsonObject(value) ? value : {});

/** Whether this very part names the value. */
function names(part: JsonObject, value: Json): boolean {
  const named = [...listOf(part['enum']), ...(part['const'] === undefined ? [] : [part['const']])];
  if (named.length === 0) return false;
  const text = canonicalJson(value);
  return named.some(one => canonicalJson(one) === text);
}

/** The part of a schema at a JSON Pointer; undefined if there is none. */
function partAt(root: Schema, pointer: string): Schema {
  let part: Schema = root;
  for (const segment of pointer.split('/').slice(1)) {
    const key = segment.replaceAll('~1', '/').replaceAll('~0', '~');
    if (isJsonList(part)) part = part[Number(key)];
    else if (isJsonObject(part) && Object.hasOwn(part, key)) part = part[key];
    else return undefined;
    // A part with an `$id` is another document to the references in it.
    if (isJsonObject(part) && Object.hasOwn(part, '$id')) return undefined;
  }
  return part;
}
