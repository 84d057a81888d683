import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from './config/config.ts';
import type { LoadedPolicy } from './gate.ts';
import { asError } from './kit/fault.ts';
import type { Logger } from './kit/logger.ts';
import { readPolicy } from './load-policy.ts';

/** How often the files are looked at. They are read only where they look different. */
const LOOK_MS = 2_000;

export interface PolicyWatch {
  look(): Promise<void>;
  stop(): void;
}

/**
 * Says in the log that the bundle or the limits file is not what this gate has loaded any more (changed, broken or gone), and
 * that it is again: once a change. What was loaded stays in force whatever becomes of its files; but the next start would differ.
 * A bundle that came by https is not asked for again.
 */
export function watchPolicy(config: Config, loaded: LoadedPolicy | undefined, logger: Logger): PolicyWatch {
  const files = { policies: config.policies, limits: config.limitsFile };
  const own = loaded?.revision.digest;
  let looks: string | undefined;
  let before = own;
  const look = async (): Promise<void> => {
    const looksNow = await looksOf(Object.values(files));
    if (looksNow === looks) return;
    looks = looksNow;
    const found = await readPolicy(config).then(
      ({ revision }) => ({ is: revision.digest }),
      (thrown: unknown) => ({ is: asError(thrown).message, err: asError(thrown) }),
    );
    if (found.is === before) return;
    before = found.is;
    if ('err' in found)
      logger.error(
        { ...files, err: found.err },
        'the policy or the limits cannot be loaded any more: what was loaded stays in force, but a restart would not find it',
      );
    else if (found.is === own)
      logger.warn(
        { ...files, policy_revision: own },
        'the policy and the limits are those that are loaded again',
      );
    else
      logger.warn(
        { ...files, policy_revision: own ?? 'none', found: found.is },
        'the policy or the limits have changed: what was loaded stays in force until a restart',
      );
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, LOOK_MS).unref();
  return { look, stop: () => clearInterval(timer) };
}

/** By what a change of the files is seen without reading them. */
async function looksOf(sources: readonly string[]): Promise<string> {
  return (await Promise.all(sources.map(looksOfOne))).join('\n');
}

async function looksOfOne(source: string): Promise<string> {
  try {
    const found = await stat(source);
    if (!found.isDirectory()) return `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
    return await looksOf((await readdir(source)).toSorted().map(name => path.join(source, name)));
  } catch (thrown) {
    // Gone, or a URL: which of the two does not change.
    return asError(thrown).message;
  }
}
