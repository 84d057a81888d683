import { exitCode } from './exit-code.ts';
import { processTerminal } from './terminal.ts';

const reportCrash = (error: Error): never => {
  processTerminal.complain(`interlock crashed: ${error.stack ?? error.message}`);
  process.exit(exitCode.couldNotTell);
};

/** Node ends with 1 after an error that nothing caught; here 1 means "refused". */
export function watchForCrashes(): void {
  process.on('uncaughtException', reportCrash);
}

/** For a command that logs its own end. Returns the way back. */
export function leaveCrashesToCommand(): () => void {
  if (!process.listeners('uncaughtException').includes(reportCrash)) return () => undefined;
  process.off('uncaughtException', reportCrash);
  return watchForCrashes;
}
