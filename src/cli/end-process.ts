import { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { doesDiskHang, killOwnProcess } from './hanging-disk.ts';

/**
 * So long a reader may take nothing, and at first for twice as long: what the pipe took at once counts as taken by him. Somebody who reads
 * in a pager may take longer, and then finds the answer cut; a job of CI has to end.
 */
const MOST_STILL_MS = 30_000;

/**
 * Resolves when all that was written is taken, or never will be: its reader is gone, or took nothing for `stillMs`. A pipe holds 64 KiB
 * that nobody has read yet; the rest waits in this process, and would end with it.
 */
export async function outputTaken(
  stillMs: number,
  { stdout, stderr }: { readonly stdout: Writable; readonly stderr: Writable } = process,
): Promise<void> {
  await Promise.all([stdout, stderr].map(async stream => await taken(stream, stillMs)));
}

const taken = async (stream: Writable, stillMs: number): Promise<void> =>
  await new Promise(resolve => {
    // What a file or a terminal is given, it has. What has something waiting is a pipe.
    if (stream.writableLength === 0 || !(stream instanceof Socket)) return resolve();
    // Of a long text that is taken piece by piece, each piece sets it back.
    stream.setTimeout(stillMs, resolve);
    // Its turn comes behind all that waits, and at once where the reader is gone.
    stream.write('', () => resolve());
  });

let firstCode: number | undefined;

/** Ends the process when what it has said is taken. Of several ends the first holds: what crashed may go on until then, and come to another. */
export async function endProcess(code: number): Promise<void> {
  firstCode ??= code;
  await outputTaken(MOST_STILL_MS);
  // As of a gate that did not start because a disk hangs: it would stay.
  if (await doesDiskHang()) killOwnProcess();
  process.exit(firstCode);
}
