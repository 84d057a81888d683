import { Client, Pool } from 'pg';
import type { TestProject } from 'vitest/node';
import { migrate } from '../../src/db/migrate.ts';
import { findPostgres, startPostgres, type PostgresServer } from './postgres-server.ts';
import { preparedStore } from './store.ts';

/** What a run tells its test files about PostgreSQL. */
export type ProvidedPostgres =
  | { readonly absent: string }
  | { readonly adminUrl: string; readonly port: number; readonly template: string };

declare module 'vitest' {
  interface ProvidedContext {
    postgres: ProvidedPostgres;
  }
}

/** Whether a test that cannot run is a failure. */
const isStrict = (): boolean =>
  process.env['CI_STRICT'] === '1' || process.env['INTERLOCK_TESTS'] === 'strict';

const TEMPLATE = 'interlock_template';

let server: PostgresServer | undefined;

/** A migrated database that each test file clones; owned by `gate`, who owns its databases and no more. */
async function makeTemplate(running: PostgresServer): Promise<void> {
  const admin = new Client({ connectionString: `${running.adminUrl}/postgres` });
  await admin.connect();
  await admin.query(`create database ${TEMPLATE} owner gate`);
  const pool = new Pool({
    connectionString: `postgres://gate@127.0.0.1:${running.port}/${TEMPLATE}`,
    max: 1,
  });
  await migrate(pool);
  await pool.end();
  await admin.query(`alter database ${TEMPLATE} with is_template true allow_connections false`);
  await admin.end();
}

export async function setup(project: TestProject): Promise<void> {
  await preparedStore();
  if (findPostgres() === undefined) {
    const absent =
      'no PostgreSQL server (15 or later) is installed: the tests that need one are skipped. On Debian: apt-get install postgresql';
    if (isStrict()) throw new Error(absent);
    console.warn(`\n${absent}\n`);
    project.provide('postgres', { absent });
    return;
  }
  server = await startPostgres();
  await makeTemplate(server);
  project.provide('postgres', { adminUrl: server.adminUrl, port: server.port, template: TEMPLATE });
}

export async function teardown(): Promise<void> {
  await server?.stop();
}
