import { TURN_MS } from '../ledger/ledger.ts';
import type { Operation } from '../ledger/operation.ts';
import { MAX_JOBS, MAX_WEIGHT } from '../ledger/queue.ts';
import type { Turn } from '../ledger/turn.ts';

/** What of all that waits is claimed, given up or stopped in one turn: as much as a batch of requests may be, for others wait for it. */
export class Share {
  readonly #turn: Turn;
  readonly #begunMs: number;
  #changed = 0;
  #targets = 0;

  constructor(turn: Turn) {
    this.#turn = turn;
    this.#begunMs = turn.monotonicMs();
  }

  /** Whether that one was changed: what waits on costs next to nothing, and another turn would find it so again. */
  look({ id, targetCount }: Operation): void {
    if (this.#turn.book.operation(id)?.phase === 'waiting') return;
    this.#changed += 1;
    this.#targets += targetCount;
  }

  isFull(): boolean {
    // Several looks may share the turn: what they have changed together is written in one statement.
    const { claims, settledHolds } = this.#turn.draft;
    if (claims.length + settledHolds.size >= MAX_JOBS) return true;
    if (this.#changed === 0) return false;
    return this.#changed >= MAX_JOBS || this.#targets >= MAX_WEIGHT || this.isLong();
  }

  isLong(): boolean {
    return this.#turn.monotonicMs() - this.#begunMs > TURN_MS;
  }
}
