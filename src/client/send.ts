import type { Clock } from '../kit/clock.ts';
import {
  attempt,
  attemptStream,
  type Call,
  type Gate,
  type Streamed,
  type Told,
  type ToldNo,
  type Untold,
} from './attempt.ts';
import { NoAnswerError } from './errors.ts';
import { pauseBeforeNext, type Ending, type Patience } from './retry.ts';
import type { Answer } from './types.ts';

/** Said before the same call is made again. */
export interface Retry {
  /** Of the attempt that is over; the first one is 1. */
  readonly attempt: number;
  readonly pauseMs: number;
  readonly why: string;
  /** There was no connection: nothing of this attempt arrived. */
  readonly neverConnected?: true;
}

/** The way to a gate. */
export interface Line extends Gate {
  readonly clock: Clock;
  readonly patience: Patience;
  readonly onRetry: ((retry: Retry) => void) | undefined;
  readonly chance: () => number;
  readonly sleep: (durationMs: number, signal?: AbortSignal) => Promise<void>;
}

/**
 * Makes a call, and makes it again as far as that is safe.
 * @throws NoAnswerError if the gate did not answer; the signal's reason if it was aborted
 */
export const send = async (line: Line, call: Call): Promise<Told | ToldNo> =>
  await repeat(line, call, async () => await attempt(line, call));

/** As `send`, for an answer that is read piece by piece: reading it throws NoAnswerError where it breaks off. */
export async function sendForStream(line: Line, call: Call): Promise<Streamed | ToldNo> {
  const answer = await repeat(line, call, async () => await attemptStream(line, call));
  return answer.ok ? { ...answer, pieces: tellBreak(answer.pieces, line, call) } : answer;
}

async function repeat<T extends { readonly ok: true }>(
  line: Line,
  call: Call,
  once: () => Promise<T | ToldNo | Untold>,
): Promise<T | ToldNo> {
  const { patience, clock } = line;
  const beganMs = clock.monotonicMs();
  let mayHaveArrived = false;
  for (let number = 1; ; number += 1) {
    const answer = await once();
    if (answer.ok === true) return answer;
    mayHaveArrived ||= answer.ok === false || answer.neverConnected !== true;
    const elapsedMs = clock.monotonicMs() - beganMs;
    const pauseMs = call.repeatable
      ? pauseBeforeNext(endingOf(answer), { attempt: number, elapsedMs, chance: line.chance() }, patience)
      : undefined;
    if (pauseMs === undefined) {
      if (answer.ok === false) return answer;
      throw noAnswer(line, call, answer.why, {
        attempts: number,
        status: answer.status,
        neverConnected: !mayHaveArrived,
      });
    }
    const why = answer.ok === false ? `it answered ${answer.status}: ${answer.problem.title}` : answer.why;
    const unsent = answer.ok === 'untold' && answer.neverConnected === true;
    line.onRetry?.({ attempt: number, pauseMs, why, ...(unsent && { neverConnected: true }) });
    await line.sleep(pauseMs, call.signal);
  }
}

/** What the caller sees of an answer. Its body is taken at the gate's word: see `types.ts`. */
export function answerOf<T>(told: Told | ToldNo): Answer<T> {
  if (!told.ok) {
    const { headers: _headers, ...no } = told;
    return no;
  }
  // The one place where an answer gets its type; nothing in it was looked at.
  return { ok: true, status: told.status, value: told.body as T };
}

function endingOf(answer: ToldNo | Untold): Ending {
  if (answer.ok === 'untold') {
    if (!answer.mayPass) return { type: 'final' };
    return {
      type: 'broken',
      ...(answer.retryAfterS !== undefined && { retryAfterS: answer.retryAfterS }),
    };
  }
  const { status, retryAfterS, problem } = answer;
  const decision =
    'decision' in problem && typeof problem.decision === 'string' ? problem.decision : undefined;
  return {
    type: 'no',
    status,
    ...(decision !== undefined && { decision }),
    ...(retryAfterS !== undefined && { retryAfterS }),
  };
}

interface Ended {
  readonly attempts?: number;
  readonly status?: number | undefined;
  readonly neverConnected?: boolean;
}

export function noAnswer(
  line: Line,
  call: Call,
  why: string,
  { attempts = 1, status, neverConnected = false }: Ended = {},
): NoAnswerError {
  const [path = ''] = call.path.split('?');
  return new NoAnswerError(why, {
    method: call.method,
    url: line.url + path,
    attempts,
    ...(status !== undefined && { status }),
    ...(neverConnected && { neverConnected }),
    ...(call.idempotencyKey !== undefined && { idempotencyKey: call.idempotencyKey }),
  });
}

async function* tellBreak(
  pieces: AsyncIterable<Uint8Array>,
  line: Line,
  call: Call,
): AsyncGenerator<Uint8Array, void> {
  try {
    yield* pieces;
  } catch (thrown) {
    call.signal?.throwIfAborted();
    throw noAnswer(
      line,
      call,
      `the answer broke off: ${thrown instanceof Error ? thrown.message : 'why is not known'}`,
    );
  }
}
