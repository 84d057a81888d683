import picocolors from 'picocolors';
import type { Terminal } from '../../src/cli/terminal.ts';

/** A terminal that remembers what was said on it. */
export function recordedTerminal(): Terminal & { readonly said: string[]; readonly complained: string[] } {
  const said: string[] = [];
  const complained: string[] = [];
  return {
    said,
    complained,
    say: line => void said.push(line),
    complain: line => void complained.push(line),
    progress: () => undefined,
    isPerson: false,
    paint: picocolors.createColors(false),
  };
}
