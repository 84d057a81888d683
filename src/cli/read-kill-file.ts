import path from 'node:path';
import { readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';

/**
 * Where the kill file of a configuration is; undefined where that cannot be read. Nothing else of the file is looked at: who has
 * to stop a gate is not told first what is wrong with its limits.
 */
export function readKillFile(configFile: string): string | undefined {
  try {
    const document = parseDocument(readFileSync(configFile, 'utf8'));
    const named: unknown = document.get('kill_file');
    return path.resolve(
      path.dirname(configFile),
      typeof named === 'string' && named.trim() !== '' ? named : './KILL',
    );
  } catch {
    return undefined;
  }
}
