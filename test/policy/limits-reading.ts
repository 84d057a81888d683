import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { FileError, type Principal, type Role } from '../../src/config/config.ts';
import { loadLimits, type LoadedLimits } from '../../src/config/limits-file.ts';
import type { Limits } from '../../src/policy/limits.ts';
import { actionOf, host, scope, shippedBundle } from './samples.ts';

const { state: _, ...stateless } = { ...scope, name: 'bare' };
const weighed = { ...host, weights: ['traffic', 'users'] };
/** A kind whose state is in a label of another name, one value of which is in service and in a profile's list, and with a weight that none names. */
const lived = {
  ...{ ...host, name: 'lived', dimensions: ['region', 'environment'] },
  state: { label: 'life', inService: ['live', 'drained'] },
  weights: ['traffic', 'souls'],
};
const kinds = new Map([weighed, scope, stateless, lived].map(kind => [kind.name, kind]));
const actions = new Map(
  [
    { ...actionOf('disk.wipe', 'host'), irreversible: true },
    actionOf('config.push', 'config-scope'),
    actionOf('bare.act', 'bare'),
    { ...actionOf('bare.end', 'bare'), irreversible: true },
    { ...actionOf('life.end', 'lived'), irreversible: true },
  ].map(action => [action.name, action]),
);

const principalOf = (name: string, role: Role, ...more: readonly string[]): Principal => ({
  name,
  keys: [],
  roles: new Set([role]),
  actions: new Set(['disk.wipe', ...more]),
});
const principals = [
  principalOf('decom-bot', 'requester', 'config.push'),
  principalOf('oncall-bot', 'requester'),
  principalOf('oncall', 'operator'),
];

/** Reads limits files, by the manifests that ship. */
export async function limitsReading(): Promise<{
  /** @throws FileError */
  load(text: string): Limits;
  /** With what came from profiles. */
  loadProfiled(text: string): LoadedLimits;
  loadFile(file: string): Limits;
  /** Each problem as `line path: message`. */
  problemsOf(text: string): string[];
}> {
  const { manifests } = await shippedBundle();
  const loadAll = (file: string): LoadedLimits => loadLimits(file, { kinds, actions, principals }, manifests);
  const loadFile = (file: string): Limits => loadAll(file).limits;
  const loadProfiled = (text: string): LoadedLimits => {
    const folder = mkdtempSync(path.join(tmpdir(), 'interlock-limits-'));
    try {
      writeFileSync(path.join(folder, 'limits.yaml'), text);
      return loadAll(path.join(folder, 'limits.yaml'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
  const load = (text: string): Limits => loadProfiled(text).limits;
  const problemsOf = (text: string): string[] => {
    try {
      load(text);
    } catch (thrown) {
      if (thrown instanceof FileError)
        return thrown.problems.map(one => `${one.line} ${one.path}: ${one.message}`);
      throw thrown;
    }
    return [];
  };
  return { load, loadProfiled, loadFile, problemsOf };
}

/** An entry for disk.wipe from line 3 on: max_targets, max_share, require, windows on lines 3 to 6, and more from 7 on. */
export const entry = (changes: Readonly<Record<string, string | undefined>> = {}): string => {
  const lines: Record<string, string | undefined> = {
    max_targets: '40',
    max_share: '{ fleet: 0.5%, rack: { share: 5%, at_least: 1 } }',
    require: '{ state: [decommissioning] }',
    windows: '[{ per: fleet, over: 1h, max_targets: 100 }]',
    ...changes,
  };
  const shown = Object.entries(lines).flatMap(([key, value]) =>
    value === undefined ? [] : [`    ${key}: ${value}`],
  );
  return ['actions:', '  disk.wipe:', ...shown, ''].join('\n');
};
