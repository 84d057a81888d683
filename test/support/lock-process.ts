/* Takes the lock on a folder, says `locked` or why not, and lives until it is killed. */
import { writeSync } from 'node:fs';
import { lockFolder } from '../../src/db/folder-lock.ts';

try {
  await lockFolder(process.argv[2] ?? '');
  writeSync(1, 'locked\n');
  setInterval(() => undefined, 60_000);
} catch (error) {
  writeSync(1, error instanceof Error ? `${error.name}: ${error.message}\n` : 'failed\n');
}
