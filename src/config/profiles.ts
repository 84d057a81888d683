import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { didYouMean, listNames, quote } from '../kit/text.ts';
import { innerShape, mapOf, type LimitShape } from '../policy/limit-shape.ts';
import type { LimitKey } from '../policy/manifest.ts';
import { weightsOf, type Action, type Kind } from './config.ts';
import { Idle, type IdleLimit } from './idle-limits.ts';
import { isMapValue } from './limits-value.ts';
import type { Scene } from './limits-words.ts';
import { Problems } from './problems.ts';
import { readYamlFile, type YamlPath } from './yaml-file.ts';

/** What an action's entry took from a profile. */
export interface TakenProfile {
  readonly action: string;
  /** `destroy@1` */
  readonly profile: string;
  readonly idle: readonly IdleLimit[];
}

interface Profile {
  readonly name: string;
  readonly isForIrreversible: boolean;
  readonly entry: Readonly<Record<string, unknown>>;
}

const SHIPPED = fileURLToPath(new URL('../../policies/profiles/', import.meta.url));

const profileSchema = z.strictObject({
  for: z.enum(['irreversible actions', 'any action']),
  entry: z.record(z.string(), z.unknown()),
});

/** `destroy@1`, `destroy@2`, …, in the order of names and versions. */
function shippedNames(): string[] {
  const versionOf = (name: string): number => Number(name.slice(name.indexOf('@') + 1));
  return readdirSync(SHIPPED)
    .flatMap(file => /^([a-z]+@[1-9][0-9]*)\.yaml$/.exec(file)?.[1] ?? [])
    .toSorted((a, b) => versionOf(a) - versionOf(b));
}

const withoutVersion = (name: string): string => name.replace(/@.*$/, '');

/** A profile that ships, by its name with a version; without one the newest. Undefined where none is of that name, with the problem reported. */
function findProfile(named: unknown, at: YamlPath, scene: Scene): Profile | undefined {
  const names = shippedNames();
  const name = names.findLast(one => one === named || withoutVersion(one) === named);
  if (name === undefined) {
    const given = typeof named === 'string' ? named : '';
    // Whoever leaves the version out means a name without one.
    const known = [...names.map(withoutVersion), ...names];
    scene.report(at, `must be a profile that ships: ${listNames(names)}${didYouMean(given, known, false)}`);
    return undefined;
  }
  const file = path.join(SHIPPED, `${name}.yaml`);
  const yaml = readYamlFile(file, 'it ships with this program: reinstall that');
  const problems = new Problems(yaml);
  const read = problems.check(profileSchema, yaml.value, []);
  problems.throwIfAny();
  return read && { name, isForIrreversible: read.for === 'irreversible actions', entry: read.entry };
}

/** An action's entry with what its profile gives, as one value to be read; undefined where that was reported to be impossible. */
export interface MergedEntry {
  readonly value: Readonly<Record<string, unknown>>;
  readonly taken: TakenProfile;
  /** Whether what stands at a path of the file came from the profile. */
  readonly isInherited: (path: YamlPath) => boolean;
}

/**
 * Takes the profile that `like` names as the base of an entry: maps merge by key, anything else is replaced whole, `none` drops a key.
 * What of the profile names something that the kind does not declare is left out and said to be idle; what the entry itself says is left as it is.
 */
export function mergeProfile(
  own: Readonly<Record<string, unknown>>,
  keys: ReadonlyMap<string, LimitKey>,
  action: Action,
  path: YamlPath,
  scene: Scene & { readonly kind: Kind },
): MergedEntry | undefined {
  const { like, ...said } = own;
  const profile = findProfile(like, [...path, 'like'], scene);
  if (profile === undefined) return undefined;
  if (profile.isForIrreversible && !action.irreversible) {
    scene.report(
      [...path, 'like'],
      `${profile.name} is for actions that are declared \`irreversible: true\`, and ${quote(action.name)} is not`,
    );
    return undefined;
  }
  const merging = new Merging(profile.name, scene);
  const base = onWeightsOf(scene.kind, onStateOf(scene.kind, profile.entry));
  const merged = merging.mergeKeys(key => keys.get(key)?.schema, base, said, path);
  const idle = new Idle(scene.kind, merging);
  const value = idle.prune(key => keys.get(key)?.schema, merged, path);
  return {
    value,
    taken: { action: action.name, profile: profile.name, idle: idle.found },
    isInherited: merging.isInherited,
  };
}

/**
 * In a profile's `require`, `state` stands for whatever label the kind says its state is in; and a state that the kind counts as in
 * service is none in which something may be done that needs it out of service.
 */
function onStateOf({ state }: Kind, entry: Profile['entry']): Profile['entry'] {
  const { require } = entry;
  if (state === undefined || !isMapValue(require)) return entry;
  const { state: wanted, ...others } = require;
  if (!Array.isArray(wanted)) return entry;
  const out = wanted.filter((value: unknown) => !state.inService.some(one => one === value));
  return { ...entry, require: { [state.label]: out, ...others } };
}

/** In a profile's `max_weight`, also that of a window, `*` stands for each weight of the kind that it does not name. */
function onWeightsOf(kind: Kind, entry: Profile['entry']): Profile['entry'] {
  const named = (holder: unknown): unknown => {
    if (!isMapValue(holder) || !isMapValue(holder['max_weight'])) return holder;
    const { '*': every, ...known } = holder['max_weight'];
    const others = weightsOf(kind).filter(name => every !== undefined && !Object.hasOwn(known, name));
    return { ...holder, max_weight: { ...known, ...Object.fromEntries(others.map(name => [name, every])) } };
  };
  const { windows } = entry;
  const each = { ...entry, ...(Array.isArray(windows) && { windows: windows.map(named) }) };
  const whole = named(each);
  return isMapValue(whole) ? whole : each;
}

const notThere = (profile: string): string => `is not in ${profile}: there is nothing to drop`;

/** Where a profile says `*` it was replaced by the names that the kind declares. */
const notAll = (profile: string): string =>
  `names nothing that can be dropped: of what ${profile} has, each is dropped by its own name, a weight too`;

type ShapeOf = (key: string) => LimitShape | undefined;

/** One merge, which of its paths came from the profile whole, and what of it the entry dropped. */
class Merging {
  readonly #inherited = new Set<string>();
  readonly #dropped = new Map<string, string[]>();
  readonly #profile: string;
  readonly #scene: Scene;

  constructor(profile: string, scene: Scene) {
    this.#profile = profile;
    this.#scene = scene;
  }

  readonly isInherited = (path: YamlPath): boolean =>
    path.some((_, index) => this.#inherited.has(JSON.stringify(path.slice(0, index + 1))));

  /** Keys of the profile that the entry has `none` for, in the map at a path. */
  readonly droppedAt = (path: YamlPath): readonly string[] => this.#dropped.get(JSON.stringify(path)) ?? [];

  mergeKeys(
    shapeOf: ShapeOf,
    base: Readonly<Record<string, unknown>>,
    own: Readonly<Record<string, unknown>>,
    path: YamlPath,
  ): Record<string, unknown> {
    const merged: [string, unknown][] = [];
    for (const key of new Set([...Object.keys(base), ...Object.keys(own)])) {
      const at = [...path, key];
      if (!Object.hasOwn(own, key)) {
        this.#inherited.add(JSON.stringify(at));
        merged.push([key, base[key]]);
      } else if (own[key] !== 'none') {
        merged.push([key, this.#mergeValue(shapeOf(key), base[key], own[key], at)]);
      } else if (Object.hasOwn(base, key)) {
        this.#dropped.set(JSON.stringify(path), [...this.droppedAt(path), key]);
      } else {
        this.#scene.report(at, key === '*' ? notAll(this.#profile) : notThere(this.#profile));
      }
    }
    return Object.fromEntries(merged);
  }

  #mergeValue(shape: LimitShape | undefined, base: unknown, own: unknown, path: YamlPath): unknown {
    const map = shape === undefined ? undefined : mapOf(shape);
    // An empty map is an error where it is read, here as anywhere: it says nothing.
    if (map === undefined || !isMapValue(base) || !isMapValue(own) || Object.keys(own).length === 0)
      return own;
    return this.mergeKeys(key => innerShape(map, key), base, own, path);
  }
}
