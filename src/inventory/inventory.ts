import type { Kysely } from 'kysely';
import type { Kind, Principal, Source } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { fromDatabase } from '../db/from-database.ts';
import { READ_PATIENCE_MS } from '../db/store.ts';
import type { Clock } from '../kit/clock.ts';
import { asError, Fault } from '../kit/fault.ts';
import { freshId } from '../kit/ids.ts';
import { InFlight } from '../kit/in-flight.ts';
import type { Logger } from '../kit/logger.ts';
import { isRefusal, keyTakenOut, type Refusal } from '../kit/refusal.ts';
import { sharedRead } from '../kit/together.ts';
import { DescribedKind } from './describe-kind.ts';
import { flipOf, staleGate, type InventoryEntry, type InventoryLedger } from './flip.ts';
import {
  discardPending,
  giveBack,
  LeaseLost,
  leaveAllToNext,
  leaveToNext,
  takeLease,
  type Lease,
} from './lease-queries.ts';
import { nothingDone, type Arrival, type Load } from './load.ts';
import { readInForce, readLaterSnapshot, readNowMs, readSourceAsOf } from './load-queries.ts';
import { readLoadQuery, type LoadMethod, type LoadQuery } from './load-query.ts';
import { busy, LoadRefused, type LoadRefusal } from './load-refusal.ts';
import { future, outOfOrder, refuseOnSight } from './refuse-on-sight.ts';
import { sourceOf } from './source-of.ts';
import { speaksOf } from './speaks-of.ts';
import { summarize, type KindSummary } from './summarize.ts';
import { readSummary } from './summary-queries.ts';
import { deletePast, vacuumWhereWorth } from './tidy-queries.ts';
import { writeLoad, type LoadContent } from './write-load.ts';

/** A load as it came. */
export interface LoadRequest extends LoadContent {
  readonly kind: string;
  readonly by: Principal;
  /** `LOAD_PARAMETERS`, as they came. */
  readonly query: ReadonlyMap<string, string>;
  /** Whether the key that it came with is still good. */
  readonly isStillKnown: () => boolean;
}

/** What a load did. */
export interface Loaded {
  readonly revision: number;
  /** Targets in force now. */
  readonly count: number;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
  /** Lines for targets that are not there, of a source that does not say what exists; absent on a kind with one source. */
  readonly skipped?: number;
}

export interface InventoryOptions {
  readonly db: Kysely<Database>;
  /** The store runs in this process: it has no autovacuum of its own. */
  readonly embedded: boolean;
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly ledger: InventoryLedger;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A load that has its kind's lease. */
interface Begun {
  readonly kind: DescribedKind;
  readonly source: Source | undefined;
  readonly lease: Lease;
  readonly arrival: Arrival;
  /** Another load had the lease, and is dead. */
  readonly stolen: boolean;
}

/** All targets, with labels: loads of them, and what is in force. README.md beside this file says how a load goes. */
export class Inventory {
  readonly #options: InventoryOptions;
  readonly #loads = new InFlight();
  readonly #tidying = new Map<string, Promise<void>>();
  readonly #summary = sharedRead(async () => await this.#readSummary(), READ_PATIENCE_MS);
  #stopping = false;

  constructor(options: InventoryOptions) {
    this.#options = options;
  }

  /** Before the first load. The embedded store has one process at a time: a load that has a place in it died with the one before. */
  async begin(): Promise<void> {
    const { db, embedded } = this.#options;
    if (embedded) await leaveAllToNext(db);
  }

  /**
   * A whole snapshot. Undefined for a kind that is not declared.
   * @throws Fault when it is not known whether, or known that it is not, in force.
   */
  async put(request: LoadRequest): Promise<Loaded | LoadRefusal | undefined> {
    return await this.#loads.run(async () => await this.#load('put', request));
  }

  /** Single targets, set or taken out. As `put`. */
  async patch(request: LoadRequest): Promise<Loaded | LoadRefusal | undefined> {
    return await this.#loads.run(async () => await this.#load('patch', request));
  }

  /** What is in force of each declared kind. @throws Fault `store.unavailable` */
  async summary(): Promise<{ readonly kinds: readonly KindSummary[] }> {
    return await fromDatabase(this.#summary);
  }

  /** For all who ask at once: it is a row for each value of each dimension, and a stop would wait behind each of them. */
  async #readSummary(): Promise<{ readonly kinds: readonly KindSummary[] }> {
    const { db, kinds } = this.#options;
    const nowMs = await readNowMs(db);
    const rows = await readSummary(db);
    return { kinds: summarize(kinds, rows.kinds, rows.totals, rows.sources, nowMs) };
  }

  /** What is not taken from now on is left to the next load: to take back a million rows is longer than a stop may last. */
  stop(): void {
    this.#stopping = true;
  }

  /** Resolves when no load is under way, also none whose client has left, and when what past revisions left has been deleted. */
  async ended(): Promise<void> {
    await this.#loads.ended();
    await this.tidied();
  }

  /** Resolves when what past revisions left has been deleted. */
  async tidied(): Promise<void> {
    await Promise.all(this.#tidying.values());
  }

  async #load(method: LoadMethod, request: LoadRequest): Promise<Loaded | LoadRefusal | undefined> {
    const { logger } = this.#options;
    try {
      return await this.#take(method, request);
    } catch (thrown) {
      if (thrown instanceof LoadRefused) return thrown.refusal;
      if (thrown instanceof Fault) throw thrown;
      if (thrown instanceof LeaseLost) return busy(request.kind).refusal;
      const cause = asError(thrown);
      logger.error({ err: cause, kind: request.kind }, 'a load failed');
      throw new Fault(
        'store.unavailable',
        'The load failed in the database. Nothing of it is in force.',
        cause,
      );
    }
  }

  async #take(method: LoadMethod, request: LoadRequest): Promise<Loaded | LoadRefusal | undefined> {
    const { db, kinds, ledger } = this.#options;
    const arrival = await ledger.arrive();
    // Before all that its own files say: another gate may have the kind, or let this principal speak for it.
    if (arrival.isStale) return staleGate(request.kind);
    const declared = kinds.get(request.kind);
    if (declared === undefined) return undefined;
    const query = readLoadQuery(method, request.query, request.by.roles.has('operator'));
    if (isRefusal(query)) return query;
    const source = sourceOf(declared, request.by.name, query);
    if (source !== undefined && isRefusal(source)) return source;
    if (query.asOfMs !== undefined && query.asOfMs > arrival.nowMs) return future(query.asOfMs);
    const lease = { kind: request.kind, loadId: freshId() };
    const taken = await takeLease(db, lease, query.force.size > 0);
    if (taken === undefined) return busy(request.kind).refusal;
    return await this.#underLease(method, request, query, {
      kind: new DescribedKind(declared),
      source,
      lease,
      arrival,
      stolen: taken.stolen,
    });
  }

  async #underLease(
    method: LoadMethod,
    request: LoadRequest,
    query: LoadQuery,
    begun: Begun,
  ): Promise<Loaded | LoadRefusal> {
    const { db, ledger } = this.#options;
    const { kind, source, lease } = begun;
    const done = nothingDone(kind);
    // Nothing must be left of the dead load before this one writes.
    done.wrote = begun.stolen;
    let flipped: InventoryEntry | Refusal;
    try {
      if (begun.stolen) await discardPending(db, lease);
      const load = await this.#look(method, query, begun, done);
      await writeLoad(load, request, query, ledger);
      const flip = flipOf(load, query, request.by.name);
      const { isStillKnown } = request;
      // Looked at in its turn, for which it may have waited for seconds.
      flipped = await ledger.flip(async (tx, turn) =>
        isStillKnown() ? await flip(tx, turn) : keyTakenOut(),
      );
    } catch (error) {
      await this.#abandon(lease, done.wrote);
      throw error;
    }
    if (isRefusal(flipped)) {
      await this.#abandon(lease, done.wrote);
      return flipped;
    }
    this.#tidy(request.kind);
    const { revision, count, added, removed, changed } = flipped;
    return {
      revision,
      count,
      added,
      removed,
      changed,
      ...(source !== undefined && { skipped: done.skipped }),
    };
  }

  /** What the load comes on top of. @throws LoadRefused where that alone is against it */
  async #look(
    method: LoadMethod,
    query: LoadQuery,
    { kind, source, lease, arrival }: Begun,
    done: Load['done'],
  ): Promise<Load> {
    const { db, clock } = this.#options;
    const inForce = await readInForce(db, lease.kind);
    const ownMs =
      source === undefined
        ? inForce?.asOfMs
        : await readSourceAsOf(db, lease.kind, source.name, kind.definition);
    const revision = inForce?.revision ?? 0;
    const redefined = inForce !== undefined && inForce.definition !== kind.definition;
    const isFirst = source !== undefined && ownMs === undefined;
    refuseOnSight(method, query, kind, source, { inForce, asOfMs: ownMs });
    if (method === 'put' && query.asOfMs !== undefined && (redefined || isFirst)) {
      const laterMs = await readLaterSnapshot(db, lease.kind, query.asOfMs, speaksOf(kind.kind, source));
      if (laterMs !== undefined) throw outOfOrder(query.asOfMs, laterMs);
    }
    return {
      db,
      clock,
      kind,
      source,
      method,
      lease,
      inForce,
      revision,
      arrival,
      redefined,
      isFirst,
      done,
    };
  }

  /** Leaves nothing of a load that is not taken. What this cannot do now, the next load does before it begins. */
  async #abandon(lease: Lease, wrote: boolean): Promise<void> {
    const { db, logger } = this.#options;
    try {
      if (wrote && this.#stopping) return await leaveToNext(db, lease);
      if (wrote) await discardPending(db, lease);
      await giveBack(db, lease);
    } catch (thrown) {
      // Lost: then the flip came through after all, or the load that took over has discarded it.
      if (thrown instanceof LeaseLost) return;
      logger.warn({ err: asError(thrown), kind: lease.kind }, 'a load that was not taken is discarded later');
    }
  }

  /** Behind the answer, one after the other: what is past is seen by nobody. */
  #tidy(kind: string): void {
    const { db, embedded, kinds, logger } = this.#options;
    const sources = (kinds.get(kind)?.sources ?? []).map(({ name }) => name);
    const before = this.#tidying.get(kind);
    const tidying = (async () => {
      await before;
      try {
        await deletePast(db, { kind, sources });
        if (embedded) await vacuumWhereWorth(db);
      } catch (thrown) {
        logger.warn(
          { err: asError(thrown), kind },
          'what past revisions left is deleted after the next load',
        );
      }
    })();
    this.#tidying.set(kind, tidying);
  }
}
