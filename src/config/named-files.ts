import { dirname, resolve } from 'node:path';
import { member, textsOf } from './problems.ts';
import { filesOfStore } from './store-url.ts';
import { readYamlFile } from './yaml-file.ts';

/** What to do where there is no configuration. */
export const MISSING = 'name another with --config FILE or INTERLOCK_CONFIG';

/** Paths that a configuration names, or that hold where it names none: as they came, so that what is wrong elsewhere does not hide what is wrong with them. */
export function namedPaths(raw: unknown, file: string) {
  const at = (key: string, fallback: string): string => {
    const value = member(raw, key);
    return resolve(dirname(file), typeof value === 'string' ? value : fallback);
  };
  return {
    limitsFile: at('limits', './limits.yaml'),
    killFile: at('kill_file', './KILL'),
    checkpoints: at('checkpoints', './checkpoints.ndjson'),
  };
}

/** Each file that is read when a configuration is loaded, beside its bundle: itself, the limits, certificates, executors' keys. */
export function namedFiles(raw: unknown, file: string): string[] {
  const executors = Object.values(Object(member(raw, 'actions'))).map(action => member(action, 'executor'));
  const named = [
    ...textsOf(Object.values(Object(member(raw, 'tls')))),
    ...textsOf(executors.map(executor => member(executor, 'bearer_file'))),
  ];
  return [resolve(file), namedPaths(raw, file).limitsFile, ...named.map(one => resolve(dirname(file), one))];
}

/**
 * What a start looks at beside the configuration itself: those files, the store's, and the folders that must be there.
 * @throws FileError where the configuration is not there, or no YAML
 */
export function lookedAtByStart(file: string): string[] {
  const { value } = readYamlFile(file, MISSING);
  const { killFile, checkpoints } = namedPaths(value, file);
  const files = namedFiles(value, file).filter(one => one !== file);
  const ofStore = filesOfStore(member(value, 'store')).map(one => resolve(one));
  return [...files, ...ofStore, dirname(killFile), dirname(checkpoints)];
}
