/** Where a command speaks: what it answers, and what it says beside that. */
export interface Terminal {
  /** A line of the answer, on stdout. */
  say(line: string): void;
  /** A line for a person, on stderr. */
  complain(line: string): void;
}

export const processTerminal: Terminal = {
  say: line => void process.stdout.write(`${line}\n`),
  complain: line => void process.stderr.write(`${line}\n`),
};
