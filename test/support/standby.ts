import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Client } from 'pg';

import { until } from './api.ts';
import { startForwarder } from './forwarder.ts';
import {
  freePort,
  runServer,
  runTool,
  serverFolder,
  startPostgres,
  type PostgresServer,
} from './postgres-server.ts';

type Rows = readonly Readonly<Record<string, unknown>>[];

/** A server that a test may kill, and put another in the place of. */
export interface ReplicatedServer extends PostgresServer {
  /** One statement as the superuser. */
  ask(statement: string, database?: string): Promise<Rows>;
  /** SIGKILL for every process of it: nothing more is written, and nobody is told. */
  kill9(): Promise<void>;
}

export interface Standby extends ReplicatedServer {
  /** From now on the server that it follows acknowledges no commit before this one has it on its disk. */
  becomeSynchronous(): Promise<void>;
  /** What the server that it follows writes does not come here any more. */
  cutOff(): Promise<void>;
  /** Waits until it has all that the server that it follows has written. */
  catchUp(): Promise<void>;
  /** It takes writes from here on, whoever else does. */
  promote(): Promise<void>;
}

/** A server with the role `gate` and a database of its own, where to be followed from. */
export async function startPrimary(): Promise<ReplicatedServer> {
  const server = killable(await startPostgres());
  await server.ask('create role gate login');
  await server.ask('create database gate owner gate');
  return server;
}

/** A copy of a running server, which follows it. */
export async function startStandby(primary: ReplicatedServer): Promise<Standby> {
  const name = `standby_${await freePort()}`;
  const folder = serverFolder();
  const data = path.join(folder, 'data');
  await runTool(folder, 'pg_basebackup', [
    ...['-D', data, '-h', '127.0.0.1', '-p', String(primary.port), '-U', 'admin'],
    ...['-R', '-c', 'fast', '--no-sync'],
  ]);
  // A way of its own, so that it can be cut off with nothing in between on its way.
  const line = await startForwarder(primary.port);
  const { port } = new URL(line.through(`postgres://127.0.0.1:${primary.port}`));
  const running = await runServer(folder, {
    settings: {
      primary_conninfo: `host=127.0.0.1 port=${port} user=admin application_name=${name}`,
      wal_receiver_status_interval: '1s',
      wal_retrieve_retry_interval: '100ms',
    },
  });
  const server = killable(running);
  const followed = async (column: string, wanted: string): Promise<void> => {
    const query = `select (${column})::text as it from pg_stat_replication where application_name = '${name}'`;
    await until(
      async () => await primary.ask(query),
      rows => rows[0]?.['it'] === wanted,
      20_000,
    );
  };
  const caughtUp = async (): Promise<void> => {
    const [written] = await primary.ask('select pg_current_wal_flush_lsn()::text as lsn');
    await followed(`replay_lsn >= '${String(written?.['lsn'])}'`, 'true');
  };
  await followed('state', 'streaming');
  return {
    ...server,
    becomeSynchronous: async () => {
      await primary.ask(`alter system set synchronous_standby_names = '${name}'`);
      await primary.ask('select pg_reload_conf()');
      await followed('sync_state', 'sync');
    },
    cutOff: async () => {
      await line.cut();
    },
    catchUp: caughtUp,
    promote: async () => {
      await runTool(folder, 'pg_ctl', ['promote', '-w', '-D', data]);
    },
    stop: async () => {
      await running.stop();
      await line.close();
    },
  };
}

function killable(server: PostgresServer): ReplicatedServer {
  const ask = async (statement: string, database = 'postgres'): Promise<Rows> => {
    const client = new Client({ connectionString: `${server.adminUrl}/${database}` });
    client.on('error', () => undefined);
    await client.connect();
    try {
      const { rows } = await client.query<Record<string, unknown>>(statement);
      return rows;
    } finally {
      await client.end();
    }
  };
  const kill9 = async (): Promise<void> => {
    const [line] = readFileSync(path.join(server.folder, 'data', 'postmaster.pid'), 'utf8').split('\n');
    const postmaster = Number(line);
    // Stopped first: it would begin new processes, or tell the others.
    process.kill(postmaster, 'SIGSTOP');
    const all = [...childrenOf(postmaster), postmaster];
    for (const pid of all) killIfThere(pid);
    await until(
      async () => await Promise.resolve(all.filter(isRunning)),
      left => left.length === 0,
    );
  };
  return { ...server, ask, kill9 };
}

const processes = (columns: string): string[][] =>
  execFileSync('ps', ['-A', '-o', columns], { encoding: 'utf8' })
    .split('\n')
    .map(line => line.trim().split(/\s+/u));

const childrenOf = (parent: number): number[] =>
  processes('pid=,ppid=').flatMap(([pid, ppid]) => (Number(ppid) === parent ? [Number(pid)] : []));

/** One that is dead and not yet waited for is dead. */
const isRunning = (pid: number): boolean =>
  processes('pid=,state=').some(([one, state = 'Z']) => Number(one) === pid && !state.startsWith('Z'));

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It had ended by itself.
  }
}
