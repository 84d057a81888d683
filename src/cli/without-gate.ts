import { existsSync } from 'node:fs';
import { configFileOf } from '../config/environment.ts';
import { MAX_FILE_BYTES } from '../config/yaml-file.ts';
import { asError } from '../kit/fault.ts';
import { readPlainFileSync } from '../kit/plain-file.ts';
import { isBlank } from '../kit/text.ts';
import { sayUnread } from './load-file.ts';
import { printable } from './printable.ts';
import { readKillFile, type KillFile } from './read-kill-file.ts';
import { shellWord } from './shell-word.ts';
import type { Terminal } from './terminal.ts';

/** The way that needs no gate, no key and no database: the kill file. Each line of it is said once. */
export interface WithoutGate {
  /** @param when at the beginning of the sentence: `Without the gate` */
  say(when: string): void;
  /** As `say`, where the gate has named a kill file of its own. */
  sayFurther(when: string): void;
  /** That the configuration that was named is of no use, if it is not. */
  sayUnreadable(): void;
  /** Undefined where it cannot be told. */
  readonly file: string | undefined;
}

/**
 * Nothing is read before it is asked for: a disk that hangs keeps nobody from stopping.
 * @param config whose kill file is named
 */
export function wayWithoutGate(config: string | undefined, terminal: Terminal): WithoutGate {
  let isSaid = false;
  let isLookedAt = false;
  const sayUnreadable = (): void => {
    const trouble = config === undefined || isLookedAt ? undefined : troubleOf(config);
    isLookedAt = true;
    if (trouble !== undefined)
      terminal.complain(`interlock: --config: ${printable(trouble)}. Nothing was taken from it.`);
  };
  const once = (work: () => void): void => {
    sayUnreadable();
    if (!isSaid) work();
    isSaid = true;
  };
  return {
    say: when => once(() => sayKillFile(killFileOf(config), when, config !== undefined, terminal)),
    sayFurther: when =>
      once(() => {
        const found = killFileOf(config);
        // A line that speaks of kill files in general would only make the one that was named unsure again.
        if (found !== undefined) sayKillFile(found, when, true, terminal);
        else terminal.complain('Every other machine that runs a gate has a kill file of its own: make each.');
      }),
    sayUnreadable,
    get file() {
      return killFileOf(config)?.file;
    },
  };
}

/** Why a configuration that was named cannot be read; undefined where it can. */
function troubleOf(file: string): string | undefined {
  if (isBlank(file)) return 'it is blank';
  try {
    readPlainFileSync(file, MAX_FILE_BYTES);
    return undefined;
  } catch (thrown) {
    return sayUnread(file, asError(thrown));
  }
}

function sayKillFile(found: KillFile | undefined, when: string, isNamed: boolean, terminal: Terminal): void {
  if (found === undefined) {
    terminal.complain(
      `${when}: make the kill file of each gate, on its machine. It is \`kill_file\` of its configuration, or KILL beside it if \`kill_file\` is not set${isNamed ? '' : '; --config FILE tells'}.`,
    );
    return;
  }
  const { file, isDefault } = found;
  terminal.complain(`${when}: on each machine that runs a gate,\n  touch ${printable(shellWord(file))}`);
  if (isDefault)
    terminal.complain(
      '(the default: its configuration sets no `kill_file` now. A gate keeps the one that it was started with)',
    );
}

/** Read as text: neither a configuration that is broken elsewhere nor an environment that is may keep anybody from stopping. */
function killFileOf(config: string | undefined): KillFile | undefined {
  try {
    const file = configFileOf(config);
    return existsSync(file) ? readKillFile(file) : undefined;
  } catch {
    return undefined;
  }
}
