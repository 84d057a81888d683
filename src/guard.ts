import type { Kysely } from 'kysely';

import type { Config } from './config/config.ts';
import type { Database } from './db/database.ts';
import { isRefusal, refuse, type Refusal } from './kit/refusal.ts';
import type { Rule } from './kit/rules.ts';
import type { Answer, Asked, DecisionDocument } from './ledger/decision.ts';
import type { Ledger } from './ledger/ledger.ts';
import { findRecorded } from './ledger/queries.ts';
import { toRecorded, type Recorded } from './ledger/recorded.ts';
import { decideRequest, type Deciding, type Submission } from './ledger/request.ts';
import { answerOf } from './outcome/answer.ts';
import type { Outcomes } from './outcome/outcomes.ts';
import { resolveTargets } from './targets/resolve.ts';
import type { ParameterChecks } from './validate/parameters.ts';
import { readAction, validate } from './validate/validate.ts';
import type { Clock } from './kit/clock.ts';
import type { Metrics } from './metrics/metrics.ts';
import { unrecorded } from './outcome/answer.ts';

export interface GuardOptions extends Pick<Config, 'actions' | 'kinds'> {
  readonly db: Kysely<Database>;
  readonly ledger: Ledger;
  readonly outcomes: Outcomes;
  readonly deciding: Deciding;
  readonly parameterChecks: ParameterChecks;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** THE WAY of a request, in order. Each step takes what the step before gives; the first no is recorded and is the answer. */
export class Guard {
  readonly #gate: GuardOptions;

  constructor(options: GuardOptions) {
    this.#gate = options;
  }

  /** validate → targets → ( blast radius · budget · policy · record ) → forward → outcome. Answers at the latest `waitMs` after the commit. */
  async submit(asked: Asked, waitMs: number): Promise<Answer> {
    const { ledger, outcomes, deciding, clock } = this.#gate;
    const startedMs = clock.monotonicMs();
    const way = await this.#prepare(asked, 'request');
    if ('answer' in way) return way.answer;
    const key =
      asked.idempotencyKey === undefined
        ? undefined
        : { principal: asked.principal.name, key: asked.idempotencyKey };
    const decided = await ledger.enqueue(turn => decideRequest(turn, way.submission, deciding), key);
    if ('repeat' in decided) return repeatOf(decided.repeat);
    if (decided.claimed !== undefined) outcomes.start(decided.claimed);
    this.#observe(decided.document, clock.monotonicMs() - startedMs);
    const now =
      decided.operation && ((await outcomes.waiters.wait(decided.operation, waitMs)) ?? decided.operation);
    return answerOf(decided.document, decided.status, now, false);
  }

  /** The same way up to the record; nothing is consumed, nothing forwarded. */
  async preflight(asked: Asked): Promise<Answer> {
    const way = await this.#prepare(asked, 'preflight');
    if ('answer' in way) return way.answer;
    const decided = await this.#gate.ledger.enqueue(turn =>
      decideRequest(turn, way.submission, this.#gate.deciding),
    );
    return 'repeat' in decided
      ? repeatOf(decided.repeat)
      : answerOf(decided.document, decided.status, undefined, false);
  }

  /** Role, repeat, shape, targets: all that needs no lock. */
  async #prepare(
    asked: Asked,
    mode: Submission['mode'],
  ): Promise<{ readonly submission: Submission } | { readonly answer: Answer }> {
    const { actions, kinds, db, ledger, parameterChecks } = this.#gate;
    const action = actions.get(readAction(asked.body) ?? '');
    const base = { asked, mode, ...(action !== undefined && { action }) };
    const notAllowed = mayAsk(asked, action?.name);
    if (notAllowed !== undefined) return { submission: { ...base, refusal: notAllowed } };
    const before = await this.#recorded(asked);
    if (before?.bodyDigest === asked.bodyDigest) return { answer: repeatOf(before) };
    const validated = validate(asked.body, { actions, kinds }, parameterChecks);
    if (isRefusal(validated)) {
      if (action === undefined && names(validated, 'action.unknown'))
        return { answer: this.#unrecorded(asked, validated, mode) };
      return { submission: { ...base, refusal: validated } };
    }
    const revision = ledger.revisionOf(validated.kind.name);
    if (revision === undefined || before !== undefined) return { submission: { ...base, validated } };
    const result = await resolveTargets(db, validated.kind.name, validated.named, revision);
    return { submission: { ...base, validated, resolved: { revision, result } } };
  }

  /** An action that is not declared leaves a log line and a metric: there is nothing to record it under. */
  #unrecorded(asked: Asked, refusal: Refusal, mode: Submission['mode']): Answer {
    const { metrics, clock } = this.#gate;
    metrics.unrecordedObserved(refusal.reasons[0].rule);
    return unrecorded(asked.principal.name, refusal, mode, clock.wallMs());
  }

  #observe(document: DecisionDocument, durationMs: number): void {
    const { action, decision, reasons, targets } = document;
    this.#gate.metrics.decisionObserved({
      action,
      decision,
      rule: reasons[0]?.rule,
      targets: targets?.count ?? 0,
      durationMs,
    });
  }

  async #recorded(asked: Asked): Promise<Recorded | undefined> {
    if (asked.idempotencyKey === undefined) return undefined;
    const [row] = await findRecorded(this.#gate.db, [
      { principal: asked.principal.name, key: asked.idempotencyKey },
    ]);
    return row && toRecorded(row);
  }
}

const names = (refusal: Refusal, rule: Rule): boolean => refusal.reasons.some(reason => reason.rule === rule);

const repeatOf = (recorded: Recorded): Answer =>
  answerOf(recorded.document, recorded.status, recorded.operation, true);

/** Only a requester may ask, and only for the actions it names; an action that is not declared is another matter. */
function mayAsk({ principal }: Asked, action: string | undefined): Refusal | undefined {
  if (principal.roles.has('requester') && (action === undefined || principal.actions.has(action)))
    return undefined;
  const what = action === undefined ? 'may not ask for anything' : `may not ask for ${action}`;
  return refuse({
    rule: 'principal.not_allowed',
    message: `${principal.name} ${what}.`,
    remedy: 'a requester that names the action',
  });
}
