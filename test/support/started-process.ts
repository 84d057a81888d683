import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A script of this folder, really started as a process of its own. */
export interface StartedProcess {
  readonly pid: number;
  /** Every line it has said. */
  readonly lines: readonly string[];
  /** The first line that passes; fails if the process ends before. */
  line(passes: (line: string) => boolean): Promise<string>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<void>;
  /** Its exit code, or null if a signal ended it. */
  readonly exited: Promise<number | null>;
}

interface Waiting {
  readonly passes: (line: string) => boolean;
  readonly resolve: (line: string) => void;
  readonly reject: (error: Error) => void;
}

function listenTo(child: ChildProcess): Pick<StartedProcess, 'lines' | 'line' | 'exited'> {
  const lines: string[] = [];
  let waiting: Waiting[] = [];
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  if (child.stdout !== null)
    createInterface(child.stdout).on('line', line => {
      lines.push(line);
      for (const one of waiting.filter(({ passes }) => passes(line))) one.resolve(line);
      waiting = waiting.filter(({ passes }) => !passes(line));
    });
  const exited = new Promise<number | null>(resolve => {
    child.once('close', code => {
      for (const one of waiting) one.reject(new Error(`ended, saying: ${lines.join(' | ')} ${errors}`));
      waiting = [];
      resolve(code);
    });
  });
  const line = async (passes: (line: string) => boolean): Promise<string> =>
    await new Promise((resolve, reject) => {
      const found = lines.find(passes);
      if (found !== undefined) resolve(found);
      else if (child.exitCode !== null) reject(new Error(`ended, saying: ${lines.join(' | ')} ${errors}`));
      else waiting.push({ passes, resolve, reject });
    });
  return { lines, line, exited };
}

/** Starts `test/support/SCRIPT` with arguments, by the Node that runs the tests. */
export function startProcess(script: string, ...args: string[]): StartedProcess {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (child.pid === undefined) throw new Error('the process did not start');
  const heard = listenTo(child);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await heard.exited;
  };
  return { pid: child.pid, end, ...heard };
}
