import {
  changeOf,
  innerShape,
  isMeasure,
  keptKey,
  mapOf,
  wordOf,
  type LimitShape,
  type LimitWord,
  type ListShape,
  type MapShape,
} from '../policy/limit-shape.ts';
import { didYouMean, listNames, quote } from '../kit/text.ts';
import { readWord, type Kept, type Scene } from './limits-words.ts';
import type { YamlPath } from './yaml-file.ts';

/**
 * Reads one value of the limits file by its shape, and reports every problem in it.
 * @returns what is kept; undefined when a problem was reported
 */
export function readLimit(shape: LimitShape, value: unknown, path: YamlPath, scene: Scene): Kept | undefined {
  if ('$ref' in shape)
    return wordOf(shape) === 'limits' ? readLimits(value, path, scene) : readWord(shape, value, path, scene);
  if ('const' in shape) return readOneOf([shape.const], value, path, scene);
  if ('enum' in shape) return readOneOf(shape.enum, value, path, scene);
  if ('type' in shape)
    return shape.type === 'array' ? readList(shape, value, path, scene) : readMap(shape, value, path, scene);
  const [word, other] = shape.oneOf;
  if (value === word.const) return word.const;
  if (typeof value === 'string' || value === null || value === undefined) {
    scene.report(path, `must be ${quote(word.const)} or a ${other.type === 'array' ? 'list' : 'map'}`);
    return undefined;
  }
  return readLimit(other, value, path, scene);
}

/** Limits of an entry that exceptions may loosen, each as far as it is said. */
function readLimits(value: unknown, path: YamlPath, scene: Scene): Kept | undefined {
  if (!isMapValue(value) || Object.keys(value).length === 0) {
    scene.report(path, 'must be a map that is not empty: from a limit of the entry to its value');
    return undefined;
  }
  const open = [...scene.keys.values()].filter(({ loosen }) => loosen !== undefined).map(({ key }) => key);
  const pairs = Object.entries(value).map(([name, limit]): readonly [string, Kept] | undefined => {
    const key = scene.keys.get(name);
    if (key === undefined) {
      scene.report([...path, name], `is not a limit${didYouMean(name, open, true)}`);
      return undefined;
    }
    if (key.loosen === undefined) {
      scene.report([...path, name], `is never loosened; what may be is ${listNames(open)}`);
      return undefined;
    }
    const kept = readLimit(changeOf(key.schema), limit, [...path, name], scene);
    return kept === undefined ? undefined : [name, kept];
  });
  return pairs.every(pair => pair !== undefined) ? Object.fromEntries(pairs) : undefined;
}

function readOneOf(
  known: readonly string[],
  value: unknown,
  path: YamlPath,
  scene: Scene,
): string | undefined {
  if (typeof value === 'string' && known.includes(value)) return value;
  scene.report(path, `must be ${known.map(one => quote(one)).join(' or ')}`);
  return undefined;
}

export function isMapValue(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readMap(shape: MapShape, value: unknown, path: YamlPath, outer: Scene): Kept | undefined {
  if (!isMapValue(value)) {
    outer.report(path, 'must be a map');
    return undefined;
  }
  const keys = Object.keys(value);
  if (keys.length === 0) {
    outer.report(path, 'must not be empty: nothing here would be no limit');
    return undefined;
  }
  const scene = sceneWithin(shape, value, outer);
  if (shape['x-needs'] === 'state' && scene.kind !== undefined && scene.kind.state === undefined) {
    scene.report(path, `needs a kind with \`state\`, and ${scene.kind.name} has none`);
    return undefined;
  }
  const isWhole = hasWhatItMust(shape, keys, path, scene);
  const kept = keys.map(key => readPair(shape, key, value[key], [...path, key], scene));
  if (!isWhole || !kept.every(pair => pair !== undefined)) return undefined;
  const read = Object.fromEntries(kept);
  return endsAfterItBegins(shape, read, path, scene) ? read : undefined;
}

/** The key under which what is written under another one is kept. */
function keptOf(shape: MapShape, key: string): string {
  const inner = innerShape(shape, key);
  return inner === undefined ? key : keptKey(key, inner);
}

/** An interval that is over before it begins would limit nothing. */
function endsAfterItBegins(
  shape: MapShape,
  read: Readonly<Record<string, Kept>>,
  path: YamlPath,
  scene: Scene,
): boolean {
  if (shape['x-before'] === undefined) return true;
  const [begin, end] = shape['x-before'];
  const [beginMs, endMs] = [read[keptOf(shape, begin)], read[keptOf(shape, end)]];
  if (typeof beginMs !== 'number' || typeof endMs !== 'number' || beginMs < endMs) return true;
  scene.report([...path, end], `must be later than \`${begin}\``);
  return false;
}

/** A map that names its kind, or its action, speaks of the dimensions and labels of that kind; without a known one, of none. */
function sceneWithin(
  { properties = {} }: MapShape,
  value: Readonly<Record<string, unknown>>,
  scene: Scene,
): Scene {
  const named = (key: 'kind' | 'action'): string => {
    const one = value[key];
    return typeof one === 'string' ? one : '';
  };
  if (isWord(properties['kind'], 'kind')) return { ...scene, kind: scene.kinds.get(named('kind')) };
  if (!isWord(properties['action'], 'action')) return scene;
  return { ...scene, kind: scene.kinds.get(scene.actions.get(named('action'))?.kind ?? '') };
}

const isWord = (shape: LimitShape | undefined, word: LimitWord): boolean =>
  shape !== undefined && '$ref' in shape && wordOf(shape) === word;

function hasWhatItMust(shape: MapShape, keys: readonly string[], path: YamlPath, scene: Scene): boolean {
  const missing = (shape.required ?? []).filter(key => !keys.includes(key));
  for (const key of missing) scene.report(path, `lacks \`${key}\``);
  const choices = (shape.oneOf ?? []).map(({ required: [key] }) => key);
  const chosen = choices.filter(key => keys.includes(key));
  const isChosen = choices.length === 0 || chosen.length === 1;
  if (!isChosen) scene.report(path, `must have exactly one of ${listNames(choices)}`);
  const wanted = (shape.anyOf ?? []).map(({ required: [key] }) => key);
  const isSaid = wanted.length === 0 || wanted.some(key => keys.includes(key));
  if (!isSaid) scene.report(path, `must have at least one of ${listNames(wanted)}`);
  return missing.length === 0 && isChosen && isSaid;
}

function readPair(
  shape: MapShape,
  key: string,
  value: unknown,
  path: YamlPath,
  scene: Scene,
): readonly [string, Kept] | undefined {
  const { properties = {} } = shape;
  const isOwn = Object.hasOwn(properties, key);
  const inner = innerShape(shape, key);
  if (inner === undefined) {
    scene.report(path, `is not a key here${didYouMean(key, Object.keys(properties), true)}`);
    return undefined;
  }
  const isNamed =
    isOwn ||
    shape.propertyNames === undefined ||
    readWord(shape.propertyNames, key, path, scene) !== undefined;
  const kept = readLimit(inner, value, path, scene);
  return isNamed && kept !== undefined ? [isOwn ? keptKey(key, inner) : key, kept] : undefined;
}

function readList(shape: ListShape, value: unknown, path: YamlPath, scene: Scene): Kept | undefined {
  if (!Array.isArray(value)) {
    scene.report(path, 'must be a list');
    return undefined;
  }
  if (value.length < shape.minItems) {
    scene.report(path, 'must not be empty: nothing here would be no limit');
    return undefined;
  }
  const kept = value.map((item: unknown, index) => readLimit(shape.items, item, [...path, index], scene));
  if (!kept.every(item => item !== undefined)) return undefined;
  const isInOrder = isOrdered(shape, kept, path, scene);
  // Stages stand in an order, and two may be alike but for what grows.
  const isDistinct = shape['x-grows'] !== undefined || reportTwins(shape, kept, path, scene);
  const lacked = shape.contains === undefined ? [] : lacks(shape.contains.properties, kept);
  if (lacked.length > 0) scene.report(path, `must have an item with ${lacked.join(', ')}`);
  return isInOrder && isDistinct && lacked.length === 0 ? kept : undefined;
}

/** Reports each item whose share does not grow, and each but the last that lacks what these must have. */
function isOrdered(shape: ListShape, items: readonly Kept[], path: YamlPath, scene: Scene): boolean {
  const { 'x-grows': grows, 'x-but-last': butLast } = shape;
  const inner = mapOf(shape.items);
  const kept = butLast !== undefined && inner !== undefined ? keptOf(inner, butLast) : butLast;
  let isInOrder = true;
  const report = (index: number, message: string): void => {
    scene.report([...path, index], message);
    isInOrder = false;
  };
  const shareOf = (item: Kept | undefined): unknown => {
    const share = grows !== undefined && isMapValue(item) ? item[grows] : undefined;
    return isMapValue(share) ? share['share_ppm'] : undefined;
  };
  items.forEach((item, index) => {
    const [before, share] = [shareOf(items[index - 1]), shareOf(item)];
    if (index === 0 && isNothing(item, grows))
      report(index, `must have a \`${grows}\` above 0: what holds nothing is never entered`);
    if (typeof before === 'number' && typeof share === 'number' && share <= before)
      report(index, `must have a larger \`${grows}\` than the item before it`);
    const isLast = index === items.length - 1;
    const has = isMapValue(item) && kept !== undefined && Object.hasOwn(item, kept);
    if (butLast !== undefined && !isLast && !has)
      report(index, `lacks \`${butLast}\`, which all but the last must have`);
  });
  return isInOrder;
}

/** Of a share: neither a part of something, nor a number. */
function isNothing(item: Kept | undefined, key: string | undefined): boolean {
  const share = key !== undefined && isMapValue(item) ? item[key] : undefined;
  return isMapValue(share) && share['share_ppm'] === 0 && share['at_least'] === 0;
}

/** Reports each item that limits what one before it limits already, be it to the same or to another number. */
function reportTwins(shape: ListShape, items: readonly Kept[], path: YamlPath, scene: Scene): boolean {
  const firsts = new Map<string, { readonly index: number; readonly text: string }>();
  items.forEach((item, index) => {
    const [what, text] = [JSON.stringify(whatOf(shape, item)), JSON.stringify(item)];
    const first = firsts.get(what);
    if (first === undefined) firsts.set(what, { index, text });
    else if (first.text === text) scene.report([...path, index], 'is there twice');
    else
      scene.report([...path, index], `limits the same as item ${first.index}, to another number: keep one`);
  });
  return firsts.size === items.length;
}

/** What a limit is on, without how much it lets through. A number and a share are two limits, and may stand side by side. */
function whatOf({ items: shape, 'x-once': once }: ListShape, item: Kept): Kept {
  if (!isMapValue(item) || !('type' in shape) || shape.type !== 'object') return item;
  const { properties = {} } = shape;
  return Object.fromEntries(
    Object.entries(item)
      .filter(([key]) => once === undefined || once.includes(key))
      .map(([key, kept]): [string, Kept] => [key, unmeasured(properties[key], kept)])
      .toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

/** Without its number; of a map of numbers, as of shares by weight, its keys. */
function unmeasured(shape: LimitShape | undefined, kept: Kept): Kept {
  if (isMeasure(shape)) return '';
  const isMap = shape !== undefined && 'type' in shape && shape.type === 'object' && isMapValue(kept);
  return isMap && isMeasure(shape.additionalProperties) ? Object.keys(kept).toSorted() : kept;
}

/** What no item of a list has all of; empty when one has. */
function lacks(
  wanted: Readonly<Record<string, { readonly const: string }>>,
  items: readonly Kept[],
): string[] {
  const pairs = Object.entries(wanted);
  const isThere = items.some(
    item => isMapValue(item) && pairs.every(([key, { const: one }]) => item[key] === one),
  );
  return isThere ? [] : pairs.map(([key, { const: one }]) => `\`${key}: ${one}\``);
}
