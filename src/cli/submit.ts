import { setTimeout as pause } from 'node:timers/promises';
import { NoAnswerError, type Client, type Submitted } from '../client/create-client.ts';
import type { Answer, Problem, RecordedDecision, RefusedDecision } from '../client/types.ts';
import { systemClock } from '../kit/clock.ts';
import { describeTargets, readAsk, type Asked, type AskOptions } from './ask-options.ts';
import { decisionIn, exitCodeOf } from './decision-exit.ts';
import { connectGate, type GateOptions } from './gate-connection.ts';
import { jsonLine, printable } from './printable.ts';
import { sayDecision } from './say-decision.ts';
import { sayProblem } from './say-problem.ts';
import type { Terminal } from './terminal.ts';

export interface SubmitOptions extends AskOptions, GateOptions {
  readonly idempotencyKey?: string;
  /** For the outcome; `no` ends once it is decided. */
  readonly waitMs: number | 'no';
}

/** The gate answers at once when it is quick; after that, a look now and then with a line that says so. */
const FIRST_WAIT_S = 2;
const LOOK_EVERY_MS = 1_000;
const LONGEST_LOOK_MS = 60_000;

type DecisionAnswer = Answer<RecordedDecision, RefusedDecision | Problem>;

/**
 * Asks, waits, and says what became of it.
 * @returns the exit code
 * @throws UsageError, FileError and ClientMisuseError for wrong use, NoAnswerError where the gate did not answer
 */
export async function runSubmit(asked: Asked, options: SubmitOptions, terminal: Terminal): Promise<number> {
  const ask = readAsk(asked, options);
  const { gate, url } = connectGate(options, terminal);
  terminal.complain(`${printable(ask.action)}: ${describeTargets(ask.targets)}`);
  const { waitMs, idempotencyKey } = options;
  const deadlineMs = systemClock.monotonicMs() + (waitMs === 'no' ? 0 : waitMs);
  const submitted = await gate.submit(ask, {
    waitS: waitMs === 'no' ? 0 : Math.min(FIRST_WAIT_S, Math.floor(waitMs / 1000)),
    ...(idempotencyKey !== undefined && { idempotencyKey }),
  });
  const answer = waitMs === 'no' ? submitted : await follow(gate, submitted, deadlineMs, terminal);
  sayAnswer(answer, submitted, { url, isJson: options.json === true }, terminal);
  return exitCodeOf(answer, waitMs === 'no' ? 'decision' : 'outcome');
}

/** Looks until the outcome is known or the time is over. That a look fails says nothing of the request: the last answer stands. */
async function follow(
  gate: Client,
  submitted: Submitted,
  deadlineMs: number,
  terminal: Terminal,
): Promise<DecisionAnswer> {
  let last: DecisionAnswer = submitted;
  const beganMs = systemClock.monotonicMs();
  for (;;) {
    const decided = decisionIn(last);
    if (decided?.outcome?.status !== 'pending') break;
    const nowMs = systemClock.monotonicMs();
    if (nowMs >= deadlineMs) break;
    const waitedS = Math.round((nowMs - beganMs) / 1000);
    terminal.progress(
      `allowed, and under way for ${waitedS + FIRST_WAIT_S} s (request ${printable(decided.id)})`,
    );
    await pause(Math.min(LOOK_EVERY_MS, deadlineMs - nowMs));
    last = (await look(gate, decided.id, deadlineMs - systemClock.monotonicMs())) ?? last;
  }
  terminal.progress(undefined);
  return last;
}

async function look(gate: Client, id: string, leftMs: number): Promise<DecisionAnswer | undefined> {
  // No timer of node's can hold a wait of a month: it would end at once.
  const signal = AbortSignal.timeout(Math.min(LONGEST_LOOK_MS, Math.max(LOOK_EVERY_MS, Math.ceil(leftMs))));
  try {
    const answer = await gate.one(id, { signal });
    return answer.ok ? answer : undefined;
  } catch (thrown) {
    if (thrown instanceof NoAnswerError || signal.aborted) return undefined;
    throw thrown;
  }
}

function sayAnswer(
  answer: DecisionAnswer,
  { replayed, idempotencyKey }: Submitted,
  { url, isJson }: { readonly url: string; readonly isJson: boolean },
  terminal: Terminal,
): void {
  const decided = decisionIn(answer);
  if (isJson) terminal.say(jsonLine(answer.ok ? answer.value : answer.problem));
  else if (decided !== undefined) sayDecision(decided, url, terminal);
  if (replayed)
    terminal.complain('This is the recorded answer of an earlier request with the same idempotency key.');
  if (decided === undefined && !answer.ok) sayProblem(answer.problem, url, terminal);
  if (asksAgain(answer))
    terminal.complain(
      `Ask again, without doing it twice: the same command with --idempotency-key ${printable(idempotencyKey)}`,
    );
}

/**
 * Whether the same key, with the same request, is the way on: what is under way, and what a repeat may be answered otherwise. A
 * problem that is no decision is among it: it may have been allowed, and another key would do it twice.
 */
function asksAgain(answer: DecisionAnswer): boolean {
  const decided = decisionIn(answer);
  if (decided?.outcome?.status === 'pending') return true;
  // An allow keeps its key, and its answer, for good.
  return decided?.decision !== 'allowed' && !answer.ok && (answer.status === 429 || answer.status >= 500);
}
