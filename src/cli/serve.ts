import type { Restored } from '../checkpoint/restored.ts';
import { FileError } from '../config/config.ts';
import { configFileOf, readEnvironment } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { createLogger, type Logger } from '../kit/logger.ts';
import { addressTrouble } from './address-trouble.ts';
import { leaveCrashesToCommand } from './crash.ts';
import { outputTaken } from './end-process.ts';
import { exitCode } from './exit-code.ts';
import { endWithGrace } from './grace.ts';
import { jsonLine } from './printable.ts';
import { doesDiskHang, killOwnProcess, watchDisk } from './hanging-disk.ts';
import type { Terminal } from './terminal.ts';
import { isForTheUser } from './for-the-user.ts';

/** A gate that answers. */
export interface ServedGate {
  readonly address: string;
  /** Never rejects. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/** What `startGate` of the composition root is, as far as this command uses it. */
export type StartGate = (options: {
  readonly configFile: string;
  readonly activate: boolean;
  readonly restored?: Restored;
  readonly logger: Logger;
}) => Promise<ServedGate>;

/** So long a gate that has stopped waits for whoever takes its log, if nothing is taken; at first for twice as long. */
const LOG_STILL_MS = 500;

export interface ServeOptions {
  readonly config?: string;
  readonly activate: boolean;
  /** Said of the database, if it was put back on purpose. */
  readonly restored?: Restored;
  readonly json: boolean;
}

/**
 * Runs a gate until a signal ends it. Says its address on stdout once it answers; everything else is the log, on stderr.
 * @throws FileError, UsageError, or whatever keeps the gate from starting
 */
export async function runServe(
  options: ServeOptions,
  startGate: StartGate,
  terminal: Terminal,
): Promise<void> {
  const environment = readEnvironment();
  const logger = createLogger(environment.logLevel ?? 'info');
  const configFile = configFileOf(options.config);
  // Before anything is opened: a signal in the middle of the start waits for it, so that nothing is left half made.
  let starting: Promise<ServedGate> | undefined;
  let isStopped = false;
  let disk: ReturnType<typeof watchDisk> | undefined;
  const watch = endWithGrace({
    close: async signal => {
      disk = watchDisk();
      logger.info({ signal }, 'stopping: claimed work is finished, nothing new is taken');
      const gate = await starting?.catch(() => undefined);
      await gate?.close();
      logger.info('stopped');
      isStopped = true;
      const hangs = await doesDiskHang();
      if (hangs) logger.error('a disk hangs, and would keep the process: it is killed');
      await outputTaken(LOG_STILL_MS);
      if (hangs) killOwnProcess();
    },
    // At once, though the end of the log may be lost where its reader is behind: what nothing caught must not go on as a gate.
    failed: thrown => {
      logger.fatal({ err: asError(thrown) }, 'the gate crashed');
      process.exit(exitCode.couldNotTell);
    },
    impatient: signal => {
      if (isStopped) process.exit(exitCode.done);
      logger.error({ signal }, 'a second signal: ended before claimed work was finished');
      if (disk?.hangs() === true) killOwnProcess();
      process.exit(exitCode.couldNotTell);
    },
  });
  const takeCrashesBack = leaveCrashesToCommand();
  // In the middle of the start it waits for it; a start that fails says so itself. It must never end the gate.
  const reload = (): void => {
    logger.info({ signal: 'SIGHUP' }, 'the configuration, the limits and the policy are read again');
    void starting?.then(gate => gate.reload()).catch(() => undefined);
  };
  process.on('SIGHUP', reload);
  try {
    const { activate, restored } = options;
    starting = startGate({ configFile, activate, ...(restored !== undefined && { restored }), logger });
    const { address } = await starting;
    terminal.say(options.json ? jsonLine({ address }) : `Interlock listens on ${address}`);
  } catch (thrown) {
    watch.leave();
    takeCrashesBack();
    process.off('SIGHUP', reload);
    // On a terminal the sentence that follows is all a person wants; what collects the log reads JSON only.
    if (process.stderr.isTTY !== true) logFailedStart(logger, asError(thrown));
    throw thrown;
  }
}

/** In one line, with all that is said in text. */
function logFailedStart(logger: Logger, error: Error): void {
  const message = 'the gate did not start';
  if (error instanceof FileError)
    logger.fatal({ problems: error.problems }, `${message}: a file is not as it must be`);
  else if (isForTheUser(error)) logger.fatal(`${message}: ${addressTrouble(error) ?? error.message}`);
  else logger.fatal({ err: error }, message);
}
