/** Where a command speaks: what it answers, and what it says beside that. */
export interface Terminal {
  /** A line of the answer, on stdout. */
  say(line: string): void;
  /** A line for a person, on stderr. */
  complain(line: string): void;
  /** Columns of the terminal that the answer goes to; undefined where it goes to a pipe or a file, and nothing is cut. */
  readonly width?: number | undefined;
  /** Shows how far something is, in place of what it showed before; undefined where nobody looks on. `''` takes it away. */
  readonly progress?: ((line: string) => void) | undefined;
}

export const processTerminal: Terminal = {
  say: line => void process.stdout.write(`${line}\n`),
  complain: line => void process.stderr.write(`${line}\n`),
  get width() {
    return process.stdout.isTTY ? process.stdout.columns : undefined;
  },
  get progress() {
    return process.stderr.isTTY ? showProgress : undefined;
  },
};

/** Back to the first column, the line, and away with what is left of a longer one. */
const showProgress = (line: string): void => void process.stderr.write(`\r${line}\u001b[K`);

/** The width, as an option that is there or not. */
export const widthOf = ({ width }: Terminal): { readonly width?: number } =>
  width === undefined ? {} : { width };
