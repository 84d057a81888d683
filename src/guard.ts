import { before, type GuardOptions } from './before-the-ledger.ts';
import { Deadline } from './kit/deadline.ts';
import { isRefusal, keyTakenOut, type Refusal } from './kit/refusal.ts';
import type { Answer, Asked } from './ledger/decision.ts';
import { UNDECIDED_MS } from './ledger/ledger.ts';
import type { Operation } from './ledger/operation.ts';
import type { Recorded } from './ledger/recorded.ts';
import { decideRequest } from './ledger/request.ts';
import { jobOf, type Submission } from './ledger/submission.ts';
import type { Decided } from './ledger/deciding.ts';
import { answerOf } from './outcome/answer.ts';
import type { OnLeft } from './outcome/waiters.ts';
import { observeDecision } from './metrics/observe-decision.ts';

/** How long who asks waits for the outcome. */
interface Patient {
  readonly waitMs: number;
  readonly repeatWaitMs: number;
  readonly onLeft: OnLeft;
}

/** THE WAY of a request, in order. Each step takes what the step before gives; the first no is recorded and is the answer. */
export class Guard {
  readonly #gate: GuardOptions;

  constructor(options: GuardOptions) {
    this.#gate = options;
  }

  /**
   * Decides, records, forwards. Answers when the outcome is known, at the latest `waitMs` after the commit, or `repeatWaitMs` after a repeat was found to be
   * one; soon, where the caller has left.
   */
  async submit(
    asked: Asked,
    { waitMs, repeatWaitMs, onLeft }: Patient,
    isStillKnown: () => boolean,
  ): Promise<Answer | Refusal> {
    const decided = await this.#decide(asked, 'request', isStillKnown);
    if (isRefusal(decided)) return decided;
    if ('answer' in decided) return decided.answer;
    if ('repeat' in decided)
      return repeatOf(decided.repeat, await this.#waitFor(decided.repeat.operation, repeatWaitMs, onLeft));
    // forward: only what is durable, and what this gate claimed in the deciding transaction.
    if (decided.claimed !== undefined) this.#gate.outcomes.start(decided.claimed);
    const now = await this.#waitFor(decided.operation, waitMs, onLeft);
    return answerOf(decided.document, decided.status, now, false, decided.quotas);
  }

  /** The same decision; nothing is consumed, nothing forwarded. */
  async preflight(asked: Asked, isStillKnown: () => boolean): Promise<Answer | Refusal> {
    const decided = await this.#decide(asked, 'preflight', isStillKnown);
    if (isRefusal(decided)) return decided;
    if ('answer' in decided) return decided.answer;
    return 'repeat' in decided
      ? repeatOf(decided.repeat, decided.repeat.operation)
      : answerOf(decided.document, decided.status, undefined, false, decided.quotas);
  }

  /** As it stands once it can be answered, or after that time. */
  async #waitFor(
    operation: Operation | undefined,
    waitMs: number,
    onLeft: OnLeft,
  ): Promise<Operation | undefined> {
    return operation && (await this.#gate.outcomes.waiters.wait(operation, waitMs, onLeft));
  }

  async #decide(
    asked: Asked,
    mode: Submission['mode'],
    isStillKnown: () => boolean,
  ): Promise<Decided | { readonly answer: Answer } | Refusal> {
    const { ledger, deciding, clock, metrics } = this.#gate;
    const startedMs = clock.monotonicMs();
    const deadline = new Deadline(clock, UNDECIDED_MS);
    // role → repeat → validate → targets: all that needs no lock.
    const found = await before(this.#gate, asked, mode, deadline);
    if (!('submission' in found)) return found;
    // blast radius, budget · policy · record: one transaction, under one lock.
    const decided = await ledger.enqueue<Decided | Refusal>(
      turn => (isStillKnown() ? decideRequest(turn, found.submission, deciding) : keyTakenOut()),
      {
        ...jobOf(found.submission),
        keyWasFree: found.keyWasFree ?? false,
        patienceMs: deadline.leftMs(),
      },
    );
    if ('document' in decided && mode === 'request')
      observeDecision(metrics, decided.document, clock.monotonicMs() - startedMs);
    return decided;
  }
}

const repeatOf = ({ document, status }: Recorded, operation: Operation | undefined): Answer =>
  answerOf(document, status, operation, true);
