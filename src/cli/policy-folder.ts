import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { UsageError } from '../config/environment.ts';
import { quote } from '../kit/text.ts';

/** Where the program's own policies stand, and the types that are made from them. */
export const shipped: Shipped = {
  folder: fileURLToPath(new URL('../../policies', import.meta.url)),
  types: fileURLToPath(new URL('../../src/kit/check-rules.ts', import.meta.url)),
};

/**
 * The folder whose policies are built or tested: the one that is named, and in a checkout of the source else its own.
 * @throws UsageError where there is none: what is installed is not built anew in its own folder, under a gate that may run with it
 */
export function policyFolder(named: string | undefined, own: Shipped = shipped): string {
  if (named === undefined && !existsSync(own.types))
    throw new UsageError(
      'which policies? Name their folder, as in interlock policy build FOLDER. This program is installed, and its own are built in a checkout of its source: policies/ there, of which a copy is also what to begin with',
    );
  const folder = named ?? own.folder;
  if (!existsSync(path.join(folder, 'opa-version')))
    throw new UsageError(`${quote(folder)} is no folder of policies: it holds no opa-version`);
  return folder;
}

interface Shipped {
  readonly folder: string;
  readonly types: string;
}
