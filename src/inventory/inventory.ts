import type { Kysely } from 'kysely';
import type { Kind, Principal } from '../config/config.ts';
import type { Database } from '../db/database.ts';
import { fromDatabase } from '../db/from-database.ts';
import type { Clock } from '../kit/clock.ts';
import { asError, Fault } from '../kit/fault.ts';
import { freshId } from '../kit/ids.ts';
import type { Logger } from '../kit/logger.ts';
import { isRefusal, refuse, type Refusal } from '../kit/refusal.ts';
import { DescribedKind } from './describe-kind.ts';
import { flipOf, type Arrival, type InventoryEntry, type InventoryLedger } from './flip.ts';
import { discardPending, giveBack, LeaseLost, takeLease, type Lease } from './lease-queries.ts';
import type { Lines } from './line.ts';
import { countAfter, nothingDone, type Load } from './load.ts';
import { analyze, readInForce, readNowMs, readPast, type InForce } from './load-queries.ts';
import { readLoadQuery, type LoadMethod, type LoadQuery } from './load-query.ts';
import { busy, cutOff, LoadRefused, type LoadRefusal } from './load-refusal.ts';
import { measureLoad } from './measure-load.ts';
import { readCsv } from './read-csv.ts';
import { readNdjson } from './read-ndjson.ts';
import { countAbsent, endAbsent, keepPatched, settleTotals } from './settle-rows.ts';
import { summarize, type KindSummary } from './summarize.ts';
import { readSummary } from './summary-queries.ts';
import { deletePast, vacuumWhereWorth } from './tidy-queries.ts';
import { writeLines } from './write-lines.ts';

/** A load as it came. */
export interface LoadRequest {
  readonly kind: string;
  readonly by: Principal;
  readonly format: 'ndjson' | 'csv';
  /** Throws, whatever, when the stream ended before its end: such a load is cut off. */
  readonly content: AsyncIterable<Uint8Array>;
  /** `expect`, `as_of`, `force`, `reason`, as they came. */
  readonly query: ReadonlyMap<string, string>;
}

/** What a load did. */
export interface Loaded {
  readonly revision: number;
  /** Targets in force now. */
  readonly count: number;
  readonly added: number;
  readonly removed: number;
  readonly changed: number;
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

/** All targets, with labels: loads of them, and what is in force. README.md beside this file says how a load goes. */
export class Inventory {
  readonly #options: InventoryOptions;
  readonly #tidying = new Map<string, Promise<void>>();

  constructor(options: InventoryOptions) {
    this.#options = options;
  }

  /**
   * A whole snapshot. Undefined for a kind that is not declared.
   * @throws Fault when it is not known whether, or known that it is not, in force.
   */
  async put(request: LoadRequest): Promise<Loaded | LoadRefusal | undefined> {
    return await this.#load('put', request);
  }

  /** Single targets, set or taken out. As `put`. */
  async patch(request: LoadRequest): Promise<Loaded | LoadRefusal | undefined> {
    return await this.#load('patch', request);
  }

  /** What is in force of each declared kind. @throws Fault `store.unavailable` */
  async summary(): Promise<{ readonly kinds: readonly KindSummary[] }> {
    const { db, kinds } = this.#options;
    return await fromDatabase(async () => {
      const nowMs = await readNowMs(db);
      const rows = await readSummary(db);
      return { kinds: summarize(kinds, rows.kinds, rows.totals, nowMs) };
    });
  }

  /** Resolves when what past revisions left has been deleted. */
  async tidied(): Promise<void> {
    await Promise.all(this.#tidying.values());
  }

  async #load(method: LoadMethod, request: LoadRequest): Promise<Loaded | LoadRefusal | undefined> {
    const { db, logger, kinds, ledger } = this.#options;
    const declared = kinds.get(request.kind);
    if (declared === undefined) return undefined;
    const query = readLoadQuery(method, request.query, request.by.roles.has('operator'));
    if (isRefusal(query)) return query;
    try {
      const arrival = await ledger.arrive();
      if (query.asOfMs !== undefined && query.asOfMs > arrival.nowMs) return future(query.asOfMs);
      const lease = { kind: request.kind, loadId: freshId() };
      const taken = await takeLease(db, lease);
      if (taken === undefined) return busy(request.kind).refusal;
      return await this.#underLease(method, request, query, {
        kind: new DescribedKind(declared),
        lease,
        arrival,
        stolen: taken.stolen,
      });
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

  async #underLease(
    method: LoadMethod,
    request: LoadRequest,
    query: LoadQuery,
    begun: {
      readonly kind: DescribedKind;
      readonly lease: Lease;
      readonly arrival: Arrival;
      readonly stolen: boolean;
    },
  ): Promise<Loaded | LoadRefusal> {
    const { db, clock, ledger } = this.#options;
    const { kind, lease, arrival } = begun;
    const done = nothingDone(kind);
    // Nothing must be left of the dead load before this one writes.
    done.wrote = begun.stolen;
    let flipped: InventoryEntry | Refusal;
    try {
      if (begun.stolen) await discardPending(db, lease);
      const inForce = await readInForce(db, request.kind);
      refuseOnSight(method, request.kind, query, kind, inForce);
      const revision = inForce?.revision ?? 0;
      const redefined = inForce !== undefined && inForce.definition !== kind.definition;
      const load: Load = { db, clock, kind, method, lease, inForce, revision, arrival, redefined, done };
      await writeLoad(load, request, query, ledger);
      flipped = await ledger.flip(flipOf(load, query, request.by.name));
    } catch (error) {
      await this.#abandon(lease, done.wrote);
      throw error;
    }
    if (isRefusal(flipped)) return flipped;
    this.#tidy(request.kind);
    const { revision, count, added, removed, changed } = flipped;
    return { revision, count, added, removed, changed };
  }

  /** Leaves nothing of a load that is not taken. What this cannot do now, the next load does before it begins. */
  async #abandon(lease: Lease, wrote: boolean): Promise<void> {
    const { db, logger } = this.#options;
    try {
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
    const { db, embedded, logger } = this.#options;
    const before = this.#tidying.get(kind);
    const tidying = (async () => {
      await before;
      try {
        await deletePast(db, kind);
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

/** All of a load but its flip: the lines, the measure, and what follows from the whole. */
async function writeLoad(
  load: Load,
  request: LoadRequest,
  query: LoadQuery,
  ledger: InventoryLedger,
): Promise<void> {
  const { db, kind, method, done, inForce } = load;
  if (method === 'put' && inForce !== undefined)
    done.patched = await keepPatched(load, query.asOfMs ?? load.arrival.nowMs);
  await writeLines(load, readLines(request, kind, method));
  if (method === 'put') done.removed = countAbsent(load);
  // By the agreed time, as windows: a database that is ahead must not let what was lost be forgotten early.
  const past =
    inForce && (await readPast(db, request.kind, kind.kind.maxAgeMs, (await ledger.arrive()).nowMs));
  const refusal = measureLoad(kind.kind, { method, ...done, count: countAfter(load) }, query, past);
  if (refusal !== undefined) throw new LoadRefused(refusal);
  if (method === 'put') await endAbsent(load);
  await settleTotals(load);
  if (isLarge(load)) await analyze(db);
}

/** More than a tenth of what was in force is new. */
const isLarge = ({ done, inForce, redefined }: Load): boolean =>
  redefined || (done.added + done.changed + done.removed) * 10 > (inForce?.count ?? 0);

function readLines(request: LoadRequest, kind: DescribedKind, method: LoadMethod): AsyncIterable<Lines> {
  const content = wholly(request.content);
  if (request.format === 'ndjson') return readNdjson(content, kind, method);
  if (method === 'put') return readCsv(content, kind);
  throw new LoadRefused(
    refuse({ rule: 'request.media_type', message: 'A PATCH comes as application/x-ndjson.' }),
  );
}

/** Whatever ends the stream before its end cuts the load off, and is told before what its last line looks like. */
async function* wholly(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  try {
    yield* content;
  } catch {
    // Why the client left is not known, and changes nothing.
    throw cutOff();
  }
}

/** What can be refused before a line is read. @throws LoadRefused */
function refuseOnSight(
  method: LoadMethod,
  name: string,
  query: LoadQuery,
  kind: DescribedKind,
  inForce: InForce | undefined,
): void {
  if (method === 'patch') {
    if (inForce === undefined)
      throw new LoadRefused(
        refuse({
          rule: 'inventory.empty',
          status: 409,
          message: `There is no inventory of ${name} to patch. Load a snapshot first.`,
        }),
      );
    if (inForce.definition !== kind.definition)
      throw new LoadRefused(
        refuse({
          rule: 'inventory.stale',
          status: 409,
          message: `The inventory of ${name} was loaded under another definition of the kind. Load a snapshot first.`,
        }),
      );
  } else if (inForce !== undefined && query.asOfMs !== undefined && query.asOfMs < inForce.asOfMs) {
    throw new LoadRefused(
      refuse({
        rule: 'inventory.out_of_order',
        message: `The snapshot was read at ${iso(query.asOfMs)}; the one in force at ${iso(inForce.asOfMs)}.`,
      }),
    );
  }
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();

const future = (asOfMs: number): LoadRefusal =>
  refuse({
    rule: 'request.invalid',
    message: `\`as_of\` (${iso(asOfMs)}) lies in the future, by the gate's agreed time.`,
  });
