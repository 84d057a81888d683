import { findRequest } from './audit-show.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import { jsonLine, printable } from './printable.ts';
import type { Terminal } from './terminal.ts';
import { isReaderGone } from './watch-output.ts';

/** The frozen target set of a request, one id a line: what `--targets-from` reads. As JSON each is a string. */
export async function runAuditTargets(
  id: string,
  json: boolean,
  calls: Pick<GateCalls, 'targets' | 'search'>,
  terminal: Terminal,
): Promise<number> {
  for await (const target of await calls.targets(await findRequest(id, calls))) {
    terminal.say(json ? jsonLine(target) : printable(target));
    if (isReaderGone()) break;
  }
  return exitCode.done;
}
