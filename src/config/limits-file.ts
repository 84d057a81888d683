import { didYouMean } from '../kit/text.ts';
import type { Limits } from '../policy/limits.ts';
import type { CheckManifest, LimitKey } from '../policy/manifest.ts';
import { FileError, type Action, type Config, type PlacedProblem } from './config.ts';
import { setExceptions } from './exceptions.ts';
import { checkFreezes } from './freezes.ts';
import { findLimitGaps, type LimitGaps } from './limit-gaps.ts';
import { isMapValue, readLimit } from './limits-value.ts';
import type { Kept, Scene } from './limits-words.ts';
import { mergeProfile, type TakenProfile } from './profiles.ts';
import { readYamlFile, type YamlPath } from './yaml-file.ts';

/** The limits in force, each entry whole, and what of them came from which profile. */
export interface LoadedLimits {
  readonly limits: Limits;
  readonly profiles: readonly TakenProfile[];
  readonly gaps: LimitGaps;
}

/**
 * Reads limits.yaml: what it may say is what the manifests of the loaded bundle's checks say it may.
 * @param declared what the configuration declares; an action without an entry is no problem here: it is never allowed
 * @throws FileError with every problem, each with its path and line
 */
export function loadLimits(
  file: string,
  declared: Pick<Config, 'kinds' | 'actions' | 'principals'>,
  manifests: readonly CheckManifest[],
): LoadedLimits {
  const { kinds, actions, principals } = declared;
  const yaml = readYamlFile(file, '`limits` of the configuration names it');
  const problems: PlacedProblem[] = [];
  const scene: Scene = {
    kinds,
    actions,
    requesters: principals.filter(({ roles }) => roles.has('requester')).map(({ name }) => name),
    kind: undefined,
    keys: keysOn(manifests, 'action'),
    report: (path, message) => void problems.push(yaml.problemAt(path, message)),
  };
  const profiles: TakenProfile[] = [];
  const read = readTop(yaml.value, { manifests, actions, profiles }, scene);
  const kept = read && setExceptions(read, scene);
  if (read !== undefined) checkFreezes(read, principals, scene);
  if (problems.length > 0) throw new FileError(problems.toSorted((a, b) => a.line - b.line));
  if (kept === undefined) throw new FileError([yaml.problemAt([], 'cannot be read')]);
  // The gate's bundles carry the checks that `Limits` speaks of (see loadBundle), and each value was read by its shape.
  const limits = kept as unknown as Limits;
  return { limits, profiles, gaps: findLimitGaps(declared, limits, profiles) };
}

/** What the file may speak of, and where the profiles that it takes are noted. */
interface Reading {
  readonly manifests: readonly CheckManifest[];
  readonly actions: ReadonlyMap<string, Action>;
  readonly profiles: TakenProfile[];
}

const keysOn = (manifests: readonly CheckManifest[], on: LimitKey['on']): Map<string, LimitKey> =>
  new Map(manifests.flatMap(({ keys }) => keys.filter(key => key.on === on).map(key => [key.key, key])));

function readTop(value: unknown, reading: Reading, scene: Scene): Readonly<Record<string, Kept>> | undefined {
  if (!isMapValue(value)) {
    scene.report([], 'must be a map with `actions`');
    return undefined;
  }
  const top = keysOn(reading.manifests, 'top');
  const known = ['actions', ...top.keys()];
  for (const key of Object.keys(value))
    if (!known.includes(key))
      scene.report([key], `is not a key of the limits file${didYouMean(key, known, true)}`);
  // A list at the top that is left out is empty, so that a policy never meets its absence.
  const lists = [...top.values()].map(({ key, schema }): [string, Kept | undefined] => [
    key,
    Object.hasOwn(value, key) ? readLimit(schema, value[key], [key], scene) : [],
  ]);
  if (!Object.hasOwn(value, 'actions')) scene.report([], 'lacks `actions`');
  const entries = Object.hasOwn(value, 'actions') ? readActions(value['actions'], reading, scene) : undefined;
  return keepAll([['actions', entries], ...lists]);
}

function readActions(
  value: unknown,
  { manifests, actions, profiles }: Reading,
  scene: Scene,
): Kept | undefined {
  const keys = keysOn(manifests, 'action');
  const path: YamlPath = ['actions'];
  if (!isMapValue(value) || Object.keys(value).length === 0) {
    scene.report(path, 'must be a map that is not empty: from an action to its limits');
    return undefined;
  }
  return keepAll(
    Object.entries(value).map(([name, entry]) => {
      const action = actions.get(name);
      if (action === undefined) {
        scene.report(
          [...path, name],
          `is not an action that the configuration declares${didYouMean(name, [...actions.keys()], true)}`,
        );
        return [name, undefined];
      }
      const within = { ...scene, kind: scene.kinds.get(action.kind) };
      return [name, readProfiled(entry, keys, action, [...path, name], within, profiles)];
    }),
  );
}

/** An entry, on the base of a profile if it names one. */
function readProfiled(
  value: unknown,
  keys: ReadonlyMap<string, LimitKey>,
  action: Action,
  path: YamlPath,
  scene: Scene,
  profiles: TakenProfile[],
): Kept | undefined {
  const { kind } = scene;
  if (!isMapValue(value) || !Object.hasOwn(value, 'like') || kind === undefined)
    return readEntry(value, keys, path, scene);
  const merged = mergeProfile(value, keys, action, path, { ...scene, kind });
  if (merged === undefined) return undefined;
  const { taken, isInherited } = merged;
  profiles.push(taken);
  return readEntry(merged.value, keys, path, {
    ...scene,
    // What the file does not say itself has no line of its own.
    report: (at, message) =>
      scene.report(at, isInherited(at) ? `${message} (it comes from ${taken.profile})` : message),
  });
}

function readEntry(
  value: unknown,
  keys: ReadonlyMap<string, LimitKey>,
  path: YamlPath,
  scene: Scene,
): Kept | undefined {
  if (!isMapValue(value)) {
    scene.report(path, 'must be a map of limits');
    return undefined;
  }
  const missing = [...keys.values()].filter(({ key, required }) => required && !Object.hasOwn(value, key));
  for (const { key } of missing) scene.report(path, `lacks \`${key}\`, which every action must have`);
  const kept = keepAll(
    Object.entries(value).map(([name, limit]) => {
      const key = keys.get(name);
      if (key !== undefined) return [name, readLimit(key.schema, limit, [...path, name], scene)];
      scene.report([...path, name], `is not a limit${didYouMean(name, ['like', ...keys.keys()], true)}`);
      return [name, undefined];
    }),
  );
  return missing.length === 0 ? kept : undefined;
}

/** A map of what was read, or undefined when any of it could not be. */
function keepAll(
  pairs: readonly (readonly [string, Kept | undefined])[],
): Readonly<Record<string, Kept>> | undefined {
  const kept: [string, Kept][] = [];
  for (const [key, value] of pairs) {
    if (value === undefined) return undefined;
    kept.push([key, value]);
  }
  return Object.fromEntries(kept);
}
