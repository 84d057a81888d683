import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { readConfig } from '../config/read-config.ts';
import { member } from '../config/problems.ts';
import { readYamlFile } from '../config/yaml-file.ts';
import { sha256 } from '../kit/digest.ts';
import { freshKey } from '../kit/ids.ts';

/** Who loads, sees and stops in a drill, beside the principals of the configuration. */
export const OWN = {
  inventory: 'drill-inventory',
  observer: 'drill-observer',
  operator: 'drill-operator',
} as const;

/** Beside its store, in the folder of a scratch gate. */
export const CONFIG_NAME = 'interlock.yaml';

export interface ScratchConfig {
  readonly file: string;
  /** By principal. */
  readonly keys: Readonly<Record<string, string>>;
}

type Members = Readonly<Record<string, unknown>>;

/**
 * Writes the configuration of a gate for a drill: kinds, actions, limits, policies and principals as they are in `configFile`; a store, an
 * executor and keys of its own, so that nothing of it reaches what is real.
 * @throws FileError for what is wrong with the configuration
 */
export function writeScratchConfig({
  configFile,
  policies,
  folder,
  executorUrl,
}: {
  readonly configFile: string;
  readonly policies: string | undefined;
  readonly folder: string;
  readonly executorUrl: string;
}): ScratchConfig {
  const config = readConfig(configFile, 'unread');
  const { value } = readYamlFile(configFile, 'it was read before');
  const keys: Record<string, string> = {};
  const withKey = (principal: Members): Members => {
    const key = freshKey();
    keys[String(principal['name'])] = key;
    return { ...principal, keys: [sha256(key)] };
  };
  const own = Object.entries(OWN).map(([role, name]) => withKey({ name, roles: [role] }));
  const principals = listOf(member(value, 'principals')).map(one => withKey(Object(one)));
  const actions = Object.entries<Members>(Object(member(value, 'actions')));
  const kinds = Object.entries<Members>(Object(member(value, 'kinds')));
  const scratch = {
    listen: '127.0.0.1:0',
    store: './store',
    policies: policies ?? config.policies,
    limits: config.limitsFile,
    kill_file: './KILL',
    checkpoints: './checkpoints.ndjson',
    kinds: Object.fromEntries(kinds.map(([name, kind]) => [name, ofOneFeed(kind)])),
    actions: Object.fromEntries(
      actions.map(([name, action]) => [name, { ...action, executor: scratchExecutor(action, executorUrl) }]),
    ),
    principals: [...principals, ...own],
  };
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, CONFIG_NAME);
  // JSON is YAML.
  writeFileSync(file, JSON.stringify(scratch, undefined, 1), { mode: 0o600 });
  return { file, keys };
}

/** A case tells all of a target at once, so one source loads what is several sources' in earnest. */
function ofOneFeed(kind: Members): Members {
  const { sources, ...rest } = kind;
  return sources === undefined ? kind : { ...rest, max_age: '24h' };
}

function scratchExecutor(action: Members, url: string): Members {
  const { bearer_file: _, ...executor }: Members = Object(action['executor']);
  return { ...executor, url };
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
