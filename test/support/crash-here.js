// What stands in the place of `src/kit/crash-point.ts` under `node --conditions=interlock-crash`. It is loaded by the built program,
// so it is JavaScript. The file that INTERLOCK_CRASH_FILE names says where to die: `turn.committed`, or `turn.committed:3` for the
// third time since it was written. It is read at each point, so a test can arm a gate that runs already; while it is not there, nothing happens.
import { appendFileSync, readFileSync } from 'node:fs';

const file = process.env['INTERLOCK_CRASH_FILE'];
let armed = '';
let left = 0;

function read() {
  try {
    return file === undefined ? '' : readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Kills its own process, at once, when it is the point that it was told. Says so first, in a file beside. */
export function crashPoint(at) {
  const now = read();
  const [point, times = '1'] = now.split(':');
  if (now !== armed) left = Number(times);
  armed = now;
  if (at !== point) return;
  left -= 1;
  if (left > 0) return;
  appendFileSync(`${file}.reached`, `${at}\n`);
  process.kill(process.pid, 'SIGKILL');
}
