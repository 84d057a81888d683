import { endProcess } from './end-process.ts';
import { exitCode } from './exit-code.ts';
import { processTerminal } from './terminal.ts';

const reportCrash = (error: Error): void => {
  processTerminal.complain(`interlock crashed: ${error.stack ?? error.message}`);
  void endProcess(exitCode.couldNotTell);
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
