import { canonicalJson } from '../kit/canonical-json.ts';
import { elapsedMs, type Clock } from '../kit/clock.ts';
import { inTime } from '../kit/in-time.ts';
import { NOTHING_WAS_SENT } from '../kit/nothing-sent.ts';
import { isKeyInFile } from '../kit/text.ts';
import type { Permit } from '../ledger/permit.ts';
import type { Attempted } from './attempted.ts';
import type { LateAnswers } from './late-answers.ts';
import { MAX_TIMER_MS, postOnce, type Exchange } from './post-once.ts';
import { readAnswer } from './read-answer.ts';

/** What forwarding needs from outside. */
export interface ForwardPort {
  readonly clock: Clock;
  /** The text of a file, for the executor's key; rejects if it cannot be read. */
  readText(file: string): Promise<string>;
  /** Aborted when the gate stops: then late answers are not listened for any more. */
  readonly stopped: AbortSignal;
  /** What is listened for beside this attempt. */
  readonly late: LateAnswers;
  /** Called when the connection is up, right before the claim's age is looked at and the request is written. If it throws, nothing is sent. */
  readonly beforeWrite: () => void;
}

/**
 * One attempt: one POST of exactly what the permit says, over a connection of its own, within the executor's time-out counted
 * from the claim. Never rejects: what cannot be told is `unknown`, or `never_sent` while nothing was written.
 */
export async function forward(permit: Permit, port: ForwardPort): Promise<Attempted> {
  if (!permit.redeem())
    return neverSent('held_back', 'A permit is good for one attempt, and this one was used.');
  const bearer = await readBearer(permit, port);
  if (bearer === undefined) {
    return neverSent('no_bearer', `${NOTHING_WAS_SENT}: the executor's key cannot be read, or is not one.`);
  }
  if (isTooOld(permit, port.clock)) return expired();
  const exchange = await postOnce({
    url: permit.executor.url,
    headers: headersOf(permit, bearer),
    body: bodyOf(permit),
    stopped: port.stopped,
    late: port.late,
    timeoutMs: permit.executor.timeoutMs - ageMs(permit, port.clock),
    mayNotWrite() {
      port.beforeWrite();
      return isTooOld(permit, port.clock) ? 'expired' : undefined;
    },
  });
  return readExchange(exchange);
}

function readExchange(exchange: Exchange): Attempted {
  switch (exchange.reached) {
    case 'answer':
      return readAnswer(exchange.httpStatus, exchange.headers);
    case 'sent':
      return {
        kind: 'unknown',
        detail: `The request was sent, and ${exchange.why}.`,
        ...(exchange.late !== undefined && { late: exchange.late.then(readExchange) }),
      };
    case 'connection':
      return exchange.why === 'expired'
        ? expired()
        : neverSent('held_back', `${NOTHING_WAS_SENT}: ${exchange.why}.`);
    case 'nothing':
      return { kind: 'never_connected', detail: `${NOTHING_WAS_SENT}: ${exchange.why}.` };
  }
}

const neverSent = (why: 'expired' | 'no_bearer' | 'held_back', detail: string): Attempted => ({
  kind: 'never_sent',
  why,
  detail,
});

const expired = (): Attempted =>
  neverSent('expired', "The claim was older than the executor's time-out before anything was sent.");

const ageMs = ({ claimedAtWallMs, claimedAtMonotonicMs }: Permit, clock: Clock): number =>
  elapsedMs(clock, { wallMs: claimedAtWallMs, monotonicMs: claimedAtMonotonicMs });

/** Asked so that an age that is no number is too old. */
const isTooOld = (permit: Permit, clock: Clock): boolean =>
  !(ageMs(permit, clock) < permit.executor.timeoutMs);

function headersOf(permit: Permit, bearer: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'idempotency-key': permit.requestId,
    'user-agent': 'interlock',
    ...(bearer === '' ? {} : { authorization: `Bearer ${bearer}` }),
  };
}

function bodyOf(permit: Permit): string {
  // The first attempt has these in the order in which they came, a later one as the record has them: a tool that knows a repeat by its bytes
  // has to see one request. Of what is not carried there is no member.
  const { parameters, artifact, plan, effects } = permit;
  const asked: object = JSON.parse(canonicalJson({ parameters, artifact, plan, effects }));
  return JSON.stringify({
    request: permit.requestId,
    action: permit.action,
    targets: permit.ids,
    digest: permit.digest,
    ...asked,
    principal: permit.principal,
    reason: permit.reason,
  });
}

/** The executor's key, read anew at each attempt so that it can be replaced; `''` if none is configured, undefined if it cannot be had. */
async function readBearer(permit: Permit, port: ForwardPort): Promise<string | undefined> {
  const file = permit.executor.bearerFile;
  if (file === undefined) return '';
  const leftMs = permit.executor.timeoutMs - ageMs(permit, port.clock);
  const bearer = await readInTime(port, file, leftMs);
  // One line of visible ASCII: anything else would end the header, or be cut off somewhere.
  return bearer !== undefined && isKeyInFile(bearer) ? bearer : undefined;
}

/** The text without what surrounds it, or undefined if reading fails or does not end in time: a pipe, or a network disk that is away. */
const readInTime = async (port: ForwardPort, file: string, withinMs: number): Promise<string | undefined> =>
  await inTime(port.readText(file), Math.min(withinMs, MAX_TIMER_MS), () => new Error('not in time')).then(
    text => text.trim(),
    () => undefined,
  );
