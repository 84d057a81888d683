import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pool, PoolClient } from 'pg';
import { sha256 } from '../kit/digest.ts';
import { sqlState } from './from-database.ts';
import { asError } from '../kit/fault.ts';
import { MigrationFailed, StoreInUse, StoreRefused } from './store-refused.ts';

export interface Migration {
  readonly number: number;
  /** The file's name. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file. */
  readonly checksum: string;
}

/** The newest migration that this version knows: what the rows of a database with a later one mean, it may not know. */
export const NEWEST_MIGRATION = 10;

/** What whoever runs on one with a later one says. */
export const STORE_NEWER =
  'A gate of a newer version has migrated the database. This one records nothing in it; ask the newer one, and restart this one with that version.';

/** Both src/db and dist/db are two folders below the package. */
const shippedFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** Any number of our own: whoever migrates this database holds this advisory lock. */
const MIGRATION_LOCK = 4_711_2014;

/** So long a migration waits for a table: what comes after it, a stop too, waits behind it. */
const TABLE_WAIT = '1s';

/**
 * The migrations that ship, in order.
 * @throws StoreRefused on a gap, a duplicate, an odd name, none at all, or a file that ends its transaction.
 */
export async function readMigrations(folder: string = shippedFolder): Promise<Migration[]> {
  const names = (await readdir(folder)).filter(name => name.endsWith('.sql')).toSorted();
  if (names.length === 0) throw new StoreRefused(`There are no migrations in ${folder}.`);
  const migrations: Migration[] = [];
  for (const [index, name] of names.entries()) {
    const sql = await readFile(path.join(folder, name), 'utf8');
    const expected = String(index + 1).padStart(4, '0');
    if (!/^\d{4}_[a-z0-9_]+\.sql$/.test(name) || !name.startsWith(expected))
      throw new StoreRefused(
        `Migrations are numbered without gaps: ${name} in ${folder} stands where ${expected}_….sql must.`,
      );
    if (/^\s*(begin|commit|rollback|start\s+transaction)\b[^;]*;/im.test(sql.replaceAll(/\$\$.*?\$\$/gs, '')))
      throw new StoreRefused(`The migration ${name} begins or ends a transaction; each runs in one of ours.`);
    migrations.push({ number: index + 1, name, sql, checksum: sha256(sql) });
  }
  return migrations;
}

interface Landed {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

async function readLanded(client: PoolClient): Promise<Landed[]> {
  const { rows: found } = await client.query<{ there: boolean; used: boolean }>(
    "select to_regclass('public.migrations') is not null as there, to_regclass('public.head') is not null as used",
  );
  const { rows } =
    found[0]?.there === true
      ? await client.query<Landed>('select number, name, checksum from migrations order by number')
      : { rows: [] };
  if (rows.length === 0 && found[0]?.used === true)
    throw new StoreRefused(
      'The database has tables of a gate, but no record of the migrations that made them. A restore that is under way, or was cut off, leaves it so: restore it whole, into an empty database.',
    );
  return rows;
}

/** What landed must be a prefix of what ships, byte for byte. */
function refuseStrangers(landed: readonly Landed[], shipped: readonly Migration[]): void {
  const newest = landed.at(-1);
  const last = shipped.at(-1);
  if (newest !== undefined && last !== undefined && newest.number > last.number)
    throw new StoreRefused(
      `The database is newer than this gate: it has the migration ${newest.name}, and this version knows none after ${last.name}. Start a version at least as new as the one that wrote it.`,
    );
  for (const [index, one] of landed.entries()) {
    const own = shipped[index];
    if (own === undefined || one.number !== own.number || one.name !== own.name)
      throw new StoreRefused(
        `The migration ${one.name} landed in the database, but in this version its place is taken by ${own?.name ?? 'none'}. Landed migrations are never renamed, removed or reordered.`,
      );
    if (one.checksum !== own.checksum)
      throw new StoreRefused(
        `The migration ${one.name} was edited after it landed in the database (${one.checksum} landed, ${own.checksum} is here). Restore the file and write a new migration.`,
      );
  }
}

async function refuseWithoutRight(client: PoolClient, next: Migration): Promise<void> {
  const { rows } = await client.query<{ may: boolean; role: string }>(
    "select has_schema_privilege('public', 'create') as may, current_user as role",
  );
  if (rows[0]?.may !== true)
    throw new StoreRefused(
      `The migration ${next.name} has not landed in the database, and the role ${rows[0]?.role ?? ''} may not migrate. Start the gate once with the role that owns the database (migrations/README.md).`,
    );
}

/** Sessions that hold a table or a row of one, as `pid (application)`. */
async function readHolders(client: PoolClient): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select distinct l.pid || coalesce(' (' || nullif(a.application_name, '') || ')', '') as name
       from pg_locks l join pg_class c on c.oid = l.relation and c.relkind in ('r', 'p')
       left join pg_stat_activity a on a.pid = l.pid
       where l.granted and l.pid <> pg_backend_pid() and c.relnamespace = 'public'::regnamespace
         and l.database = (select oid from pg_database where datname = current_database())
       order by name`,
  );
  return rows.map(({ name }) => name);
}

/** No lock in time, or given up so that two who waited for each other go on. */
const isLockedOut = (thrown: unknown): boolean => /^(55P03|40P01)$/.test(sqlState(thrown));

/** A connection that ended says nothing of the migration: shut down, broken, or never made. */
const isOfConnection = (thrown: unknown): boolean => /^(|EPIPE|08.{3}|57P.{2})$/.test(sqlState(thrown));

const toFailed = (name: string, thrown: unknown): unknown =>
  isOfConnection(thrown)
    ? thrown
    : new MigrationFailed(
        `The migration ${name} failed: ${asError(thrown).message}. Nothing of it is kept.`,
        { cause: thrown },
      );

/** @throws MigrationFailed while another gate migrates */
async function lockMigrations(client: PoolClient): Promise<void> {
  await client.query("set local lock_timeout = '60s'");
  await client.query('set local statement_timeout = 0');
  try {
    await client.query('select pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  } catch (thrown) {
    if (!isLockedOut(thrown)) throw thrown;
    throw new MigrationFailed(
      'Another gate is bringing the database to its version, and has taken more than a minute. This one waits for it.',
      { cause: thrown },
    );
  }
}

/**
 * Lands a migration, or gives its place up: a dump holds its tables for an hour, and who asks for one after the migration, if only
 * to read it, gets it after the migration.
 * @throws StoreInUse, MigrationFailed
 */
async function land(client: PoolClient, { name, sql }: Migration): Promise<void> {
  await client.query(`set local lock_timeout = '${TABLE_WAIT}'`);
  const before = await readHolders(client);
  await client.query('savepoint landing');
  try {
    await client.query(sql);
    // Gates of the version before that run on it see that something is new, and read that it is this.
    await client.query(
      `do $$ begin if to_regclass('public.head') is not null then update public.head set version = version + 1 where seq > 0; end if; end $$`,
    );
  } catch (thrown) {
    if (!isLockedOut(thrown)) throw toFailed(name, thrown);
    await client.query('rollback to savepoint landing');
    const since = new Set(before);
    // Who came and went meanwhile, as a gate that decides, is not who it waits for.
    const holders = (await readHolders(client)).filter(holder => since.has(holder));
    throw new StoreInUse(name, holders, thrown);
  }
}

/** In the caller's transaction: the next migration that has not landed, or undefined. */
async function landNext(client: PoolClient, shipped: readonly Migration[]): Promise<Migration | undefined> {
  await lockMigrations(client);
  const landed = await readLanded(client);
  refuseStrangers(landed, shipped);
  const next = shipped[landed.length];
  if (next === undefined) return undefined;
  await refuseWithoutRight(client, next);
  await client.query(
    `create table if not exists migrations (
       number integer primary key, name text not null, checksum text not null,
       applied_at timestamptz not null default now())`,
  );
  await land(client, next);
  await client.query('insert into migrations (number, name, checksum) values ($1, $2, $3)', [
    next.number,
    next.name,
    next.checksum,
  ]);
  return next;
}

async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken = true;
  try {
    await client.query('begin');
    try {
      const result = await work(client);
      await client.query('commit');
      broken = false;
      return result;
    } catch (error) {
      // The first error is the one that says something; a connection that cannot roll back is thrown away.
      broken = await client.query('rollback').then(
        () => false,
        () => true,
      );
      throw error;
    }
  } finally {
    client.release(broken);
  }
}

/**
 * Brings the database to this version: each missing migration in one transaction, under a lock, so that any number of
 * gates may start at once and a kill leaves nothing half.
 * @returns the names of what landed now.
 * @throws StoreRefused when the database is newer, or a landed migration was edited, renamed or removed.
 * @throws StoreInUse when others hold a table that must change, MigrationFailed when the database says no: to be tried again
 */
export async function migrate(pool: Pool, folder: string = shippedFolder): Promise<string[]> {
  const shipped = await readMigrations(folder);
  const applied: string[] = [];
  for (;;) {
    const landed = await inTransaction(pool, client => landNext(client, shipped));
    if (landed === undefined) return applied;
    applied.push(landed.name);
  }
}

/**
 * How the database stands to this version, without changing it.
 * @returns how many migrations landed (0 in a new database), and the names of those that the next start lands
 * @throws StoreRefused as `migrate` does
 */
export async function compareMigrations(
  pool: Pool,
): Promise<{ readonly landed: number; readonly missing: readonly string[] }> {
  const shipped = await readMigrations();
  const client = await pool.connect();
  try {
    const landed = await readLanded(client);
    refuseStrangers(landed, shipped);
    const missing = shipped.slice(landed.length);
    if (missing[0] !== undefined) await refuseWithoutRight(client, missing[0]);
    return { landed: landed.length, missing: missing.map(({ name }) => name) };
  } finally {
    client.release();
  }
}
