import type { Kind } from '../config/config.ts';
import { own } from '../kit/own.ts';

/** What one allowed request holds of a target. */
export interface Hold {
  readonly requestId: string;
  readonly action: string;
  readonly irreversible: boolean;
  /** Its outcome is not settled; else it was delivered, and the inventory has not shown it yet. */
  readonly operating: boolean;
}

interface HeldTarget {
  readonly holds: Map<string, Hold>;
  /** By the inventory in force. */
  readonly inService: boolean;
  readonly labels: Readonly<Record<string, string>>;
}

/** What operations hold of targets, and what that takes out of service: a part of the book, under the same rules. */
export class Held {
  readonly #kinds: ReadonlyMap<string, Kind>;
  readonly #held = new Map<string, Map<string, HeldTarget>>();
  /** Request → its held targets. */
  readonly #heldBy = new Map<string, { readonly kind: string; readonly ids: Set<string> }>();
  /** Kind → dimension → value → in-service targets taken and not shown yet. */
  readonly #taken = new Map<string, Map<string, Map<string, number>>>();

  constructor(kinds: ReadonlyMap<string, Kind>) {
    this.#kinds = kinds;
  }

  /** What is held of a target; nothing for most. */
  holdsOn(kind: string, id: string): Iterable<Hold> {
    return this.#held.get(kind)?.get(id)?.holds.values() ?? [];
  }

  /** In service by the inventory, and taken by an operation that the inventory does not show yet. */
  isTaken(kind: string, id: string): boolean {
    return this.#held.get(kind)?.get(id)?.inService ?? false;
  }

  takenOf(kind: string, dimension: string, value: string): number {
    return this.#taken.get(kind)?.get(dimension)?.get(value) ?? 0;
  }

  setHold(
    kind: string,
    id: string,
    hold: Hold,
    now: { readonly inService: boolean; readonly labels: Readonly<Record<string, string>> },
  ): void {
    const targets = this.#held.get(kind) ?? new Map<string, HeldTarget>();
    this.#held.set(kind, targets);
    const before = targets.get(id);
    if (before !== undefined) this.#countTaken(kind, before, -1);
    const held: HeldTarget = {
      ...now,
      holds: (before?.holds ?? new Map<string, Hold>()).set(hold.requestId, hold),
    };
    targets.set(id, held);
    this.#countTaken(kind, held, 1);
    const by = this.#heldBy.get(hold.requestId) ?? { kind, ids: new Set<string>() };
    by.ids.add(id);
    this.#heldBy.set(hold.requestId, by);
  }

  dropHold(kind: string, id: string, requestId: string): void {
    const by = this.#heldBy.get(requestId);
    by?.ids.delete(id);
    if (by?.ids.size === 0) this.#heldBy.delete(requestId);
    const held = this.#held.get(kind)?.get(id);
    if (held === undefined || !held.holds.delete(requestId) || held.holds.size > 0) return;
    this.#countTaken(kind, held, -1);
    this.#held.get(kind)?.delete(id);
  }

  /** Forgets what is held of a kind: where it was declared anew, its holds are all read anew. */
  forgetHolds(kind: string): void {
    this.#held.delete(kind);
    this.#taken.delete(kind);
    for (const [requestId, by] of this.#heldBy) if (by.kind === kind) this.#heldBy.delete(requestId);
  }

  /** What a request holds stays held until shown (`done`), or is given back (`closed`). Costs what the request has targets. */
  settleHolds(requestId: string, phase: 'done' | 'closed'): void {
    const by = this.#heldBy.get(requestId);
    if (by === undefined) return;
    for (const id of by.ids) {
      const holds = this.#held.get(by.kind)?.get(id)?.holds;
      const hold = holds?.get(requestId);
      if (phase === 'closed') this.dropHold(by.kind, id, requestId);
      else if (hold !== undefined) holds?.set(requestId, { ...hold, operating: false });
    }
  }

  #countTaken(kind: string, held: HeldTarget, by: 1 | -1): void {
    if (!held.inService) return;
    const dimensions = this.#taken.get(kind) ?? new Map<string, Map<string, number>>();
    this.#taken.set(kind, dimensions);
    for (const dimension of this.#kinds.get(kind)?.dimensions ?? []) {
      const values = dimensions.get(dimension) ?? new Map<string, number>();
      dimensions.set(dimension, values);
      const value = own(held.labels, dimension) ?? '';
      values.set(value, (values.get(value) ?? 0) + by);
    }
  }
}
