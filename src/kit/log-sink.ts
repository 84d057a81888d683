import { fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Takes whole lines, and never throws. */
export interface Lines {
  /** False where the line was not taken. */
  put(line: string): boolean;
  /** Whether all that was taken has gone out. */
  isEmpty(): boolean;
}

/** Bytes that may wait for whoever reads them. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;

/** A pipe, a socket or a terminal: what its reader does not take waits in memory, up to a bound. */
export const streamLines = (stream: Pick<NodeJS.WriteStream, 'write' | 'writableLength'>): Lines => ({
  put: line => {
    if (stream.writableLength + Buffer.byteLength(line) > MOST_WAITING_BYTES) return false;
    stream.write(line);
    return true;
  },
  isEmpty: () => stream.writableLength === 0,
});

/** A file, which takes a line at once or, on a full disk, not at all, or a part of it. */
export function fileLines(fd: number, write: (fd: number, bytes: Buffer) => number = writeSync): Lines {
  let isTorn = false;
  return {
    put: line => {
      const text = Buffer.from(isTorn ? `\n${line}` : line);
      try {
        const written = write(fd, text);
        // What follows half a line must not be read as the rest of it.
        if (written > 0) isTorn = written < text.length;
        return written === text.length;
      } catch {
        return false;
      }
    },
    isEmpty: () => true,
  };
}

const STDERR = 2;

export function stderrLines(): Lines {
  const what = fstatSync(STDERR);
  const hasReader = what.isFIFO() || what.isSocket() || isatty(STDERR);
  return hasReader ? streamLines(process.stderr) : fileLines(STDERR);
}

/**
 * Where the lines of the log go. Nothing of a gate waits for whoever reads them, or ends because they cannot be written: a reader that
 * hangs, or a full disk, would otherwise keep everybody from the kill switch. What is not taken is dropped, and counted.
 */
export class LogSink {
  readonly #lines: Lines;
  readonly #onDropped: (lines: number) => void;
  #dropped = 0;

  /** @param onDropped told how many lines were dropped, once lines are taken again */
  constructor(lines: Lines, onDropped: (lines: number) => void) {
    this.#lines = lines;
    this.#onDropped = onDropped;
  }

  write(line: string): void {
    const hadRoom = this.#lines.isEmpty();
    if (!this.#lines.put(line)) {
      this.#dropped += 1;
      return;
    }
    // Told while lines still wait, it would be told again and again.
    if (this.#dropped === 0 || !hadRoom) return;
    const dropped = this.#dropped;
    this.#dropped = 0;
    this.#onDropped(dropped);
  }
}
