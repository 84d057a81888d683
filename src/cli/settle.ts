import type { RecordedDecision } from '../client/types.ts';
import { UsageError } from '../config/environment.ts';
import { isBlank } from '../kit/text.ts';
import { exitCode } from './exit-code.ts';
import { beginsAsGiven, findId, isWholeId, refuseOddId } from './find-id.ts';
import type { GateCalls } from './gate-calls.ts';
import { jsonLine, printable } from './printable.ts';
import { ruleOf, SaidNo } from './said-no.ts';
import { countOf } from './table.ts';
import { sendOnce } from './send-once.ts';
import type { Terminal } from './terminal.ts';

export interface SettleOptions {
  readonly delivered: boolean;
  readonly refused: boolean;
  readonly reason?: string;
  readonly json: boolean;
}

type Finding = Pick<GateCalls, 'search'>;

/**
 * Says what became of a request whose outcome nobody knows.
 * @param given its id, or the beginning of it as far as it is the only one that is open
 * @returns 0 if it now stands as it was said; 1 if it stands otherwise all the same
 */
export async function runSettle(
  given: string,
  { delivered, refused, reason, json }: SettleOptions,
  calls: Finding & Pick<GateCalls, 'settle' | 'next'>,
  terminal: Terminal,
): Promise<number> {
  const end = 'Nothing was settled';
  if (delivered === refused)
    throw new UsageError(
      `what became of it? --delivered if the tool did it, --refused if it did nothing: one of them. ${end}`,
    );
  if (reason === undefined || isBlank(reason))
    throw new UsageError(`a settlement says how it is known: --reason "…". ${end}`);
  const status = delivered ? 'delivered' : 'refused';
  const id = await findOpen(given, ['unknown', 'pending'], end, calls);
  const now = await telling(
    id,
    'settled',
    { calls, terminal },
    async signal => await calls.settle(id, { status, reason }, { signal }),
  );
  const stands = now.outcome?.status;
  if (json) terminal.say(jsonLine(now));
  else if (stands === status) terminal.say(`${settledWords[status]}: ${describe(now)}.`);
  else
    terminal.say(
      `It stays ${printable(stands ?? 'as it was')}: ${describe(now)}. What was said is in the audit trail beside it; a delivery is never taken back.`,
    );
  return stands === status ? exitCode.done : exitCode.refused;
}

const settledWords = {
  delivered: 'Settled as delivered, it counts as done',
  refused: 'Settled as refused, nothing was done and its targets are free again',
} as const;

/** Takes a request of one's own back. @returns 0 if nothing of it was sent, and nothing will be */
export async function runCancel(
  given: string,
  json: boolean,
  calls: Finding & Pick<GateCalls, 'cancel' | 'next'>,
  terminal: Terminal,
): Promise<number> {
  const id = await findOpen(given, ['pending'], 'Nothing was cancelled', calls);
  const now = await telling(
    id,
    'cancelled',
    { calls, terminal },
    async signal => await calls.cancel(id, { signal }),
  );
  const isStopped = now.outcome?.status === 'stopped';
  if (json) terminal.say(jsonLine(now));
  else if (isStopped) terminal.say(`Cancelled, nothing was sent to its executor: ${describe(now)}.`);
  else terminal.say(`No further attempt is made, and its outcome stays open: ${describe(now)}.`);
  return isStopped ? exitCode.done : exitCode.couldNotTell;
}

const describe = ({ id, action, targets }: RecordedDecision): string =>
  printable(
    `${action ?? 'the request'}${targets === undefined ? '' : ` of ${countOf(targets.count, 'target')}`}, request ${id}`,
  );

const telling = async <T>(
  id: string,
  what: string,
  { calls, terminal }: { readonly calls: Pick<GateCalls, 'next'>; readonly terminal: Terminal },
  send: (signal: AbortSignal) => Promise<T>,
): Promise<T> =>
  await sendOnce(send, {
    untold: `It is not known whether it is ${what}: ${calls.next(`audit show ${printable(id)}`)} tells.`,
    terminal,
  });

/** The request that is meant; the beginning of its id is looked for among those that are open. @throws UsageError */
async function findOpen(
  given: string,
  outcomes: readonly ('unknown' | 'pending')[],
  end: string,
  calls: Finding,
): Promise<string> {
  if (isWholeId(given)) return given;
  refuseOddId(given, end);
  const open: string[] = [];
  for (const outcome of outcomes)
    for await (const { id } of await searchOpen(outcome, end, calls)) open.push(id);
  const fitting = open.filter(id => beginsAsGiven(id, given));
  return findId(given, fitting.length > 0 ? fitting : open, {
    one: 'open request',
    many: 'open requests',
    listed: 'what is settled is named by its whole id; open are',
    none: `no outcome is ${outcomes.join(' or ')}; what is settled is named by its whole id`,
    end,
  });
}

async function searchOpen(
  outcome: 'unknown' | 'pending',
  end: string,
  calls: Finding,
): Promise<AsyncIterable<RecordedDecision>> {
  try {
    return await calls.search({ outcome });
  } catch (thrown) {
    if (thrown instanceof SaidNo && ruleOf(thrown.problem) === 'principal.not_allowed')
      throw new UsageError(`this key may not search for the beginning of an id: give the whole id. ${end}`);
    throw thrown;
  }
}
