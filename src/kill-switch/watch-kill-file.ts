import type { Logger } from '../kit/logger.ts';
import { killFileEngages, sayWhyKillFile } from './kill-file.ts';

/** How often the file is looked at for the log; decisions and claims look for themselves. */
const LOOK_MS = 500;

export interface KillFileWatch {
  look(): void;
  stop(): void;
}

/** Says in the log that the kill file engages this gate, and that it does so no more: once a change, the database away or not. */
export function watchKillFile(file: string, logger: Logger): KillFileWatch {
  let wasEngaged = false;
  const look = (): void => {
    const isEngaged = killFileEngages(file);
    if (isEngaged && !wasEngaged)
      logger.error(
        { kill_file: file, why: sayWhyKillFile(file) },
        'the kill file engages this gate: nothing is allowed or forwarded here',
      );
    if (!isEngaged && wasEngaged)
      logger.warn({ kill_file: file }, 'the kill file is gone: it no longer engages this gate');
    wasEngaged = isEngaged;
  };
  look();
  const timer = setInterval(look, LOOK_MS).unref();
  return { look, stop: () => clearInterval(timer) };
}
