import { setTimeout as pause } from 'node:timers/promises';
import { NoAnswerError, type Client, type Retry, type Submitted } from '../client/create-client.ts';
import type { Answer, Problem, RecordedDecision, RefusedDecision } from '../client/types.ts';
import { systemClock } from '../kit/clock.ts';
import { freshId } from '../kit/ids.ts';
import { describeTargets, readAsk, type Asked, type AskOptions } from './ask-options.ts';
import { decisionIn, exitCodeOf, isUnderWay, type Decided } from './decision-exit.ts';
import { exitCode } from './exit-code.ts';
import { connectGate, type GateConnection, type GateOptions } from './gate-connection.ts';
import { exitCodeOfSignal, Interrupted, watchForInterrupt, type InterruptWatch } from './interrupt.ts';
import type { NextCommand } from './next-command.ts';
import { jsonLine, printable } from './printable.ts';
import { sayDecision } from './say-decision.ts';
import { sayProblem } from './say-problem.ts';
import type { Terminal } from './terminal.ts';
import { showDuration } from './times.ts';

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

/** What the tests own. */
export interface Around {
  readonly connect: (...args: Required<Parameters<typeof connectGate>>) => GateConnection;
  readonly watch: () => InterruptWatch;
}

const real: Around = { connect: connectGate, watch: watchForInterrupt };

/**
 * Asks, waits, and says what became of it. Whoever interrupts it ends the waiting, and not the request.
 * @returns the exit code; 130 (143 for SIGTERM) if it was interrupted before anything was sent
 * @throws UsageError, FileError and ClientMisuseError for wrong use, NoAnswerError where the gate did not answer
 */
export async function runSubmit(
  asked: Asked,
  options: SubmitOptions,
  terminal: Terminal,
  { connect, watch }: Around = real,
): Promise<number> {
  const ask = readAsk(asked, options);
  const unsent = watchUnsent();
  const { gate, url, next } = connect(options, terminal, unsent.told);
  terminal.complain(`${printable(ask.action)}: ${describeTargets(ask.targets)}`);
  const { waitMs, idempotencyKey = freshId() } = options;
  const deadlineMs = systemClock.monotonicMs() + (waitMs === 'no' ? 0 : waitMs);
  const isJson = options.json === true;
  const interrupts = watch();
  const { signal } = interrupts;
  let last: DecisionAnswer | undefined;
  try {
    const waitS = waitMs === 'no' ? 0 : Math.min(FIRST_WAIT_S, Math.floor(waitMs / 1000));
    const submitted = await gate.submit(ask, { waitS, idempotencyKey, signal });
    last = submitted;
    const seen = (answer: DecisionAnswer): void => void (last = answer);
    const answer =
      waitMs === 'no' ? submitted : await follow(gate, submitted, { deadlineMs, signal, seen }, terminal);
    sayAnswer(answer, submitted, { url, next, isJson }, terminal);
    return exitCodeOf(answer, waitMs === 'no' ? 'decision' : 'outcome');
  } catch (thrown) {
    if (!(thrown instanceof Interrupted)) throw thrown;
    terminal.progress(undefined);
    const known = last === undefined ? undefined : decisionIn(last);
    if (known === undefined && unsent.now()) return sayUnsent(thrown, isJson, terminal);
    return sayInterrupted(known, idempotencyKey, { next, isJson }, terminal);
  } finally {
    interrupts.leave();
  }
}

/** A timer may be early by so much. */
const EARLY_MS = 5;

/** Whether it is known that nothing was sent: between two attempts, while none of them had a connection. */
function watchUnsent() {
  let everSent = false;
  let untilMs = 0;
  return {
    told: ({ neverConnected, pauseMs }: Retry): void => {
      everSent ||= neverConnected !== true;
      untilMs = systemClock.monotonicMs() + pauseMs - EARLY_MS;
    },
    now: (): boolean => !everSent && systemClock.monotonicMs() < untilMs,
  };
}

interface Following {
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Told each answer: whoever interrupts is told by the last one how it stands. */
  readonly seen: (answer: DecisionAnswer) => void;
}

/** Looks until the outcome is known or the time is over. That a look fails says nothing of the request: the last answer stands. */
async function follow(
  gate: Client,
  submitted: Submitted,
  { deadlineMs, signal, seen }: Following,
  terminal: Terminal,
): Promise<DecisionAnswer> {
  let last: DecisionAnswer = submitted;
  const beganMs = systemClock.monotonicMs() - FIRST_WAIT_S * 1000;
  for (let looks = 0; ; looks += 1) {
    const decided = decisionIn(last);
    if (decided === undefined || !isUnderWay(decided.outcome)) break;
    const nowMs = systemClock.monotonicMs();
    const leftMs = deadlineMs - nowMs;
    if (leftMs <= 0) break;
    if (looks === 0)
      terminal.complain(
        `allowed as request ${printable(decided.id)}; its outcome is waited for, ${showDuration(Math.ceil(leftMs / 1000))} at most. Ctrl-C ends the waiting, not the request.`,
      );
    terminal.progress(progressOf(decided, nowMs - beganMs, leftMs));
    await pause(Math.min(LOOK_EVERY_MS, leftMs), undefined, { signal }).catch(() => signal.throwIfAborted());
    const looked = await look(gate, decided.id, deadlineMs - systemClock.monotonicMs(), signal);
    if (looked === 'the key is out') {
      terminal.complain(
        'The gate does not take the key any more, so this waits no longer. The request goes on.',
      );
      break;
    }
    last = looked ?? last;
    seen(last);
  }
  terminal.progress(undefined);
  return last;
}

/** Whether its executor may have heard of it. */
const isSent = (outcome: Decided['outcome']): boolean => (outcome?.attempts ?? 0) > 0;

/** Who has it, how long already, and what comes when the time is over. */
function progressOf({ action, outcome }: Decided, sinceMs: number, leftMs: number): string {
  const since = showDuration(sinceMs / 1000);
  const asked = outcome?.status === 'unknown' ? 'its executor is asked again' : 'at its executor';
  const where = isSent(outcome) ? asked : 'waits its turn';
  return printable(
    `${action ?? 'the request'}: ${where}, ${since} so far; ${showDuration(Math.ceil(leftMs / 1000))} left, then exit code ${exitCode.couldNotTell}`,
  );
}

async function look(
  gate: Client,
  id: string,
  leftMs: number,
  interrupted: AbortSignal,
): Promise<DecisionAnswer | 'the key is out' | undefined> {
  // No timer of node's can hold a wait of a month: it would end at once.
  const late = AbortSignal.timeout(Math.min(LONGEST_LOOK_MS, Math.max(LOOK_EVERY_MS, Math.ceil(leftMs))));
  try {
    const answer = await gate.one(id, { signal: AbortSignal.any([late, interrupted]) });
    if (answer.ok) return answer;
    // Asked on, each second would be one more wrong key of this address.
    return answer.status === 401 ? 'the key is out' : undefined;
  } catch (thrown) {
    interrupted.throwIfAborted();
    if (thrown instanceof NoAnswerError || late.aborted) return undefined;
    throw thrown;
  }
}

function sayUnsent({ signal, message }: Interrupted, isJson: boolean, terminal: Terminal): number {
  terminal.complain('Interrupted; nothing was sent.');
  if (isJson) terminal.say(jsonLine({ error: `${message}; nothing was sent` }));
  return exitCodeOfSignal(signal);
}

/** What was asked for goes on without this command: how to look at it, to stop it, and to wait on. */
function sayInterrupted(
  known: Decided | undefined,
  idempotencyKey: string,
  { next, isJson }: { readonly next: NextCommand; readonly isJson: boolean },
  terminal: Terminal,
): number {
  if (known === undefined)
    terminal.complain(
      'Interrupted. Whether it is decided is not known; if it is allowed, it is done all the same.',
    );
  else {
    terminal.complain(
      `Interrupted, and only the waiting: request ${printable(known.id)} is allowed, and goes on.`,
    );
    sayHowToLook(known, next, terminal);
  }
  terminal.complain(againWith(idempotencyKey));
  if (isJson)
    terminal.say(jsonLine(known ?? { error: 'interrupted before the answer', tried: { idempotencyKey } }));
  return exitCode.couldNotTell;
}

/** What its executor has cannot be taken back. */
function sayHowToLook(
  { id, outcome }: Pick<Decided, 'id' | 'outcome'>,
  next: NextCommand,
  terminal: Terminal,
): void {
  terminal.complain(`Look:   ${next(`audit show ${printable(id)}`)}`);
  if (!isSent(outcome))
    terminal.complain(`Cancel: ${next(`cancel ${printable(id)}`)}   (as long as no attempt was made)`);
}

/** A no that was recorded looks like one of now: a job that runs again would mend for ever what is mended. */
function sayReplayed(decided: Decided | undefined): string {
  const said = 'This is the recorded answer of an earlier request with the same idempotency key';
  const isNo = decided?.decision === 'refused' || isSettledNo(decided?.outcome?.status);
  return isNo
    ? `${said}: it stays so, whatever has changed since. To be decided anew, ask with a new key.`
    : `${said}.`;
}

const isSettledNo = (status: string | undefined): boolean => status === 'refused' || status === 'stopped';

const againWith = (idempotencyKey: string): string =>
  `Ask again, without doing it twice: the same command with --idempotency-key ${printable(idempotencyKey)}`;

function sayAnswer(
  answer: DecisionAnswer,
  { replayed, idempotencyKey }: Submitted,
  { url, next, isJson }: Pick<GateConnection, 'url' | 'next'> & { readonly isJson: boolean },
  terminal: Terminal,
): void {
  const decided = decisionIn(answer);
  if (isJson) terminal.say(jsonLine(answer.ok ? answer.value : answer.problem));
  else if (decided !== undefined) sayDecision(decided, { url, next }, terminal);
  if (replayed) terminal.complain(sayReplayed(decided));
  if (decided === undefined && !answer.ok) sayProblem(answer.problem, url, terminal);
  if (decided !== undefined && isUnderWay(decided.outcome)) sayHowToLook(decided, next, terminal);
  if (asksAgain(answer)) terminal.complain(againWith(idempotencyKey));
}

/**
 * Whether the same key, with the same request, is the way on: what is under way, and what a repeat may be answered otherwise. A
 * problem that is no decision is among it: it may have been allowed, and another key would do it twice.
 */
function asksAgain(answer: DecisionAnswer): boolean {
  const decided = decisionIn(answer);
  if (isUnderWay(decided?.outcome)) return true;
  // An allow keeps its key, and its answer, for good.
  return decided?.decision !== 'allowed' && !answer.ok && (answer.status === 429 || answer.status >= 500);
}
