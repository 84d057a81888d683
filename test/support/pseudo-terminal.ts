import { spawn } from 'node:child_process';
import { program } from './program.ts';

/** The program on a terminal of its own, with what stdout and stderr show there, as it came. */
export interface OnTerminal {
  /** All that stands on it so far, steering sequences included. */
  shown(): string;
  /** Resolves when this stands on it; fails if the program ends before. */
  shows(pattern: RegExp): Promise<void>;
  /** What a person types. */
  type(text: string): void;
  readonly exited: Promise<number | null>;
}

export const CTRL_C = '\u0003';

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Runs `interlock ARGS` on a pseudo terminal of 100 columns, by script(1), which Debian and macOS bring along. */
export function onTerminal(
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): OnTerminal {
  const command = [process.execPath, program, ...args].map(quoted).join(' ');
  const child = spawn('script', ['-qefc', `stty cols 100 rows 30; exec ${command}`, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', SHELL: '/bin/sh', ...environment },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let shown = '';
  let waiting: {
    readonly pattern: RegExp;
    readonly resolve: () => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    shown += piece;
    for (const one of waiting.filter(({ pattern }) => pattern.test(shown))) one.resolve();
    waiting = waiting.filter(({ pattern }) => !pattern.test(shown));
  });
  const killWithUs = (): boolean => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const exited = new Promise<number | null>(resolve => {
    child.once('close', code => {
      process.off('exit', killWithUs);
      for (const { pattern, reject } of waiting)
        reject(new Error(`ended without ${String(pattern)}:\n${shown}`));
      resolve(code);
    });
  });
  return {
    shown: () => shown,
    shows: async pattern =>
      await new Promise((resolve, reject) => {
        if (pattern.test(shown)) resolve();
        else waiting.push({ pattern, resolve, reject });
      }),
    type: text => void child.stdin.write(text),
    exited,
  };
}
