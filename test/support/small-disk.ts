import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** A disk of a few MiB, which a test may fill. */
export interface SmallDisk {
  readonly folder: string;
  /** Leaves not a byte. */
  fill(): void;
  /** Gives all of that back. */
  free(): void;
  /** Only when nobody uses it any more. */
  remove(): Promise<void>;
}

/** Why there can be none, or undefined: to mount one takes root. */
export const smallDiskAbsent = (): string | undefined =>
  process.getuid?.() === 0
    ? undefined
    : 'only root can mount a small disk: the tests of a full disk are skipped';

/** Ends when its stdin does: a test run that is killed leaves nothing mounted. */
const guard = 'cat >/dev/null; umount -l "$0" 2>/dev/null; rmdir "$0" 2>/dev/null';

export function mountSmallDisk(mebibytes: number): SmallDisk {
  const folder = mkdtempSync(path.join(tmpdir(), 'interlock-disk-'));
  const guarding = spawn('sh', ['-c', guard, folder], { stdio: ['pipe', 'ignore', 'ignore'] });
  const guarded = new Promise(resolve => guarding.once('exit', resolve));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'interlock-test', folder]);
  const ballast = path.join(folder, 'ballast');
  return {
    folder,
    fill: () => {
      const file = openSync(ballast, 'a');
      for (const size of [1 << 20, 1 << 12]) while (isWritten(file, size));
      closeSync(file);
    },
    free: () => rmSync(ballast, { force: true }),
    remove: async () => {
      guarding.stdin?.end();
      await guarded;
    },
  };
}

/** False when the disk is full. */
function isWritten(file: number, size: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(size)) === size;
  } catch (thrown) {
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOSPC') return false;
    throw thrown;
  }
}
