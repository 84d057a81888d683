import { UsageError } from '../config/environment.ts';
import { isBlank } from '../kit/text.ts';
import { exitCode } from './exit-code.ts';
import type { GateCalls } from './gate-calls.ts';
import { jsonLine, printable } from './printable.ts';
import { sendOnce } from './send-once.ts';
import type { Terminal } from './terminal.ts';

/** Takes the database's time after a jump. @returns 0 when it is accepted; that there is no jump is a no of the gate */
export async function runAcceptClock(
  options: { readonly reason?: string; readonly json: boolean },
  calls: Pick<GateCalls, 'acceptClock' | 'next'>,
  terminal: Terminal,
): Promise<number> {
  const { reason, json } = options;
  if (reason === undefined || isBlank(reason))
    throw new UsageError('a time is accepted with a reason: --reason "…". Nothing was accepted');
  const accepted = await sendOnce(async signal => await calls.acceptClock(reason, { signal }), {
    untold: `It is not known whether the time is accepted: ask again, or look with ${calls.next('doctor')}`,
    terminal,
  });
  if (json) terminal.say(jsonLine(accepted));
  else {
    terminal.say(
      `Accepted ${printable(accepted.accepted)} as the time; it was ${printable(accepted.was)} before.`,
    );
    terminal.say(`Windows count from there. It is entry ${accepted.seq} of the audit trail.`);
  }
  return exitCode.done;
}
