import { lstat, open, realpath, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { NoAnswerError } from '../client/errors.ts';
import { UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { kindOf } from '../kit/plain-file.ts';
import { isBlank, quote } from '../kit/text.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import { ifThere } from './if-there.ts';
import { jsonLine, printable } from './printable.ts';
import { shellWord } from './shell-word.ts';
import { showBytes } from './show-bytes.ts';
import { countOf } from './table.ts';
import type { Terminal } from './terminal.ts';
import { UnwrittenError } from './watch-output.ts';

export interface ExportOptions {
  /** Undefined for stdout. */
  readonly out?: string;
  /** Whether a file that is there may be taken the place of. */
  readonly force: boolean;
  readonly json: boolean;
}

const LINE_FEED = 0x0a;
const CALL = { method: 'GET', url: '/v1/audit', attempts: 1 } as const;

/**
 * The whole trail as NDJSON. A file appears under its name when it is whole and on the disk, and not before: half an export looks
 * like one, and would be verified as a trail that was cut.
 * @throws NoAnswerError where it broke off, UsageError where it cannot be written
 */
export async function runAuditExport(
  { out, force, json }: ExportOptions,
  calls: Pick<GateCalls, 'export'>,
  terminal: Terminal,
  write: (bytes: Uint8Array) => Promise<void>,
): Promise<number> {
  if (out === undefined) {
    try {
      for await (const piece of counted(await calls.export('audit', 'ndjson'), terminal).pieces)
        await write(piece);
      return exitCode.done;
    } catch (thrown) {
      // A part never ends like the whole.
      if (thrown instanceof UnwrittenError) return exitCode.couldNotTell;
      throw thrown;
    }
  }
  if (isBlank(out)) throw new UsageError('--out is blank: name a file, or leave it out');
  const place = await placeOf(out, force);
  const trail = counted(await calls.export('audit', 'ndjson'), terminal);
  await writeWhole(place, trail.pieces);
  const { entries, bytes } = trail.counts();
  if (json) terminal.say(jsonLine({ file: path.resolve(out), entries, bytes }));
  else
    terminal.say(
      `${countOf(entries, 'entry')} in ${out} (${showBytes(bytes)}). Verify with: interlock audit verify --export ${printable(shellWord(out))}`,
    );
  return exitCode.done;
}

/** Where the file is to stand: behind links, which stay. What is no file stays as it is. @throws UsageError */
async function placeOf(out: string, force: boolean): Promise<string> {
  if ((await ifThere(lstat(out))) === undefined) return out;
  const there = await ifThere(stat(out));
  if (there?.isFile() === false)
    throw new UsageError(
      `${quote(out)} is ${kindOf(there)}, and not a file: name one, or leave --out away for stdout`,
    );
  if (!force)
    throw new UsageError(`${quote(out)} is there already: name another file, or say --force to replace it`);
  if (there === undefined)
    throw new UsageError(`${quote(out)} is a link to nothing: name the file that it should lead to`);
  return await realpath(out);
}

/** @throws UsageError where it cannot be written, and whatever reading it throws; then nothing stands under its name */
async function writeWhole(out: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const part = `${out}.part`;
  const told = async <T>(work: Promise<T>): Promise<T> =>
    await work.catch((thrown: unknown) => {
      throw new UsageError(
        `${quote(part)} cannot be written: ${asError(thrown).message}. Nothing was put at ${quote(out)}`,
      );
    });
  const file = await told(open(part, 'w', 0o600));
  try {
    // All of a piece: `write` may write less than it was given, as on a disk that fills, and does not throw.
    for await (const piece of pieces) await told(file.appendFile(piece));
    await told(file.sync());
  } finally {
    await file.close();
  }
  await told(rename(part, out));
}

/** Counts what goes by; a trail that ends in the middle of a line, or holds nothing, is none. */
function counted(trail: AsyncIterable<Uint8Array>, terminal: Terminal) {
  let entries = 0;
  let bytes = 0;
  let last = LINE_FEED;
  async function* pieces(): AsyncGenerator<Uint8Array, void> {
    for await (const piece of trail) {
      for (const byte of piece) if (byte === LINE_FEED) entries += 1;
      bytes += piece.length;
      last = piece.at(-1) ?? last;
      terminal.progress(`${countOf(entries, 'entry')}, ${showBytes(bytes)} so far …`);
      yield piece;
    }
    terminal.progress(undefined);
    if (last !== LINE_FEED || entries === 0)
      throw new NoAnswerError('the export broke off: fetch it again', CALL);
  }
  return { pieces: pieces(), counts: () => ({ entries, bytes }) };
}
