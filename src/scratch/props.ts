import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Child } from './child.ts';

const EXIT_INTERRUPTED = 130;

/** What is made and started for a while, so that it can be taken away in whatever state things are. */
export interface Props {
  readonly folder: string;
  add(child: Child): Child;
  /** True after Ctrl-C, a hang-up or a kill: then what fails, fails because of that. */
  interrupted(): boolean;
  /** Ends every child, then takes the folder away unless it is to be kept. The first call does it; others wait for it. */
  clear(): Promise<void>;
}

/** A temporary folder, and listeners that clear up and end the process when it is interrupted. */
export function createProps(name: string, keepFolder: boolean): Props {
  const folder = mkdtempSync(join(tmpdir(), `interlock-${name}-`));
  const children: Child[] = [];
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let interrupted = false;
  let clearing: Promise<void> | undefined;

  const removeFolder = (): void => {
    if (!keepFolder) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  /** The last resort, when something else ends the process: no gate stays behind. */
  const abandon = (): void => {
    for (const child of children) child.process.kill('SIGKILL');
    removeFolder();
  };
  const interrupt = (): void => {
    interrupted = true;
    const end = (): void => process.exit(EXIT_INTERRUPTED);
    clear().then(end, end);
  };
  const clear = (): Promise<void> => {
    clearing ??= Promise.all(children.map(child => child.stop())).then(() => {
      removeFolder();
      for (const signal of signals) process.off(signal, interrupt);
      process.off('exit', abandon);
    });
    return clearing;
  };
  for (const signal of signals) process.once(signal, interrupt);
  process.once('exit', abandon);

  return {
    folder,
    add(child) {
      children.push(child);
      return child;
    },
    interrupted: () => interrupted,
    clear,
  };
}
