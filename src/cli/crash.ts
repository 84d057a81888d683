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

/** For a command that logs its own end. */
export function leaveCrashesToCommand(): void {
  process.off('uncaughtException', reportCrash);
}
