import { spawn, type ChildProcess } from 'node:child_process';
import { openSync, closeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A process of our own that was started. */
export interface Child {
  /** Like `http://127.0.0.1:40123`, once it is ready; rejects if it ends before that. */
  readonly address: Promise<string>;
  readonly process: ChildProcess;
  /** SIGTERM, then after 5 s SIGKILL; resolves when it has ended. */
  stop(): Promise<void>;
}

const STOP_PATIENCE_MS = 5_000;

/** A program of this package by its path without ending: .js where this is compiled, .ts where it is not. */
export function programFile(name: string): string {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`../${name}.${ending}`, import.meta.url));
}

/** WebAssembly compiled once and not optimised: a gate that stands for seconds ends before that would pay. */
const FOR_SECONDS = ['--liftoff-only'];

/** Starts the real gate, as a user would; its log goes to `logFile`. */
export function startGate(configFile: string, logFile: string): Child {
  const log = openSync(logFile, 'a');
  const child = spawn(
    process.execPath,
    [...process.execArgv, ...FOR_SECONDS, programFile('main'), 'serve', '--config', configFile],
    { stdio: ['ignore', 'pipe', log] },
  );
  closeSync(log);
  let said = '';
  return watch(child, 'the gate', ready => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
      const address = /https?:\/\/[^\s/"']+:\d+/.exec(said)?.[0];
      if (address !== undefined) ready(address);
    });
  });
}

/** @param listen tells its address, once the process has said it */
export function watch(
  child: ChildProcess,
  name: string,
  listen: (ready: (address: string) => void) => void,
): Child {
  const ended = new Promise<void>(resolve => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const address = new Promise<string>((resolve, reject) => {
    listen(resolve);
    void ended.then(() => reject(new Error(`${name} ended before it was ready`)));
  });
  // Whoever waits for the address hears of it; where nobody does yet, it must not end the process.
  address.catch(() => undefined);
  return {
    address,
    process: child,
    async stop() {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        child.kill('SIGTERM');
        const impatience = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS);
        await ended;
        clearTimeout(impatience);
      }
    },
  };
}
