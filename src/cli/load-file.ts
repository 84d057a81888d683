import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { UsageError } from '../config/environment.ts';
import { asError, codeOf } from '../kit/fault.ts';
import { isBlank, quote } from '../kit/text.ts';

export type LoadFormat = 'csv' | 'ndjson';

export interface LoadFile {
  /** Undefined for stdin. */
  readonly file: string | undefined;
  readonly format: LoadFormat;
  /** In bytes; undefined for stdin, and for a pipe that has a name. */
  readonly size: number | undefined;
}

/** @throws UsageError where it is not there, or its name does not say how it is written */
export async function openLoadFile(named: string, format: LoadFormat | undefined): Promise<LoadFile> {
  if (isBlank(named)) throw new UsageError('the file is blank: name one, or - for stdin');
  const chosen = format ?? formatOf(named);
  if (chosen === undefined)
    throw new UsageError(
      `${named === '-' ? 'stdin' : quote(named)} does not say how it is written: --format csv or ndjson`,
    );
  if (named === '-') return { file: undefined, format: chosen, size: undefined };
  const found = await stat(named).catch((thrown: unknown) => {
    throw new UsageError(sayUnread(named, asError(thrown)));
  });
  if (found.isDirectory()) throw new UsageError(`${quote(named)} is a folder`);
  if (found.isFile() && found.size === 0)
    throw new UsageError(
      `${quote(named)} is empty. An empty answer is not an empty fleet: look at what wrote it`,
    );
  return { file: named, format: chosen, size: found.isFile() ? found.size : undefined };
}

/** Node's own words name the file once more, and the call that failed. */
export function sayUnread(file: string, error: Error): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return `there is no file ${quote(file)}`;
  if (code === 'EACCES') return `${quote(file)} may not be read by this user`;
  if (code === 'EISDIR') return `${quote(file)} is a folder`;
  return `${quote(file)} cannot be read: ${error.message}`;
}

function formatOf(name: string): LoadFormat | undefined {
  if (/\.csv$/i.test(name)) return 'csv';
  return /\.(ndjson|jsonl)$/i.test(name) ? 'ndjson' : undefined;
}

export async function* piecesOf({ file }: LoadFile): AsyncGenerator<Uint8Array, void> {
  const stream = file === undefined ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
  try {
    for await (const piece of stream) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
  } catch (thrown) {
    throw new UsageError(
      file === undefined
        ? `stdin cannot be read: ${asError(thrown).message}`
        : sayUnread(file, asError(thrown)),
    );
  }
}

/** Counts the lines of a load as the gate does: those of CSV are its records, without the header; blank ones at the end are none. */
export class LineCount {
  readonly #csv: boolean;
  #records = 0;
  #quoted = false;
  /** Whether anything but a carriage return stands in the line so far. */
  #begun = false;

  constructor(format: LoadFormat) {
    this.#csv = format === 'csv';
  }

  add(piece: Uint8Array): void {
    for (const byte of piece) {
      if (byte === 0x0a && !this.#quoted) this.#end();
      else if (byte !== 0x0d) this.#begun = true;
      if (this.#csv && byte === 0x22) this.#quoted = !this.#quoted;
    }
  }

  /** So far; a last line without its end among them. */
  get lines(): number {
    const records = this.#records + (this.#begun ? 1 : 0);
    return this.#csv ? Math.max(0, records - 1) : records;
  }

  #end(): void {
    if (this.#begun) this.#records += 1;
    this.#begun = false;
  }
}

/** The lines of a whole file. */
export async function countLines(load: LoadFile): Promise<number> {
  const count = new LineCount(load.format);
  for await (const piece of piecesOf(load)) count.add(piece);
  return count.lines;
}
