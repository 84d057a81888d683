import { canonicalJson } from '../kit/canonical-json.ts';
import { isJsonList, isJsonObject, type Json, type JsonObject } from '../kit/strict-json.ts';
import { pointerSegment } from '../kit/text.ts';

/** A schema as the configuration has it: JSON. */
type Schema = Json | undefined;

/** Whether a value follows the part of the schema at a JSON Pointer. */
export type FollowsPart = (pointer: string, value: Json) => boolean;

/** What a schema names of a value: places in it, as JSON Pointers. */
export interface NamedPlaces {
  /** The value there, or one that it is in, is one of an `enum`, or a `const`. */
  hasValue(pointer: string): boolean;
  /** The key of the member there is one of `properties`, or named for `propertyNames`. */
  hasKey(pointer: string): boolean;
}

/**
 * Finds what a schema names of a value, on the way that the value takes through it: of `anyOf` and `oneOf` only the branches
 * that it follows count, of `if` only what comes of it. What this does not follow names nothing, which is a no: `$dynamicRef`,
 * references to anchors, parts with an `$id` of their own, `contains`, `not`, and the `unevaluated` keywords.
 * @param isWanted the places worth going to; all else is passed by
 */
export function findNamed(
  schema: Schema,
  value: Json,
  follows: FollowsPart,
  isWanted: (pointer: string) => boolean,
): NamedPlaces {
  const walk = new Walk(schema, follows, isWanted);
  walk.visit(schema, '', value, '');
  return walk;
}

class Walk implements NamedPlaces {
  readonly #values = new Set<string>();
  readonly #keys = new Set<string>();
  readonly #seen = new Set<string>();
  readonly #root: Schema;
  readonly #follows: FollowsPart;
  readonly #isWanted: (pointer: string) => boolean;

  constructor(root: Schema, follows: FollowsPart, isWanted: (pointer: string) => boolean) {
    this.#root = root;
    this.#follows = follows;
    this.#isWanted = isWanted;
  }

  hasValue(pointer: string): boolean {
    for (let end = pointer.length; end >= 0; end = end === 0 ? -1 : pointer.lastIndexOf('/', end - 1))
      if (this.#values.has(pointer.slice(0, end))) return true;
    return false;
  }

  hasKey(pointer: string): boolean {
    return this.#keys.has(pointer);
  }

  /**
   * @param at where the part stands in the schema
   * @param place where the value stands in the whole value
   */
  visit(part: Schema, at: string, value: Json, place: string): void {
    if (!isJsonObject(part) || (at !== '' && Object.hasOwn(part, '$id'))) return;
    const step = `${at}\n${place}`;
    if (this.#seen.has(step)) return;
    this.#seen.add(step);
    if (names(part, value)) this.#values.add(place);
    this.#visitReference(part['$ref'], value, place);
    this.#visitBranches(part, at, value, place);
    if (isJsonList(value)) this.#visitItems(part, at, value, place);
    else if (isJsonObject(value)) this.#visitMembers(part, at, value, place);
  }

  #visitReference(reference: Schema, value: Json, place: string): void {
    if (typeof reference !== 'string' || !/^#(?:\/|$)/.test(reference)) return;
    const at = decodeURIComponent(reference.slice(1));
    const part = partAt(this.#root, at);
    if (part !== undefined) this.visit(part, at, value, place);
  }

  #visitBranches(part: JsonObject, at: string, value: Json, place: string): void {
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

  #visitItems(part: JsonObject, at: string, list: readonly Json[], place: string): void {
    const first = listOf(part['prefixItems']);
    for (const [index, item] of list.entries()) {
      const there = `${place}/${index}`;
      if (!this.#isWanted(there)) continue;
      if (index < first.length) this.visit(first[index], `${at}/prefixItems/${index}`, item, there);
      else this.visit(part['items'], `${at}/items`, item, there);
    }
  }

  #visitMembers(part: JsonObject, at: string, object: JsonObject, place: string): void {
    const properties = mapOf(part['properties']);
    const patterns = Object.entries(mapOf(part['patternProperties']));
    const dependent = mapOf(part['dependentSchemas']);
    for (const [name, member] of Object.entries(object)) {
      if (Object.hasOwn(dependent, name))
        this.visit(dependent[name], `${at}/dependentSchemas${pointerSegment(name)}`, object, place);
      const there = place + pointerSegment(name);
      if (!this.#isWanted(there)) continue;
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
