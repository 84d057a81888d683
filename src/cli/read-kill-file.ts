import path from 'node:path';
import { isMap, isScalar, parseDocument, type Document } from 'yaml';
import { MAX_FILE_BYTES } from '../config/yaml-file.ts';
import { readPlainFileSync } from '../kit/plain-file.ts';
import { isBlank } from '../kit/text.ts';

export interface KillFile {
  readonly file: string;
  /** The default, for the configuration names none; one that is half written may not name it yet. */
  readonly isDefault: boolean;
}

/**
 * Where the kill file of a configuration is; undefined where that cannot be told: whoever makes a wrong one believes the gate stopped.
 * Nothing else of the file is looked at: who has to stop a gate is not told first what is wrong with its limits.
 */
export function readKillFile(configFile: string): KillFile | undefined {
  try {
    const text = readPlainFileSync(configFile, MAX_FILE_BYTES).toString('utf8');
    const document = parseDocument(text);
    const named = namesIn(document);
    const besides = (name: string): string => path.resolve(path.dirname(configFile), name);
    if (named === undefined) return undefined;
    const [only, ...others] = named;
    if (only === undefined)
      // A broken one may name it where it cannot be read any more.
      return document.errors.length > 0 ? undefined : { file: besides('./KILL'), isDefault: true };
    const { name, endsAt } = only;
    // A name at the very end of the file may be half of one.
    const isWhole = /[\r\n]/.test(text.slice(endsAt));
    if (others.length > 0 || typeof name !== 'string' || isBlank(name) || !isWhole) return undefined;
    return { file: besides(name), isDefault: false };
  } catch {
    return undefined;
  }
}

interface Named {
  readonly name: unknown;
  /** Where in the text. */
  readonly endsAt: number;
}

/** What `kill_file` says, each time that it stands there; undefined for a file that is no map. */
function namesIn({ contents }: Document): readonly Named[] | undefined {
  if (!isMap(contents)) return undefined;
  return contents.items.flatMap(({ key, value }) => {
    if (!isScalar(key) || key.value !== 'kill_file') return [];
    return [
      isScalar(value) ? { name: value.value, endsAt: value.range?.[1] ?? 0 } : { name: undefined, endsAt: 0 },
    ];
  });
}
