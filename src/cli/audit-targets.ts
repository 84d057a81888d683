import { requireId } from './audit-show.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import { NoAnswer } from './said-no.ts';
import type { Terminal } from './terminal.ts';

/** The frozen target set of a request, one id a line: what `--targets-from` reads. As JSON each is a string. */
export async function runAuditTargets(
  id: string,
  json: boolean,
  calls: Pick<GateCalls, 'targets'>,
  terminal: Terminal,
): Promise<number> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of calls.targets(requireId(id))) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) terminal.say(json ? line : String(JSON.parse(line)));
  }
  // Half a list of targets reads like a list.
  if (rest !== '') throw new NoAnswer('the list broke off: fetch it again', undefined);
  return exitCode.done;
}
