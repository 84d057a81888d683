import picocolors from 'picocolors';
import { isGithubJob, wantsNoColour } from '../config/environment.ts';
import { systemClock, type Clock } from '../kit/clock.ts';
import { withoutCommands } from './github-annotation.ts';
import { printableLines } from './printable.ts';

export type Paint = ReturnType<typeof picocolors.createColors>;

/** Where a command speaks: what it answers, and what it says beside that. */
export interface Terminal {
  /** A line of the answer, on stdout. */
  say(line: string): void;
  /** A line for a person, on stderr. */
  complain(line: string): void;
  /** A line that is not for a person but for a program, as it is: data, or a command to the runner of a CI job. */
  pass(line: string, to: 'answer' | 'aside'): void;
  /** A line that the next one takes the place of, on stderr; undefined takes it away. Where nobody looks on, one in half a minute stays. */
  progress(line: string | undefined): void;
  /** For the answer: gives colours where a person reads it on a terminal, and else the text as it is. */
  readonly paint: Paint;
  /** Columns of the terminal that the answer goes to; undefined in a pipe or a file, where nothing is cut. */
  readonly width?: number | undefined;
  /** Whether a person reads the answer: tables are for people. */
  readonly isPerson: boolean;
}

/** Some terminals (of containers, of editors) say that they have no columns at all. */
const widthOfStream = ({ isTTY, columns }: NodeJS.WriteStream): number | undefined =>
  isTTY && columns > 0 ? columns : undefined;

const USUAL_COLUMNS = 80;

const CLEAR_LINE = '\r\u001b[2K';

/** The log of a job keeps each line. */
const REMARK_EVERY_MS = 30_000;

export function openTerminal(
  { stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>,
  clock: Pick<Clock, 'monotonicMs'> = systemClock,
): Terminal {
  // What others wrote stands in what is said, and must not be a command.
  const asText = isGithubJob() ? withoutCommands : (line: string): string => line;
  let remarkedMs = clock.monotonicMs();
  const remark = (line: string): void => {
    if (clock.monotonicMs() - remarkedMs < REMARK_EVERY_MS) return;
    remarkedMs = clock.monotonicMs();
    stderr.write(`${asText(printableLines(line))}\n`);
  };
  let isProgressShown = false;
  const progress = (line: string | undefined): void => {
    if (!stderr.isTTY) {
      if (line !== undefined) remark(line);
      return;
    }
    if (line === undefined && !isProgressShown) return;
    // Longer than the terminal is wide, it would stand on two lines, of which one is cleared.
    stderr.write(CLEAR_LINE + (line ?? '').slice(0, (widthOfStream(stderr) ?? USUAL_COLUMNS) - 1));
    isProgressShown = line !== undefined;
  };
  const write = (stream: NodeJS.WriteStream, line: string): void => {
    progress(undefined);
    stream.write(`${line}\n`);
  };
  return {
    say: line => write(stdout, asText(line)),
    // It has no colours; names of files, options and keys that somebody else made up stand in it.
    complain: line => write(stderr, asText(printableLines(line))),
    pass: (line, to) => write(to === 'answer' ? stdout : stderr, line),
    progress,
    get width() {
      return widthOfStream(stdout);
    },
    isPerson: stdout.isTTY === true,
    paint: picocolors.createColors(stdout.isTTY === true && !wantsNoColour()),
  };
}

/** The process's own. */
export const processTerminal: Terminal = openTerminal(process);

/** The width, as an option that is there or not. */
export const widthOf = ({ width }: Terminal): { readonly width?: number } =>
  width === undefined ? {} : { width };
