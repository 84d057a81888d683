import path from 'node:path';

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

/** A server that a test may put in the place of the one that it follows. */
export interface Standby extends PostgresServer {
  /** From now on the server that it follows acknowledges no commit before this one has it on its disk. */
  becomeSynchronous(): Promise<void>;
  /** What the server that it follows writes does not come here any more. */
  cutOff(): Promise<void>;
  /** Waits until it has all that the server that it follows has written. */
  catchUp(): Promise<void>;
  /** It takes writes from here on, whoever else does. */
  promote(): Promise<void>;
}

/** A server with a database of the role `gate`, where to be followed from. */
export async function startPrimary(): Promise<PostgresServer> {
  const server = await startPostgres();
  await server.database('gate');
  return server;
}

/** A copy of a running server, which follows it. */
export async function startStandby(primary: PostgresServer): Promise<Standby> {
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
  const server = await runServer(folder, {
    settings: {
      primary_conninfo: `host=127.0.0.1 port=${port} user=admin application_name=${name}`,
      wal_receiver_status_interval: '1s',
      wal_retrieve_retry_interval: '100ms',
    },
  });
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
      await server.stop();
      await line.close();
    },
  };
}
