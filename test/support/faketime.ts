import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'vitest';
import { postgresAbsent } from './postgres.ts';

/** Where Debian's package `faketime` puts its library, whatever the machine. */
function findLibrary(): string | undefined {
  const libraries = '/usr/lib';
  const folders = existsSync(libraries) ? readdirSync(libraries) : [];
  return folders
    .map(name => join(libraries, name, 'faketime', 'libfaketime.so.1'))
    .find(file => existsSync(file));
}

const library = findLibrary();
if (library === undefined)
  console.warn(
    'libfaketime is not installed: the tests of a wall clock that is set are skipped. On Debian: apt-get install faketime',
  );

/** `describe` for what sets the clocks of a gate's process: skipped where that cannot be done, which strict runs refuse. */
export const describeWithFaketime =
  library !== undefined && postgresAbsent() === undefined ? describe : describe.skip;

/** The clocks of a process that was started with `environment`. */
export interface FakeClock {
  readonly environment: Readonly<Record<string, string>>;
  /** So many seconds from the true time, from now on. */
  set(bySeconds: number): void;
}

/**
 * @param which the wall clock alone, as when somebody sets it; or the monotonic one with it, as when a machine was asleep: that one
 *   goes forward only, for node ends itself when it sees it go back.
 */
export function fakeClock(folder: string, which: 'wall' | 'all'): FakeClock {
  const file = join(folder, `clock-${which}`);
  const set = (bySeconds: number): void =>
    writeFileSync(file, `${bySeconds < 0 ? '-' : '+'}${Math.abs(bySeconds)}\n`);
  set(0);
  const keepMonotonic = { FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' };
  return {
    environment: {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      ...(which === 'wall' ? keepMonotonic : {}),
    },
    set,
  };
}
