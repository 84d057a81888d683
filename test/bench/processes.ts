import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { startPostgres, type PostgresServer } from '../support/postgres-server.ts';

/** As `deploy/interlock.service` starts the gate; what it is held against has the same. */
export const NODE_FLAGS = ['--max-semi-space-size=32'];

export interface Helper {
  readonly url: string;
  end(): Promise<void>;
}

/** Starts a script of this folder that says its address. */
export async function startHelper(script: string, ...args: string[]): Promise<Helper> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [...NODE_FLAGS, '--import', 'tsx', file, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<void>(resolve => child.once('exit', () => resolve()));
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    void ended.then(() => reject(new Error(`${script} ended before it said its address`)));
  });
  return {
    url,
    end: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** A durable server of its own, as it comes but for its memory, and a way to new databases on it. */
export interface BenchServer {
  readonly server: PostgresServer;
  /** An empty database, or a copy of another one. */
  database(name: string, template?: string): Promise<string>;
  has(name: string): Promise<boolean>;
  /** A client of the superuser in a database. The caller ends it. */
  admin(database: string): Promise<Client>;
}

export async function startBenchServer(): Promise<BenchServer> {
  const server = await startPostgres({ settings: { shared_buffers: '512MB', max_wal_size: '4GB' } });
  const admin = async (database: string): Promise<Client> => {
    const client = new Client({ connectionString: `${server.adminUrl}/${database}` });
    await client.connect();
    return client;
  };
  return {
    server,
    admin,
    has: async name => {
      const client = await admin('postgres');
      const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
      await client.end();
      return rowCount === 1;
    },
    database: async (name, template = 'template1') => {
      const client = await admin('postgres');
      await client.query(`create database ${name} template ${template} owner gate`);
      await client.end();
      return `postgres://gate@127.0.0.1:${server.port}/${name}`;
    },
  };
}
