import { readConfig } from './config/read-config.ts';
import { showPolicies } from './describe-start.ts';
import type { InForce } from './in-force.ts';
import { asError } from './kit/fault.ts';
import type { DiskLane } from './kit/disk-lane.ts';
import { fileLooks } from './kit/file-looks.ts';
import type { Logger } from './kit/logger.ts';
import { readPolicy } from './load-policy.ts';
import { readAhead } from './read-ahead.ts';

/** How often the files are looked at. They are read only where they look different. */
const LOOK_MS = 2_000;

export interface FilesWatch {
  look(): Promise<void>;
  stop(): void;
}

/**
 * Says in the log that a file is not what this gate has loaded any more (changed, broken or gone), and that it is again: once a
 * change. It loads nothing: half of a limits file can be a limits file with fewer limits, so what is there counts when somebody
 * says that it is done, by SIGHUP. What was loaded stays in force whatever becomes of its files.
 */
export function watchFiles(inForce: InForce, disk: DiskLane, logger: Logger): FilesWatch {
  const looksOf = async (files: readonly string[]): Promise<string> => {
    const found: string[] = [];
    for (const file of files) found.push(await disk.run(file, async () => await fileLooks(file)));
    return found.join('\n');
  };
  const looks = [policyFiles(inForce, disk), configFile(inForce, disk)].map(watched =>
    lookAt(looksOf, watched, logger),
  );
  let isHanging = false;
  const lookOnce = async (): Promise<void> => {
    try {
      for (const one of looks) await one();
      if (isHanging) logger.warn('the files that this gate has loaded can be looked at again');
      isHanging = false;
    } catch (thrown) {
      if (!isHanging)
        logger.error(
          { err: asError(thrown) },
          'the files that this gate has loaded cannot be looked at: a disk hangs, and what changes in them is not told',
        );
      isHanging = true;
    }
  };
  let looking = Promise.resolve();
  let waiting = 0;
  const look = async (): Promise<void> => {
    waiting += 1;
    looking = looking.then(lookOnce).finally(() => (waiting -= 1));
    await looking;
  };
  const mayLook = (): boolean => waiting === 0 && disk.threads.mayLend;
  const timer = setInterval(() => void (mayLook() && look()), LOOK_MS).unref();
  return { look, stop: () => clearInterval(timer) };
}

interface Watched {
  /** By what the log names them. */
  readonly files: () => Readonly<Record<string, string>>;
  /** The digest of what is loaded; undefined where nothing is. */
  readonly own: () => string | undefined;
  /** The digest of what would be loaded now. @throws whatever keeps it from being loaded */
  readonly read: () => Promise<string>;
  readonly says: Readonly<Record<'broken' | 'again' | 'changed', string>>;
}

const policyFiles = (inForce: InForce, disk: DiskLane): Watched => ({
  files: () => ({ policies: showPolicies(inForce.config.policies), limits: inForce.config.limitsFile }),
  own: () => inForce.loaded?.revision.digest,
  read: async () => {
    await readAhead(disk, [inForce.config.limitsFile]);
    return (await readPolicy(inForce.config, disk)).revision.digest;
  },
  says: {
    broken:
      'the policy or the limits cannot be loaded any more: what was loaded stays in force, but a restart would not find it',
    again: 'the policy and the limits are those that are loaded again',
    changed:
      'the policy or the limits have changed: what was loaded stays in force until they are loaded by SIGHUP',
  },
});

/**
 * Of the configuration only that it is another: what in it has changed is told when it is loaded. No file that it names is looked at: by now it
 * may name other ones than those in force, on a disk that hangs, and this is the thread that decides.
 */
const configFile = (inForce: InForce, disk: DiskLane): Watched => ({
  files: () => ({ config: inForce.config.file }),
  own: () => inForce.config.digest,
  read: async () => {
    await readAhead(disk, [inForce.config.file]);
    return readConfig(inForce.config.file, 'unread').digest;
  },
  says: {
    broken:
      'the configuration cannot be loaded any more: what was loaded stays in force, but a restart would fail',
    again: 'the configuration is the one that is loaded again',
    changed: 'the configuration has changed: what was loaded stays in force until it is loaded by SIGHUP',
  },
});

/**
 * Compared is what would be loaded with what is, by digest: what was edited right after it was loaded is another, and what was
 * only touched is not. A bundle that came by https is asked for again only where the limits file looks different, and until both
 * could be read.
 */
function lookAt(
  look: (files: readonly string[]) => Promise<string>,
  { files, own: ownNow, read, says }: Watched,
  logger: Logger,
): () => Promise<void> {
  let looks: string | undefined;
  let own = ownNow();
  let before = own;
  return async () => {
    if (ownNow() !== own) {
      own = ownNow();
      before = own;
      looks = undefined;
    }
    const now = await look(Object.values(files()));
    if (now === looks) return;
    looks = now;
    const found = await read().then(
      digest => ({ is: digest }),
      (thrown: unknown) => ({ is: asError(thrown).message, err: asError(thrown) }),
    );
    // It may have been read half written, or a server may have been away: it is looked at again.
    if ('err' in found) looks = undefined;
    // Loaded meanwhile: the next look is at what is in force then.
    if (found.is === before || ownNow() !== own) return;
    before = found.is;
    if ('err' in found && own === undefined) return;
    if ('err' in found) logger.error({ ...files(), err: found.err }, says.broken);
    else if (found.is === own) logger.warn({ ...files(), loaded: own }, says.again);
    else logger.warn({ ...files(), loaded: own ?? null, found: found.is }, says.changed);
  };
}
