import { Client } from 'pg';
import { describe, inject } from 'vitest';
import { createLogger } from '../../src/kit/logger.ts';
import { freshId } from '../../src/kit/ids.ts';
import { openStore, type Store, type StoreOptions } from '../../src/db/store.ts';

/** A database of its own on the run's throwaway PostgreSQL server. */
export interface FreshDatabase {
  /** As the role `gate`, which owns it. */
  readonly url: string;
  /** As the superuser. */
  readonly adminUrl: string;
  readonly name: string;
  /** Ends all connections to it, and drops it. */
  drop(): Promise<void>;
}

/** Why there is no PostgreSQL server in this run, or undefined if there is one. */
export const postgresAbsent = (): string | undefined => {
  const provided = inject('postgres');
  return 'absent' in provided ? provided.absent : undefined;
};

/** `describe` for what contends: skipped where no PostgreSQL server is installed, which strict runs refuse. */
export const describeWithPostgres = postgresAbsent() === undefined ? describe : describe.skip;

/** One statement as the superuser, in the database `postgres` unless told otherwise. */
export async function asAdmin(sql: string, database = 'postgres'): Promise<void> {
  const provided = inject('postgres');
  if ('absent' in provided) throw new Error(provided.absent);
  const admin = new Client({ connectionString: `${provided.adminUrl}/${database}` });
  await admin.connect();
  try {
    await admin.query(sql);
  } finally {
    await admin.end();
  }
}

/** A database cloned from the migrated template, or with `{ migrated: false }` an empty one. */
export async function freshDatabase(options: { migrated?: boolean } = {}): Promise<FreshDatabase> {
  const provided = inject('postgres');
  if ('absent' in provided) throw new Error(provided.absent);
  const name = `test_${freshId().replaceAll('-', '_')}`;
  const template = options.migrated === false ? 'template1' : provided.template;
  await asAdmin(`create database ${name} template ${template} owner gate`);
  return {
    url: `postgres://gate@127.0.0.1:${provided.port}/${name}`,
    adminUrl: `${provided.adminUrl}/${name}`,
    name,
    drop: async () => {
      await asAdmin(`drop database if exists ${name} with (force)`);
    },
  };
}

/** A store on a fresh, migrated database, which goes when the store is closed. */
export async function serverStore(options: StoreOptions = {}): Promise<Store & { readonly url: string }> {
  const database = await freshDatabase();
  const store = await openStore({ type: 'server', url: database.url }, createLogger('silent'), options);
  const close = async (): Promise<void> => {
    await store.close();
    await database.drop();
  };
  return { ...store, url: database.url, close };
}
