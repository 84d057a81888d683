import { parseCheckpoint, type Checkpoint } from '../../checkpoint/checkpoint.ts';
import { lastLines } from '../../checkpoint/durable-files.ts';
import { requireGoodCheckpoint } from '../../checkpoint/found.ts';
import { nameOf, UNSIGNED } from '../../checkpoint/restored.ts';
import { readSigningKey } from '../../checkpoint/signing-key.ts';
import type { Config } from '../../config/config.ts';
import { asError } from '../../kit/fault.ts';
import { showDuration } from '../times.ts';
import { findingsOf, type Finding } from './finding.ts';

export interface CheckpointsFound {
  readonly findings: readonly Finding[];
  /** What the database must hold; undefined where nothing was signed yet, or it cannot be read. */
  readonly newest?: Checkpoint;
}

/** The key that signs, and the newest checkpoint. What the database says to it is another check. */
export async function checkCheckpoints(config: Config, nowMs: number): Promise<CheckpointsFound> {
  const { ok, fail } = findingsOf('checkpoints');
  const file = config.checkpoints;
  try {
    const key = await readSigningKey(file);
    const lines = await lastLines(file, some => some.some(line => parseCheckpoint(line) !== undefined));
    const newest = lines.flatMap(line => parseCheckpoint(line) ?? []).at(-1);
    if (newest === undefined && key !== undefined)
      return {
        findings: [
          fail(
            `${file} holds no checkpoint, and ${file}.key is there: what it signed is lost`,
            'put the file back as it was last, no copy as old as the database: no gate starts without it, and its refusal says how to go on if it is lost',
          ),
        ],
      };
    if (newest === undefined)
      return {
        findings: [
          ok(
            `none in ${file} yet: a gate signs one in its first minute. Where one has signed before, and all of that is lost, \`serve --restored ${UNSIGNED}\` takes the database for a copy that was put back`,
          ),
        ],
      };
    const agoS = (nowMs - Date.parse(newest.at)) / 1000;
    const said = `entry ${newest.seq} was signed ${showDuration(agoS)} ago, its checkpoint is ${nameOf(newest)}`;
    if (key === undefined)
      return {
        newest,
        findings: [
          fail(
            `${file}.key is gone, and ${file} holds what it signed`,
            'put the key back: no gate starts without it',
          ),
        ],
      };
    if (key.key !== newest.key)
      return {
        newest,
        findings: [
          fail(
            `the newest of ${file} was signed by the key ${newest.key}, which ${file}.key is not`,
            'put back the key that belongs to the file: no gate starts with another',
          ),
        ],
      };
    requireGoodCheckpoint(file, newest, key);
    return { newest, findings: [ok(`${said} (${file})`)] };
  } catch (thrown) {
    return { findings: [fail(asError(thrown).message, 'no gate starts like this: set it right')] };
  }
}
