import { dirname, resolve } from 'node:path';
import { member, textsOf } from './problems.ts';

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
