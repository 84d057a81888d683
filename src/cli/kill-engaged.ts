import type { Switches } from '../client/types.ts';
import { UsageError } from '../config/environment.ts';
import { asError } from '../kit/fault.ts';
import { isBlank } from '../kit/text.ts';
import { exitCode } from './exit-code.ts';
import { findId, isWholeId } from './find-id.ts';
import { connectCalls, type GateCalls } from './gate-calls.ts';
import { gateOf, type GateOptions } from './gate-connection.ts';
import { endOf, isStoreAway } from './kill-end.ts';
import { jsonLine, printable } from './printable.ts';
import { sendOnce } from './send-once.ts';
import { showScope } from './show-scope.ts';
import { fitTable } from './table.ts';
import type { Terminal } from './terminal.ts';
import { showAgo } from './times.ts';

/** @returns 0; the table of what is engaged is the answer */
export async function runKillStatus(
  options: Omit<GateOptions, 'json'> & { readonly json: boolean },
  terminal: Terminal,
  look: { readonly nowMs: number; readonly width?: number },
): Promise<number> {
  const switches = await connectCalls(gateOf(options), terminal)
    .switches()
    .catch((thrown: unknown) => {
      if (endOf(thrown) === exitCode.couldNotTell)
        terminal.complain(
          'What is engaged cannot be told now. Nothing releases a switch by itself: what was engaged still is.',
        );
      throw thrown;
    });
  if (options.json) terminal.say(jsonLine(switches));
  else if (switches.engaged.length === 0) terminal.say(NOTHING_IS);
  else for (const line of switchTable(switches, look)) terminal.say(line);
  return exitCode.done;
}

/** Of kill files a gate knows its own: another gate of the same store may be engaged by one. */
const NOTHING_IS =
  'Nothing is engaged: no switch, which stops all gates, and no kill file at the gate that answered. Others may have one.';

function showStops(one: Switches['engaged'][number]): string {
  if (one.id === 'kill-file') return `${showScope(one.scope)}, at this gate only`;
  return one.note === undefined ? showScope(one.scope) : `${showScope(one.scope)}: ${printable(one.note)}`;
}

function switchTable({ engaged }: Switches, { nowMs, width }: { nowMs: number; width?: number }): string[] {
  const columns = [
    { title: 'ID' },
    { title: 'STOPS' },
    { title: 'SINCE' },
    { title: 'BY' },
    { title: 'LETS THROUGH' },
    { title: 'REASON' },
  ] as const;
  const rows = engaged.map(one => [
    one.id,
    showStops(one),
    'engaged_at' in one ? showAgo(one.engaged_at, nowMs) : undefined,
    'engaged_by' in one ? one.engaged_by : undefined,
    one.except.join(', '),
    one.reason,
  ]);
  return fitTable(columns, rows, width);
}

export interface ReleaseOptions extends Omit<GateOptions, 'json'> {
  readonly reason?: string;
  readonly json: boolean;
}

/** @param given the id, or the beginning of it as far as it is the only one */
export async function runKillRelease(
  given: string,
  options: ReleaseOptions,
  terminal: Terminal,
): Promise<number> {
  if (options.reason === undefined || isBlank(options.reason))
    throw new UsageError('a release says why: --reason "…". Nothing was released');
  const calls = connectCalls(gateOf(options), terminal);
  const { reason } = options;
  const released = await tellingIfNot(terminal, async () => {
    const id = isWholeId(given) ? given : await findSwitch(given, calls);
    return await sendOnce(async signal => await calls.release(id, reason, { signal }), {
      untold: `It is not known whether it is released: ${calls.next('kill status')} tells.`,
      terminal,
    });
  });
  if (options.json) terminal.say(jsonLine(released));
  else {
    terminal.say(
      `Released for ${showScope(released.scope)}. What it stopped stays stopped; new requests are decided again.`,
    );
    await sayStillEngaged(calls, terminal);
  }
  return exitCode.done;
}

/** The release is done, and has been said: that this is not told does not undo it. */
async function sayStillEngaged(
  calls: Pick<GateCalls, 'switches' | 'next'>,
  terminal: Terminal,
): Promise<void> {
  const left = await calls.switches().catch(() => undefined);
  if (left === undefined)
    terminal.complain(`What else is engaged could not be told: ${calls.next('kill status')} tells.`);
  else if (left.engaged.length > 0)
    terminal.say(
      `Still engaged: ${left.engaged.map(one => `${showScope(one.scope)} (${printable(one.id)})`).join(', ')}.`,
    );
}

/** A database that is away has released nothing. Its gate says how to stop without it, and whoever releases wants to go on. */
async function tellingIfNot<T>(terminal: Terminal, release: () => Promise<T>): Promise<T> {
  try {
    return await release();
  } catch (thrown) {
    if (isStoreAway(asError(thrown)))
      terminal.complain(
        'Nothing was released: what was engaged still is. Release it when the database is back.',
      );
    throw thrown;
  }
}

async function findSwitch(given: string, calls: GateCalls): Promise<string> {
  if (given === 'kill-file')
    throw new UsageError('the kill file is released by taking the file away, on the machine of the gate');
  const { engaged } = await calls.switches();
  return findId(
    given,
    engaged.map(({ id }) => id),
    {
      one: 'switch',
      many: 'switches',
      listed: 'engaged are',
      none: 'nothing is engaged',
      end: 'Nothing was released',
    },
  );
}
