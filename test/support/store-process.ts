/*
 * A process of its own that opens the migrated embedded store in the folder it is given, says `ready` or why not, and then
 * commits one target set after the other, saying the number of each that was acknowledged. Ends when it is killed, or
 * with SIGTERM, which it answers by closing the store.
 */
import { writeSync } from 'node:fs';
import { openStore } from '../../src/db/store.ts';
import { createLogger } from '../../src/kit/logger.ts';

const [, , folder = '', work = 'idle'] = process.argv;
// Straight to the pipe: what was said before a kill has been said.
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};

try {
  const store = await openStore({ type: 'embedded', folder }, createLogger('silent'));
  let isEnding = false;
  const ended = new Promise<void>(resolve => {
    const keepAlive = setInterval(() => undefined, 60_000);
    process.once('SIGTERM', () => {
      isEnding = true;
      clearInterval(keepAlive);
      resolve();
    });
  });
  say('ready');
  if (work === 'idle') await ended;
  else
    for (let number = 1; !isEnding; number += 1) {
      const digest = `${process.pid}-${number}`;
      await store.db
        .insertInto('target_sets')
        .values({ kind: 'host', digest, ids: ['host-1'], target_count: 1 })
        .execute();
      say(digest);
    }
  await store.close();
} catch (error) {
  say(error instanceof Error ? `${error.name}: ${error.message}` : 'failed');
  process.exitCode = 1;
}
