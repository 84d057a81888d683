import { setImmediate as nextTurn } from 'node:timers/promises';
import { sql, type Kysely, type Transaction } from 'kysely';
import type { Database } from '../db/database.ts';
import { NEWEST_MIGRATION, STORE_NEWER } from '../db/migrate.ts';
import { Fault } from '../kit/fault.ts';

/** A writer that was silent for so long has lost its place to whoever asks next. */
const LEASE_S = 60;

/** The right to write what the next revision of a kind will be. */
export interface Lease {
  readonly kind: string;
  readonly loadId: string;
}

/** The lease was taken over: what this load wrote is no longer its own. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

/**
 * Undefined if another load holds it; `stolen` if that load is dead, and what it left must be discarded first.
 * @param isForced takes the place of one that lives: an operator who forces a load does not wait for a source that trickles
 */
export async function takeLease(
  db: Kysely<Database>,
  lease: Lease,
  isForced: boolean,
): Promise<{ readonly stolen: boolean } | undefined> {
  const fresh = await sql`
    insert into inventory_loads (kind, load_id, heartbeat_at) values (${lease.kind}, ${lease.loadId}, clock_timestamp())
    on conflict (kind) do nothing returning kind`.execute(db);
  if (fresh.rows.length > 0) return { stolen: false };
  // A heartbeat of the future is one from before the database's clock was set back.
  const stale = await sql`
    update inventory_loads set load_id = ${lease.loadId}, heartbeat_at = clock_timestamp()
    where kind = ${lease.kind}
      and (${isForced} or abs(extract(epoch from clock_timestamp() - heartbeat_at)) > ${LEASE_S})
    returning kind`.execute(db);
  return stale.rows.length > 0 ? { stolen: true } : undefined;
}

/**
 * Fences a transaction: keeps the lease, and its row locked to the end of the transaction, so that nobody takes it over meanwhile.
 * @throws LeaseLost
 * @throws Fault `store.newer`: the rows of a load that goes on would be of another version than the database
 */
async function beat(tx: Kysely<Database>, lease: Lease): Promise<void> {
  const { rows } = await sql<{ migration: number | null }>`
    update inventory_loads set heartbeat_at = clock_timestamp()
    where kind = ${lease.kind} and load_id = ${lease.loadId}
    returning (select max(number) from migrations) as migration`.execute(tx);
  const [kept] = rows;
  if (kept === undefined) throw new LeaseLost(`the lease on ${lease.kind} was taken over`);
  if (kept.migration === null || kept.migration > NEWEST_MIGRATION)
    throw new Fault('store.newer', STORE_NEWER);
}

/**
 * Gives the lease back. True if it was still ours, and then nobody can have taken it before this transaction ends.
 */
export async function giveBack(tx: Kysely<Database>, lease: Lease): Promise<boolean> {
  const { rows } = await sql`
    delete from inventory_loads where kind = ${lease.kind} and load_id = ${lease.loadId} returning kind`.execute(
    tx,
  );
  return rows.length > 0;
}

/** Leaves the place, and what was written, to the next load, which discards it first: as of one that died long ago. */
export async function leaveToNext(db: Kysely<Database>, lease: Lease): Promise<void> {
  await sql`update inventory_loads set heartbeat_at = 'epoch'
    where kind = ${lease.kind} and load_id = ${lease.loadId}`.execute(db);
}

/** As `leaveToNext`, of every load there is: for who knows that none of them lives. */
export async function leaveAllToNext(db: Kysely<Database>): Promise<void> {
  await sql`update inventory_loads set heartbeat_at = 'epoch'`.execute(db);
}

/** A short transaction that only the lease's holder can make. */
export async function underLease<T>(
  db: Kysely<Database>,
  lease: Lease,
  work: (tx: Transaction<Database>) => Promise<T>,
): Promise<T> {
  const result = await db.transaction().execute(async tx => {
    await beat(tx, lease);
    return await work(tx);
  });
  // The embedded store answers without a turn of the event loop: whatever else this process does would wait for the whole load.
  await nextTurn();
  return result;
}

/** Rows at a time; on the embedded store nothing else runs meanwhile. */
const DISCARD_ROWS = 1_000;

const inForce = (kind: string) =>
  sql`coalesce((select revision from inventory_kinds where kind = ${kind}), 0)`;

/**
 * Statements that take back what a load wrote for a revision that never came, a bounded number of rows each. In this order: a new row must go
 * before the one that it would have followed can stand again.
 */
const discards = (kind: string) => [
  ...['inventory_targets', 'inventory_total_versions'].map(
    table => sql`delete from ${sql.table(table)} where ctid = any(array(
      select ctid from ${sql.table(table)} where kind = ${kind} and from_revision > ${inForce(kind)} limit ${sql.lit(DISCARD_ROWS)}))`,
  ),
  ...['inventory_targets', 'inventory_total_versions'].map(
    table => sql`update ${sql.table(table)} set to_revision = null where ctid = any(array(
      select ctid from ${sql.table(table)} where kind = ${kind} and to_revision > ${inForce(kind)} limit ${sql.lit(DISCARD_ROWS)}))`,
  ),
  sql`delete from inventory_patches where ctid = any(array(
    select ctid from inventory_patches where kind = ${kind} and revision > ${inForce(kind)} limit ${sql.lit(DISCARD_ROWS)}))`,
];

/**
 * Takes back, bit by bit, what a load wrote that never came into force. Readers see no difference: they look at the revision in force.
 * @throws LeaseLost
 */
export async function discardPending(db: Kysely<Database>, lease: Lease): Promise<void> {
  for (const discard of discards(lease.kind)) {
    let rows: bigint;
    do {
      rows = await underLease(db, lease, async tx => (await discard.execute(tx)).numAffectedRows ?? 0n);
    } while (rows >= BigInt(DISCARD_ROWS));
  }
}
