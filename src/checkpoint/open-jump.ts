import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

import { asError } from '../kit/fault.ts';
import type { FileThreads } from '../kit/file-threads.ts';
import { inTime } from '../kit/in-time.ts';
import type { Logger } from '../kit/logger.ts';
import { parseJson } from '../kit/parse-json.ts';
import type { KeptJump, OpenJump } from '../ledger/clock-watch.ts';
import { makeEmpty, readIfThere, removeFile, replaceFile } from './durable-files.ts';

interface Options {
  /** The file of checkpoints; this one stands beside it. */
  readonly checkpoints: string;
  readonly threads: FileThreads;
  readonly logger: Logger;
  /** Between two tries to write it, milliseconds: for tests. */
  readonly againMs?: number;
}

const schema = z.strictObject({
  boot: z.string(),
  sinceBootMs: z.number(),
  atMs: z.number(),
  accepted: z.int().nonnegative(),
});

const MODE = 0o600;

/** How long a start waits for it. */
const READ_MS = 10_000;

/** Between two tries to write it. */
const AGAIN_MS = 5_000;

/** A jump of the clock that is not over, in `FILE.clock`; there is none where there is no such file. One that cannot be written stops nothing, for nothing is decided anyhow: the log says so. */
export class JumpFile implements KeptJump {
  readonly found: KeptJump['found'];
  readonly #file: string;
  readonly #options: Options;
  #next: { readonly jump: OpenJump | undefined } | undefined;
  #isWriting = false;

  private constructor(options: Options, found: KeptJump['found']) {
    this.#options = options;
    this.#file = fileOf(options.checkpoints);
    this.found = found;
  }

  /** Never rejects: what cannot be read is a no until an operator accepts the time, and the switch works meanwhile. */
  static async open(options: Options): Promise<JumpFile> {
    try {
      return new JumpFile(options, await readJump(options.checkpoints));
    } catch (thrown) {
      options.logger.error(
        { err: asError(thrown), file: fileOf(options.checkpoints) },
        'what is known of a jump of the clock cannot be read: nothing is decided until an operator accepts the time',
      );
      return new JumpFile(options, 'unreadable');
    }
  }

  keep(jump: OpenJump | undefined): void {
    this.#next = { jump };
    if (!this.#isWriting) void this.#write();
  }

  /** Only the last of what comes while one is written, until that succeeds. Never rejects. */
  async #write(): Promise<void> {
    this.#isWriting = true;
    let isSaid = false;
    const { threads, logger } = this.#options;
    while (this.#next !== undefined) {
      const { jump } = this.#next;
      this.#next = undefined;
      try {
        await threads.hold(async () => await writeJump(this.#file, jump), this.#file);
      } catch (thrown) {
        if (!isSaid)
          logger.error(
            { err: asError(thrown), file: this.#file },
            'a jump of the clock, or its end, cannot be kept: a gate that is started again may ask for an accepted time, or take the wrong clock for the right one',
          );
        isSaid = true;
        await sleep(this.#options.againMs ?? AGAIN_MS, undefined, { ref: false });
        this.#next ??= { jump };
      }
    }
    this.#isWriting = false;
  }
}

const fileOf = (checkpoints: string): string => `${checkpoints}.clock`;

async function writeJump(file: string, jump: OpenJump | undefined): Promise<void> {
  if (jump === undefined) return await removeFile(file);
  try {
    await replaceFile(file, `${JSON.stringify(jump)}\n`, MODE);
  } catch (thrown) {
    // A start that finds nothing in it decides nothing until an operator accepts the time.
    await makeEmpty(file, MODE);
    throw thrown;
  }
}

/** @throws Error if it is there and cannot be read, or is not as it must be */
async function readJump(checkpoints: string): Promise<OpenJump | undefined> {
  const late = (): Error => new Error(`its disk has not answered for ${READ_MS / 1_000} s`);
  const text = await inTime(readIfThere(fileOf(checkpoints)), READ_MS, late);
  return text === undefined ? undefined : schema.parse(parseJson(text));
}
