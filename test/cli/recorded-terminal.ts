import picocolors from 'picocolors';
import type { Terminal } from '../../src/cli/terminal.ts';

/** A terminal that remembers what was said on it. */
export function recordedTerminal(): Terminal & {
  readonly said: string[];
  readonly complained: string[];
  /** Each line that was shown while something went on; undefined where it was taken away. */
  readonly progressed: (string | undefined)[];
} {
  const said: string[] = [];
  const complained: string[] = [];
  const progressed: (string | undefined)[] = [];
  return {
    said,
    complained,
    progressed,
    say: line => void said.push(line),
    complain: line => void complained.push(line),
    pass: (line, to) => void (to === 'answer' ? said : complained).push(line),
    progress: line => void progressed.push(line),
    isPerson: false,
    paint: picocolors.createColors(false),
  };
}
