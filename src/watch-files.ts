import { readConfig } from './config/read-config.ts';
import type { InForce } from './in-force.ts';
import { asError } from './kit/fault.ts';
import { fileLooks } from './kit/file-looks.ts';
import type { Logger } from './kit/logger.ts';
import { readPolicy } from './load-policy.ts';

/** How often the files are looked at. They are read only where they look different. */
const LOOK_MS = 2_000;

export interface FilesWatch {
  stop(): void;
}

/**
 * Says in the log that a file is not what this gate has loaded any more (changed, broken or gone), and that it is again: once a
 * change. It loads nothing: half of a limits file can be a limits file with fewer limits, so what is there counts when somebody
 * says that it is done, by SIGHUP. What was loaded stays in force whatever becomes of its files.
 */
export function watchFiles(inForce: InForce, logger: Logger): FilesWatch {
  const looks = [policyLook(inForce, logger), configLook(inForce, logger)];
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(async () => {
      for (const look of looks) await look();
    });
  }, LOOK_MS).unref();
  return { stop: () => clearInterval(timer) };
}

/** A bundle that came by https is asked for again only where the limits file looks different, and until both could be read. */
function policyLook(inForce: InForce, logger: Logger): () => Promise<void> {
  let looks: string | undefined;
  const ownNow = (): string | undefined => inForce.loaded?.revision.digest;
  let own = ownNow();
  let before = own;
  return async () => {
    const { config } = inForce;
    const files = { policies: config.policies, limits: config.limitsFile };
    if (ownNow() !== own) {
      own = ownNow();
      before = own;
      looks = undefined;
    }
    const now = (await Promise.all(Object.values(files).map(fileLooks))).join('\n');
    if (now === looks) return;
    looks = now;
    const found = await readPolicy(config).then(
      ({ revision }) => ({ is: revision.digest }),
      (thrown: unknown) => ({ is: asError(thrown).message, err: asError(thrown) }),
    );
    // It may have been read half written, or a server may have been away: it is looked at again.
    if ('err' in found) looks = undefined;
    // Loaded meanwhile: the next look is at what is in force then.
    if (found.is === before || ownNow() !== own) return;
    before = found.is;
    if ('err' in found && own === undefined) return;
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
        { ...files, policy_revision: own ?? null, found: found.is },
        'the policy or the limits have changed: what was loaded stays in force until they are loaded by SIGHUP',
      );
  };
}

/** Of the configuration only that it looks different: what in it has changed is told when it is loaded. */
function configLook(inForce: InForce, logger: Logger): () => Promise<void> {
  let { config } = inForce;
  let looks = fileLooks(config.file);
  return async () => {
    const { file } = config;
    const now = await fileLooks(file);
    const isLoaded = inForce.config !== config;
    const isSame = isLoaded || now === (await looks);
    config = inForce.config;
    looks = Promise.resolve(now);
    if (isSame) return;
    try {
      readConfig(file);
    } catch (thrown) {
      logger.error(
        { config: file, err: asError(thrown) },
        'the configuration cannot be loaded any more: what was loaded stays in force, but a restart would fail',
      );
      return;
    }
    logger.warn(
      { config: file },
      'the configuration has changed: what was loaded stays in force until it is loaded by SIGHUP',
    );
  };
}
