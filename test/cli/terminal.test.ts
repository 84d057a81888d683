import { expect, it } from 'vitest';
import { openTerminal } from '../../src/cli/terminal.ts';

/** A terminal on streams that remember, `seconds` after it was opened. */
function opened(isTTY: boolean) {
  const written: string[] = [];
  let seconds = 0;
  const stream = {
    isTTY,
    columns: 20,
    write: (text: string) => written.push(text) > 0,
  } as NodeJS.WriteStream;
  const terminal = openTerminal({ stdout: stream, stderr: stream } as never, {
    monotonicMs: () => seconds * 1_000,
  });
  return {
    written,
    progressAt: (at: number, line: string | undefined): void => {
      seconds = at;
      terminal.progress(line);
    },
  };
}

it('shows on a terminal how far something is, in one line that is taken away', () => {
  const { written, progressAt } = opened(true);
  progressAt(0, undefined);
  progressAt(1, '1 of 2 things, and more than a line holds');
  progressAt(2, undefined);
  expect(written).toEqual(['\r\u001b[2K1 of 2 things, and ', '\r\u001b[2K']);
});

it('leaves a line of it in a log, once in half a minute', () => {
  const { written, progressAt } = opened(false);
  for (const at of [1, 29, 30, 31, 59, 61]) progressAt(at, `after ${at} s`);
  progressAt(100, undefined);
  expect(written).toEqual(['after 30 s\n', 'after 61 s\n']);
});
