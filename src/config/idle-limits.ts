import {
  innerShape,
  mapOf,
  type LimitShape,
  type ListShape,
  type MapShape,
  type RefShape,
} from '../policy/limit-shape.ts';
import type { Kind } from './config.ts';
import { isMapValue } from './limits-value.ts';
import { lackOf, type Lack } from './limits-words.ts';
import { showPath, type YamlPath } from './yaml-file.ts';

type Entry = Readonly<Record<string, unknown>>;

/** A part of a profile that limits nothing on the action's kind, which has no ground for it. */
export interface IdleLimit {
  /** Below the action's entry: `max_share.rack`, `windows[2]`. */
  readonly key: string;
  /** What the item of the list says that `key` names by its place: `per region, over 24h`. */
  readonly item?: string;
  readonly why: string;
  readonly kind: string;
  readonly lacks: Lack;
}

/** What became of an entry and its profile. */
interface Merged {
  /** Whether a path came from the profile whole. */
  isInherited(path: YamlPath): boolean;
  /** Keys of the profile's map at a path that the entry dropped. */
  droppedAt(path: YamlPath): readonly string[];
}

/**
 * Takes out of an entry what came from a profile and has no ground on the kind: a dimension or label that it does not declare, a state
 * that it does not have. Decided by the declaration alone, never by data; what the entry itself says stays, and is an error where it is read.
 */
export class Idle {
  readonly found: IdleLimit[] = [];
  readonly #kind: Kind;
  readonly #merged: Merged;
  #entryPath: YamlPath = [];
  /** What the item of a list says that is looked at. */
  #item: string | undefined;

  constructor(kind: Kind, merged: Merged) {
    this.#kind = kind;
    this.#merged = merged;
  }

  /** @param path where the entry stands in the file */
  prune(shapeOf: (key: string) => LimitShape | undefined, entry: Entry, path: YamlPath): Entry {
    this.#entryPath = path;
    return this.#pruneKeys(shapeOf, entry, path);
  }

  #pruneKeys(shapeOf: (key: string) => LimitShape | undefined, value: Entry, path: YamlPath): Entry {
    const kept = Object.entries(value).map(([key, one]): [string, unknown] => {
      const shape = shapeOf(key);
      return [key, shape === undefined ? one : this.#pruneValue(shape, one, [...path, key])];
    });
    return Object.fromEntries(kept.filter(([, one]) => one !== undefined));
  }

  /** Undefined where nothing of it has any ground. */
  #pruneValue(shape: LimitShape, value: unknown, path: YamlPath): unknown {
    if ('type' in shape && shape.type === 'array')
      return Array.isArray(value) ? this.#pruneList(shape, value, path) : value;
    if ('$ref' in shape) return this.#pruneName(shape, value, path);
    const map = mapOf(shape);
    if (map === undefined || !isMapValue(value)) return value;
    const pruned = this.#pruneMap(map, value, path);
    if (pruned !== undefined || 'type' in shape || !('oneOf' in shape)) return pruned;
    // What every action must say is said by the word for "nothing" where nothing of it has any ground; not where what had one was dropped.
    const isShortened = this.#merged
      .droppedAt(path)
      .some(
        key => map.propertyNames === undefined || lackOf(map.propertyNames, key, this.#kind) === undefined,
      );
    return isShortened ? undefined : shape.oneOf[0].const;
  }

  /** Of the words, only one that stands in a list by itself: what stands under a key of a map is looked at with its map. */
  #pruneName(shape: RefShape, value: unknown, path: YamlPath): unknown {
    const isItem = typeof path.at(-1) === 'number';
    const wrong =
      isItem && this.#merged.isInherited(path) && typeof value === 'string'
        ? lackOf(shape, value, this.#kind)
        : undefined;
    return wrong === undefined ? value : this.#leaveOut(path, wrong);
  }

  #pruneList(shape: ListShape, value: readonly unknown[], path: YamlPath): unknown {
    const kept = value
      .map((item, index) => {
        this.#item = showItem(item);
        return this.#pruneValue(shape.items, item, [...path, index]);
      })
      .filter(item => item !== undefined);
    this.#item = undefined;
    return kept.length > 0 || value.length === 0 ? kept : undefined;
  }

  #pruneMap(shape: MapShape, value: Entry, path: YamlPath): unknown {
    const why = this.#whyIdle(shape, value, path);
    if (why !== undefined) return this.#leaveOut(path, why);
    const named = Object.entries(value).filter(([key]) => {
      const isOwn = shape.properties !== undefined && Object.hasOwn(shape.properties, key);
      if (isOwn || shape.propertyNames === undefined || !this.#merged.isInherited([...path, key]))
        return true;
      const wrong = lackOf(shape.propertyNames, key, this.#kind);
      if (wrong !== undefined) this.#leaveOut([...path, key], wrong);
      return wrong === undefined;
    });
    const kept = this.#pruneKeys(key => innerShape(shape, key), Object.fromEntries(named), path);
    // What it limits has no ground: what is left only says where and how long.
    if (lostItsChoice(shape, value, kept)) return undefined;
    return Object.keys(kept).length > 0 || Object.keys(value).length === 0 ? kept : undefined;
  }

  /** A map that is idle as a whole: it asks for a state, or names in one of its fields what the kind does not declare. */
  #whyIdle(shape: MapShape, value: Entry, path: YamlPath): Lack | undefined {
    if (!this.#merged.isInherited(path)) return undefined;
    if (shape['x-needs'] === 'state' && this.#kind.state === undefined) return { what: 'state' };
    for (const [key, inner] of Object.entries(shape.properties ?? {})) {
      const wrong =
        '$ref' in inner && Object.hasOwn(value, key) ? lackOf(inner, value[key], this.#kind) : undefined;
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  }

  #leaveOut(path: YamlPath, lacks: Lack): undefined {
    const kind = this.#kind.name;
    const named = lacks.name === undefined ? lacks.what : `${lacks.what} ${lacks.name}`;
    const key = showPath(path.slice(this.#entryPath.length));
    const item = this.#item === undefined ? {} : { item: this.#item };
    this.found.push({ key, ...item, why: `${kind} declares no ${named}`, kind, lacks });
    return undefined;
  }
}

/** `per region, over 24h`: its place in a profile says nothing to whoever has not that file before them. */
function showItem(item: unknown): string | undefined {
  if (!isMapValue(item)) return undefined;
  const words = Object.entries(item).flatMap(([key, one]) =>
    typeof one === 'string' ? `${key} ${one}` : [],
  );
  return words.length === 0 ? undefined : words.join(', ');
}

/** One of some keys must be there, was, and is not any more. */
function lostItsChoice({ oneOf = [] }: MapShape, before: Entry, kept: Entry): boolean {
  const choices = oneOf.map(({ required: [key] }) => key);
  return choices.some(key => Object.hasOwn(before, key)) && !choices.some(key => Object.hasOwn(kept, key));
}
