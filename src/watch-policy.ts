import type { Config } from './config/config.ts';
import type { LoadedPolicy } from './gate.ts';
import { asError } from './kit/fault.ts';
import { fileLooks } from './kit/file-looks.ts';
import type { Logger } from './kit/logger.ts';
import { readPolicy } from './load-policy.ts';

/** How often the files are looked at. They are read only where they look different. */
const LOOK_MS = 2_000;

export interface PolicyWatch {
  stop(): void;
}

/**
 * Says in the log that the bundle or the limits file is not what this gate has loaded any more (changed, broken or gone), and
 * that it is again: once a change. What was loaded stays in force whatever becomes of its files; but the next start would differ.
 * A bundle that came by https is asked for again only where the limits file looks different, and until both could be read.
 */
export function watchPolicy(config: Config, loaded: LoadedPolicy, logger: Logger): PolicyWatch {
  const files = { policies: config.policies, limits: config.limitsFile };
  const own = loaded.revision.digest;
  const looksNow = async (): Promise<string> =>
    (await Promise.all(Object.values(files).map(fileLooks))).join('\n');
  let looks: string | undefined;
  let before = own;
  const look = async (): Promise<void> => {
    const now = await looksNow();
    if (now === looks) return;
    looks = now;
    const found = await readPolicy(config).then(
      ({ revision }) => ({ is: revision.digest }),
      (thrown: unknown) => ({ is: asError(thrown).message, err: asError(thrown) }),
    );
    // It may have been read half written, or a server may have been away: it is looked at again.
    if ('err' in found) looks = undefined;
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
        { ...files, policy_revision: own, found: found.is },
        'the policy or the limits have changed: what was loaded stays in force until a restart',
      );
  };
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look);
  }, LOOK_MS).unref();
  return { stop: () => clearInterval(timer) };
}
