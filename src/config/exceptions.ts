import { quote } from '../kit/text.ts';
import type { LimitKey } from '../policy/manifest.ts';
import { compareLimits, isKeptMap, laidOver, type Compared, type Relation } from './compare-limits.ts';
import type { Kept, Scene } from './limits-words.ts';
import { showKeptAt } from './show-kept.ts';
import { showPath, type YamlPath } from './yaml-file.ts';

type KeptMap = Readonly<Record<string, Kept>>;

/**
 * Holds each exception, and each `ceiling`, against the entry that it is about: what loosens nothing, or more than the entry allows, is an
 * error when the file is loaded.
 * @param kept the whole file, each part read by its own shape
 * @returns the same with the whole value that stands under an exception; undefined where a problem was reported
 */
export function setExceptions(kept: KeptMap, scene: Scene): KeptMap | undefined {
  const entries = mapOf(kept['actions']);
  const areCeilings = Object.entries(entries).map(([name, entry]) =>
    isCeiling(mapOf(entry), ['actions', name, 'ceiling'], scene),
  );
  const list = Array.isArray(kept['exceptions']) ? kept['exceptions'].map(mapOf) : [];
  const ids = list.map(({ id }) => id);
  const exceptions = list.map((one, index) => {
    const path = ['exceptions', index];
    if (ids.indexOf(one['id']) === index) return setOne(one, entries, path, scene);
    scene.report([...path, 'id'], 'is there twice: what an exception may use up is counted by its id');
    return undefined;
  });
  return areCeilings.every(Boolean) && exceptions.every(one => one !== undefined)
    ? { ...kept, exceptions }
    : undefined;
}

const mapOf = (value: Kept | undefined): KeptMap => (value !== undefined && isKeptMap(value) ? value : {});

/** Whether each ceiling is above what the entry allows by itself. */
function isCeiling(entry: KeptMap, path: YamlPath, scene: Scene): boolean {
  return Object.entries(mapOf(entry['ceiling'])).every(([name, ceiling]) => {
    const wrong = compare(scene.keys.get(name), entry[name], ceiling).find(
      ({ relation }) => relation !== 'same' && relation !== 'looser',
    );
    if (wrong === undefined) return true;
    const says: Readonly<Record<Relation, string>> = {
      same: '',
      looser: '',
      missing: 'is a ceiling of nothing: the entry does not limit it',
      stricter: "is exceeded by the entry's own limit",
      odd: odd(name, entry[name], wrong.path),
    };
    scene.report([...path, name, ...wrong.path], says[wrong.relation]);
    return false;
  });
}

const odd = (name: string, own: Kept | undefined, path: YamlPath): string =>
  `is not plainly looser than the entry's \`${showPath([name, ...path])}\`, which is \`${showKeptAt(own, path)}\`: write it in the same form, a list with the same items, and no part of it stricter`;

function compare(key: LimitKey | undefined, base: Kept | undefined, other: Kept): Compared[] {
  if (key?.loosen === undefined) return [{ path: [], relation: 'odd' }];
  return compareLimits(key.schema, base, other, key.loosen);
}

function setOne(one: KeptMap, entries: KeptMap, path: YamlPath, scene: Scene): KeptMap | undefined {
  const action = typeof one['action'] === 'string' ? one['action'] : '';
  const entry = Object.hasOwn(entries, action) ? mapOf(entries[action]) : undefined;
  const [first, ...more] = Object.entries(mapOf(one['set']));
  if (entry === undefined) scene.report([...path, 'action'], `has no entry: nothing of it can be loosened`);
  if (more.length > 0 || first === undefined)
    scene.report(
      [...path, 'set'],
      'must be exactly one limit: two at once are two exceptions, and never both',
    );
  if (entry === undefined || first === undefined || more.length > 0) return undefined;
  const [name, value] = first;
  const key = scene.keys.get(name);
  const wrong = wrongWith(name, value, entry, key, action);
  if (wrong === undefined && key !== undefined)
    return { ...one, set: { [name]: laidOver(key.schema, entry[name], value) } };
  if (wrong === undefined) return undefined;
  scene.report([...path, 'set', name, ...wrong.path], wrong.message);
  return undefined;
}

interface Wrong {
  readonly path: YamlPath;
  readonly message: string;
}

/** It must be looser than the entry in something, stricter in nothing, and within the ceiling in all. */
function wrongWith(
  name: string,
  value: Kept,
  entry: KeptMap,
  key: LimitKey | undefined,
  action: string,
): Wrong | undefined {
  const own = compare(key, entry[name], value);
  for (const { path, relation } of own) {
    if (relation === 'missing')
      return { path, message: 'is not limited by the entry: there is nothing to loosen' };
    if (relation === 'stricter')
      return {
        path,
        message: `is stricter than the entry's own limit, which is \`${showKeptAt(entry[name], path)}\``,
      };
    if (relation === 'odd') return { path, message: odd(name, entry[name], path) };
  }
  if (!own.some(({ relation }) => relation === 'looser'))
    return { path: [], message: "is the entry's own limit: it would loosen nothing" };
  const ceiling = mapOf(entry['ceiling'])[name];
  const over = compare(key, ceiling, value).find(
    ({ relation }) => relation !== 'same' && relation !== 'stricter',
  );
  if (over === undefined) return undefined;
  const { path, relation } = over;
  return relation === 'missing'
    ? {
        path,
        message: `has no ceiling: ${quote(action)} must say under \`ceiling.${showPath([name, ...path])}\` how far it may be loosened`,
      }
    : { path, message: `is over the \`ceiling\` of the entry, which is \`${showKeptAt(ceiling, path)}\`` };
}
