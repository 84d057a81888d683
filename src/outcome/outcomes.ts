import { setMaxListeners } from 'node:events';

import { crashPoint } from '#crash-point';
import type { Kysely } from 'kysely';

import type { Principal } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import type { Attempted } from '../forward/attempted.ts';
import type { Clock } from '../kit/clock.ts';
import { asError } from '../kit/fault.ts';
import type { Logger } from '../kit/logger.ts';
import { isRefusal, keyTakenOut, refuse, type Refusal } from '../kit/refusal.ts';
import type { Claimed } from '../ledger/claim.ts';
import type { Turn } from '../ledger/turn.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Operation } from '../ledger/operation.ts';
import type { Permit } from '../ledger/permit.ts';
import { findOperation, findOperations } from '../ledger/queries.ts';
import { toOperation } from '../ledger/operation-row.ts';
import { claimWaiting, type Claiming, type Which } from './claim-waiting.ts';
import { recordEvent } from './record-event.ts';
import type { Event } from './transition.ts';
import { Waiters } from './waiters.ts';

/** A claim of a gate that died becomes unknown so long after its time-out. */
const LOST_AFTER_MS = 5_000;
/** Between two tries to record what an attempt came to, while the database is away. */
const RECORD_AGAIN_MS = 500;

export interface OutcomesOptions extends Claiming {
  readonly db: Kysely<Database>;
  readonly ledger: Ledger;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Whether no other gate can be on this store. */
  readonly alone: boolean;
  /** Late answers are listened for until `stopped`. */
  forward(permit: Permit, stopped: AbortSignal): Promise<Attempted>;
  /** Told how long each attempt took. */
  observe(durationMs: number): void;
}

/** Makes the attempts that were claimed, records what became of them, and sweeps what nobody will answer for. */
export class Outcomes {
  readonly waiters = new Waiters();
  readonly #options: OutcomesOptions;
  readonly #onTheWire = new Map<string, Promise<void>>();
  readonly #claiming = new Set<Promise<void>>();
  readonly #stopped = new AbortController();
  #telling: Promise<void> | undefined;
  #stopping = false;

  constructor(options: OutcomesOptions) {
    this.#options = options;
    // One listener a late answer: as many as there are.
    setMaxListeners(0, this.#stopped.signal);
  }

  /** Starts the attempt of a claim that is durable. Never rejects, never waits. */
  start(claimed: Claimed): void {
    crashPoint('claim.committed');
    const { id } = claimed.operation;
    const name = attemptOf(claimed.operation);
    const attempt = this.#attempt(claimed)
      .catch((thrown: unknown) =>
        this.#options.logger.error({ err: asError(thrown), request: id }, 'an attempt could not be ended'),
      )
      .finally(() => this.#onTheWire.delete(name));
    this.#onTheWire.set(name, attempt);
  }

  async #attempt(claimed: Claimed): Promise<void> {
    const startedMs = this.#options.clock.monotonicMs();
    const attempted = await this.#forward(claimed);
    crashPoint('forward.answered');
    this.#options.observe(this.#options.clock.monotonicMs() - startedMs);
    await this.#record(claimed, attempted);
    if (attempted.late !== undefined) this.#listen(claimed, attempted.late);
  }

  /** Nobody waits for a late answer, and the gate may stop without it; but if it comes, it settles what was unknown. */
  #listen(claimed: Claimed, late: Promise<Attempted>): void {
    late
      .then(async attempted => {
        if (attempted.kind !== 'unknown') await this.#record(claimed, attempted);
      })
      .catch((thrown: unknown) =>
        this.#options.logger.error(
          { err: asError(thrown), request: claimed.operation.id },
          'a late answer was lost',
        ),
      );
  }

  /** Records what an attempt came to, however long the database is away, and claims what waits for its place. */
  async #record({ operation }: Claimed, attempted: Attempted): Promise<void> {
    const event: Event = { type: 'attempt', attempt: operation.attempts, attempted };
    for (let times = 0; ; times += 1) {
      try {
        const waited = this.#options.ledger.hasWaiting(operation.action);
        const recorded = this.#options.ledger.enqueue(turn => {
          const record = (now: Operation | undefined): boolean => {
            if (now !== undefined) recordEvent(turn, now, event, this.#options.gateId);
            crashPoint('outcome.drafted');
            return turn.book.hasWaiting(operation.action);
          };
          const alive = this.#alive(turn, operation.id);
          return alive === undefined ? this.#find(turn, operation.id).then(record) : record(alive);
        });
        // In the same batch where something is known to wait; where nothing does, there is nothing to claim.
        if (waited) this.#claim(operation.action, 'free places');
        if ((await recorded) && !waited) this.#claim(operation.action, 'free places');
        return;
      } catch (thrown) {
        // The answer is in hand and must not be lost: until it is recorded the request is swept as unknown, and settled by it then.
        if (times === 0)
          this.#options.logger.warn(
            { why: asError(thrown).message, request: operation.id },
            'an outcome waits for the database',
          );
        // A gate that must stop leaves it to the sweep of the others.
        if (this.#stopping) return;
        await new Promise(resolve => setTimeout(resolve, RECORD_AGAIN_MS));
      }
    }
  }

  async #forward(claimed: Claimed): Promise<Attempted> {
    try {
      return await this.#options.forward(claimed.permit(), this.#stopped.signal);
    } catch (thrown) {
      this.#options.logger.error(
        { err: asError(thrown), request: claimed.operation.id },
        'an attempt failed inside the gate',
      );
      return { kind: 'unknown', detail: 'The attempt failed inside the gate.' };
    }
  }

  #alive(turn: Turn, id: string): Operation | undefined {
    return turn.draft.operations.get(id) ?? turn.book.operation(id);
  }

  async #find(turn: Turn, id: string): Promise<Operation | undefined> {
    const alive = this.#alive(turn, id);
    if (alive !== undefined) return alive;
    const row = await findOperation(turn.db, id);
    return row && toOperation(row);
  }

  /** Sweeps claims that nobody will answer for, claims what waits, and tells clients what other gates did. */
  async tick(): Promise<void> {
    const { alive, ended, waiting, swept } = await this.#options.ledger.enqueue(turn => {
      const swept = !turn.clockJumped && this.#sweep(turn);
      const ids = this.waiters.ids();
      return {
        alive: ids.flatMap(id => this.#alive(turn, id) ?? []),
        ended: ids.filter(id => this.#alive(turn, id) === undefined),
        waiting: turn.book.waitingActions(),
        swept,
      };
    });
    if (swept) crashPoint('sweep.committed');
    // Only now is what this turn changed durable, and may be told.
    for (const one of alive) this.waiters.tell(one);
    for (const action of waiting) this.#claim(action, 'all');
    if (ended.length > 0) this.#telling ??= this.#tellEnded(ended);
  }

  /** What another gate has ended. Read outside of the ledger, which a stop may need: who is told holds nothing up. */
  async #tellEnded(ids: readonly string[]): Promise<void> {
    try {
      for (const row of await findOperations(this.#options.db, ids)) this.waiters.tell(toOperation(row));
    } catch (thrown) {
      this.#options.logger.warn({ err: asError(thrown) }, 'what other gates ended could not be told yet');
    } finally {
      this.#telling = undefined;
    }
  }

  /** A job of its own: what cannot be claimed must not undo the record before it, nor keep other actions from being claimed. */
  #claim(action: string, which: Which): void {
    if (this.#stopping) return;
    const claiming = this.#options.ledger
      .enqueue(async turn =>
        this.#stopping ? undefined : await claimWaiting(turn, this.#options, action, which),
      )
      .then(looked => {
        for (const one of looked?.claimed ?? []) this.start(one);
        if (looked?.again === true) this.#claim(action, which);
      })
      .catch((thrown: unknown) =>
        this.#options.logger.warn({ err: asError(thrown), action }, 'what waits could not be claimed'),
      )
      .finally(() => this.#claiming.delete(claiming));
    this.#claiming.add(claiming);
  }

  /** @returns whether there was one */
  #sweep(turn: Turn): boolean {
    let swept = false;
    for (const operation of turn.book.operations()) {
      if (operation.phase !== 'claimed' || operation.claimedAtMs === undefined) continue;
      const mine = operation.claimedBy === this.#options.gateId;
      if (mine && this.#onTheWire.has(attemptOf(operation))) continue;
      // On a store that only this gate can hold, another's claim is of a gate that is gone.
      const overdueMs = turn.nowMs - operation.claimedAtMs - operation.timeoutMs;
      if (!(this.#options.alone && !mine) && overdueMs < LOST_AFTER_MS) continue;
      recordEvent(turn, operation, { type: 'lost' }, this.#options.gateId);
      crashPoint('sweep.drafted');
      swept = true;
    }
    return swept;
  }

  /**
   * The database was put back: what waits in it is unknown from now on, for it may have been sent in the history that was given up. An
   * entry says so, which no copy that was made before holds. Before anything is claimed.
   * @param givenUp the word that was said of it
   * @returns how many wait
   */
  async doubtRestored(givenUp: string): Promise<number> {
    return await this.#options.ledger.enqueue(turn => {
      const by = this.#options.gateId;
      turn.draft.append('clock', { event: 'restored', given_up: givenUp, by });
      const waiting = turn.book.waitingActions().flatMap(action => [...turn.book.waiting(action)]);
      const doubted = waiting.filter(id => {
        const operation = turn.book.operation(id);
        if (operation === undefined) return false;
        const after = recordEvent(turn, operation, { type: 'restored' }, by);
        return !('conflict' in after);
      });
      return doubted.length;
    });
  }

  /**
   * An executor, or an operator, says what became of a request.
   * @returns undefined if there is no such request
   */
  async report(
    id: string,
    by: Principal,
    report: { readonly status: 'delivered' | 'refused'; readonly reason?: string },
    isStillKnown: () => boolean,
  ): Promise<Operation | Refusal | undefined> {
    const result = await this.#options.ledger.enqueue(async turn => {
      if (!isStillKnown()) return keyTakenOut();
      const operation = await this.#find(turn, id);
      if (operation === undefined) return undefined;
      const fromExecutor = by.roles.has('executor') && by.actions.has(operation.action);
      if (!fromExecutor && !by.roles.has('operator')) return notYours(operation);
      const event: Event = {
        type: 'report',
        status: report.status,
        ...(report.reason !== undefined && { detail: report.reason }),
        fromExecutor,
        by: by.name,
      };
      const after = recordEvent(turn, operation, event, by.name);
      return 'conflict' in after ? conflict(after.conflict) : after;
    });
    if (result !== undefined && !isRefusal(result)) this.#claim(result.action, 'free places');
    return result;
  }

  /** A requester takes back its own request, if nothing was sent yet. */
  async cancel(
    id: string,
    by: Principal,
    reason: string | undefined,
    isStillKnown: () => boolean,
  ): Promise<Operation | Refusal | undefined> {
    const detail = `cancelled by ${by.name}${reason === undefined ? '' : `: ${reason}`}`;
    return await this.#options.ledger.enqueue(async turn => {
      if (!isStillKnown()) return keyTakenOut();
      const operation = await this.#find(turn, id);
      if (operation === undefined || operation.principal !== by.name) return undefined;
      if (operation.phase !== 'waiting' || operation.attempts > 0)
        return conflict('it was claimed, or has ended, already');
      const after = recordEvent(
        turn,
        operation,
        { type: 'stop', rule: 'request.cancelled', detail, by: by.name },
        by.name,
      );
      return 'conflict' in after ? conflict(after.conflict) : after;
    });
  }

  /** Claims nothing more, and answers whoever waits for an outcome. */
  stop(): void {
    this.#stopping = true;
    this.#stopped.abort();
    this.waiters.release();
  }

  /** Resolves when nothing is on the wire, and what came of it is recorded. */
  async ended(): Promise<void> {
    await this.#telling;
    while (this.#onTheWire.size + this.#claiming.size > 0)
      await Promise.all([...this.#onTheWire.values(), ...this.#claiming]);
  }
}

/** While the record of one waits for the database, another gate may give it up, and the next one of the same request begins here. */
const attemptOf = ({ id, attempts }: Operation): string => `${id} ${attempts}`;

const conflict = (why: string): Refusal =>
  refuse({ rule: 'request.conflict', message: `That cannot be done with this request: ${why}.` });

const notYours = (operation: Operation): Refusal =>
  refuse({
    rule: 'principal.not_allowed',
    message: `Outcomes of ${operation.action} are reported by its executor, or settled by an operator.`,
  });
